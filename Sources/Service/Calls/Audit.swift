import DitherBasics
import DitherDatasets
import DitherInference
import DitherProto
import DitherRobustness
import DitherStore
import DitherTransport
import Foundation
import SwiftProtobuf

/// `Robustness/Audit`: checks what is asked, makes a job of it, and streams what becomes of the job. The job outlives the
/// call.
package struct AuditCall: ServerStreamCall {
  package static let method = Dither_V1_Robustness.audit
  package static let policy = CallPolicy(role: .audit, defaultDeadline: nil)

  let means: AuditMeans
  let audits: JobRunner
  let pool: ComputePool
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    means = services.means
    audits = services.audits
    pool = services.planning
    limits = services.limits
  }
  private var registry: ModelRegistry { means.registry }
  private var store: Store { means.store }

  package func answer(
    _ request: Dither_V1_AuditRequest, _ caller: Caller, _ send: ResponseWriter<Dither_V1_AuditEvent>
  ) async throws {
    try await send.forward(start(request, caller))
  }

  /// - Returns: what becomes of the job, whether it is read or not.
  package func start(_ request: Dither_V1_AuditRequest, _ caller: Caller) async throws -> AsyncStream<JobEvent> {
    try await pool.run {
      guard audits.queued < limits.queuedAudits else {
        throw ServiceError(
          .overloaded, at: "audits", expected: "at most \(limits.queuedAudits) that wait", got: "\(audits.queued)",
          advice: "try again later", retryAfterMilliseconds: 10_000)
      }
      var (spec, sent) = try spec(request)
      spec.code = means.code
      let job = Job(
        id: JobStore.newID(), kind: AuditSpec.kind, subject: spec.model.reference, spec: spec.json,
        createdBy: caller.name)
      // The models and the data are found good before anything is promised.
      _ = try AuditWork(spec, sent: sent, with: means)
      try registry.keepingFiles {
        let blob = try sent.map { try store.blobs.insert($0.serializedBytes() as [UInt8]) }
        do {
          try store.jobs.create(job, blobs: spec.blobs)
        } catch {
          if let blob { _ = try? store.release([blob]) }
          throw error
        }
      }
      let events = try audits.watch(job.id)
      audits.enqueue(job.id)
      return events
    }
  }

  /// What is asked for, and the examples that came with it, which are stored with the job, if one is made.
  func spec(_ request: Dither_V1_AuditRequest) throws -> (spec: AuditSpec, sent: Dither_V1_Examples?) {
    guard request.rivals.count <= limits.auditRivals, request.rivals.isEmpty || !request.baseline.isEmpty else {
      throw ServiceError(
        .badField, at: "rivals", expected: "at most \(limits.auditRivals), beside a baseline",
        got: "\(request.rivals.count)")
    }
    let references = [request.model] + (request.baseline.isEmpty ? [] : [request.baseline]) + request.rivals
    guard request.temperatures.count <= references.count else {
      throw ServiceError(
        .badField, at: "temperatures", expected: "at most one for each of \(references.count) models",
        got: "\(request.temperatures.count)")
    }
    let asked = request.temperatures + [Double](repeating: 0, count: references.count - request.temperatures.count)
    let subjects = try zip(references, asked).map { try subject($0, temperature: $1) }
    guard request.budgetSeconds.isFinite, request.budgetSeconds >= 0 else {
      throw ServiceError(.badField, at: "budget_seconds", expected: "0 or more", got: "\(request.budgetSeconds)")
    }
    guard request.gates.count <= Gate.mostGates else {
      throw ServiceError(
        .badField, at: "gates", expected: "at most \(Gate.mostGates)", got: "\(request.gates.count)")
    }
    for gate in request.gates { _ = try Gate(parsing: gate) }
    let probes = request.probes.map { AuditSpec.Probe(probe: $0.probe, parameters: $0.parameters) }
    // Refused here, so that a mistake in a name is not hidden behind one in the data.
    for probe in probes { _ = try ProbeSpec(probe.probe, probe.parameters).resolved() }
    let battery = try request.battery.isEmpty ? nil : Catalog<Battery>.batteries.entry(named: request.battery)
    let (data, sent) = try data(request, battery)
    let spec = AuditSpec(
      model: subjects[0].spec, baseline: subjects.count > 1 ? subjects[1].spec : nil,
      data: data, battery: request.battery, probes: probes, seed: request.seed,
      samples: request.samples > 0 ? Int(request.samples) : subjects[0].samples,
      rivals: subjects.dropFirst(2).map(\.spec),
      gates: request.gates, budget: request.budgetSeconds > 0 ? request.budgetSeconds : nil)
    return (spec, sent)
  }

  /// - Parameter temperature: 0: that of its calibration.
  private func subject(
    _ reference: String, temperature: Double
  ) throws -> (spec: AuditSpec.Subject, samples: Int) {
    guard temperature == 0 || AuditSubject.temperatures.contains(temperature) else {
      throw ServiceError(
        .badField, at: "temperatures",
        expected: "0, or \(AuditSubject.temperatures.lowerBound) to \(AuditSubject.temperatures.upperBound)",
        got: "\(temperature)")
    }
    let names = reference.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    guard names.count <= AuditSubject.mostMembers else {
      throw ServiceError(
        .badField, at: "model", expected: "at most \(AuditSubject.mostMembers) members of an ensemble",
        got: "\(names.count)")
    }
    let versions = try names.map { try registry.resolve($0) }, first = versions[0]
    guard versions.count > 1 else {
      var spec = AuditSpec.Subject(first)
      spec.temperature = temperature == 0 ? try registry.calibration(of: first)?.fitted.temperature : temperature
      return (spec, first.model.defaultSamples)
    }
    var spec = AuditSpec.Subject(ensemble: versions, first: first)
    spec.temperature = temperature == 0 ? nil : temperature
    return (spec, 0)
  }

  private func data(_ request: Dither_V1_AuditRequest, _ battery: Battery?) throws
    -> (AuditSpec.Data, sent: Dither_V1_Examples?)
  {
    switch request.data {
    case .dataSet(let reference):
      // Which set, and how much of it, is settled now.
      let parts = reference.split(separator: ":", omittingEmptySubsequences: false)
      _ = try Catalog.dataSets.entry(named: parts.first.map(String.init) ?? "")
      let asked =
        try parts.count > 1
        ? nil : min(battery?.defaultExamples ?? limits.auditExamples, Dataset.load(reference).count)
      return (.named(asked.map { "\(reference):\($0)" } ?? reference), nil)
    case .examples(let examples):
      guard examples.labels.count <= limits.auditExamples else {
        throw ServiceError(
          .badField, at: "examples.labels", expected: "at most \(limits.auditExamples)",
          got: "\(examples.labels.count)")
      }
      return (.sent(BlobID(Sha256.hash(try examples.serializedBytes() as [UInt8]))), examples)
    case nil:
      throw ServiceError(
        .badField, at: "data", expected: "data_set or examples", got: "neither",
        advice: "name a data set, as fashion-mnist:100")
    }
  }
}

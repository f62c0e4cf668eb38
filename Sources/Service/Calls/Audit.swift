import DitherBasics
import DitherDatasets
import DitherProto
import DitherRobustness
import DitherStore
import Foundation
import SwiftProtobuf

/// `Robustness/Audit`: checks what is asked, makes a job of it, and streams what becomes of the job. The job outlives the
/// call.
package struct AuditCall: Sendable {
  let registry: ModelRegistry
  let store: Store
  let audits: JobRunner
  let pool: ComputePool
  let limits: ServerConfiguration.Limits

  package func answer(_ request: Dither_V1_AuditRequest, _ caller: Caller) async throws -> AsyncStream<JobEvent> {
    try await pool.run {
      guard audits.queued < limits.queuedAudits else {
        throw ServiceError(
          .overloaded, at: "audits", expected: "at most \(limits.queuedAudits) that wait", got: "\(audits.queued)",
          advice: "try again later", retryAfterMilliseconds: 10_000)
      }
      let spec = try spec(request)
      let job = Job(
        id: JobStore.newID(), kind: AuditSpec.kind, subject: spec.model.reference, spec: spec.json,
        createdBy: caller.name)
      // The models and the data are found good before anything is promised.
      _ = try AuditWork(spec, store: store, registry: registry)
      try registry.keepingFiles { try store.jobs.create(job, blobs: spec.blobs) }
      let events = try audits.watch(job.id)
      audits.enqueue(job.id)
      return events
    }
  }

  func spec(_ request: Dither_V1_AuditRequest) throws -> AuditSpec {
    let model = try registry.resolve(request.model)
    let baseline = try request.baseline.isEmpty ? nil : registry.resolve(request.baseline)
    let rivals = try request.rivals.map { AuditSpec.Subject(try registry.resolve($0)) }
    guard rivals.count <= limits.auditRivals, rivals.isEmpty || baseline != nil else {
      throw ServiceError(
        .badField, at: "rivals", expected: "at most \(limits.auditRivals), beside a baseline", got: "\(rivals.count)")
    }
    guard request.budgetSeconds.isFinite, request.budgetSeconds >= 0 else {
      throw ServiceError(.badField, at: "budget_seconds", expected: "0 or more", got: "\(request.budgetSeconds)")
    }
    for gate in request.gates { _ = try Gate(parsing: gate) }
    let probes = request.probes.map { AuditSpec.Probe(probe: $0.probe, parameters: $0.parameters) }
    // Refused here, so that a mistake in a name is not hidden behind one in the data.
    for probe in probes { _ = try ProbeSpec(probe.probe, probe.parameters).resolved() }
    let battery = try request.battery.isEmpty ? nil : Catalog<Battery>.batteries.entry(named: request.battery)
    return AuditSpec(
      model: AuditSpec.Subject(model), baseline: baseline.map(AuditSpec.Subject.init),
      data: try data(request, battery), battery: request.battery, probes: probes, seed: request.seed,
      samples: request.samples > 0 ? Int(request.samples) : model.model.defaultSamples, rivals: rivals,
      gates: request.gates, budget: request.budgetSeconds > 0 ? request.budgetSeconds : nil)
  }

  private func data(_ request: Dither_V1_AuditRequest, _ battery: Battery?) throws -> AuditSpec.Data {
    switch request.data {
    case .dataSet(let reference):
      // Which set, and how much of it, is settled now.
      let parts = reference.split(separator: ":", omittingEmptySubsequences: false)
      _ = try Catalog.dataSets.entry(named: parts.first.map(String.init) ?? "")
      let asked = parts.count > 1 ? nil : battery?.defaultExamples ?? limits.auditExamples
      return .named(asked.map { "\(reference):\($0)" } ?? reference)
    case .examples(let examples):
      guard examples.labels.count <= limits.auditExamples else {
        throw ServiceError(
          .badField, at: "examples.labels", expected: "at most \(limits.auditExamples)",
          got: "\(examples.labels.count)")
      }
      _ = try AuditExamples.data(examples)
      return .sent(try store.blobs.insert(examples.serializedBytes()))
    case nil:
      throw ServiceError(
        .badField, at: "data", expected: "data_set or examples", got: "neither",
        advice: "name a data set, as fashion-mnist:100")
    }
  }
}

import DitherBasics
import DitherGraph
import DitherInference
import DitherJobs
import DitherProto
import DitherRobustness
import DitherStore
import DitherTransport
import Foundation
import SwiftProtobuf
import Tracing

/// `Robustness/Audit`: checks what is asked, makes a job of it, and streams what becomes of the job. The job outlives
/// the call.
package struct AuditCall: ServerStreamCall {
  package static let method = Dither_V1_Robustness.audit
  package static let policy = CallPolicy(role: .audit, defaultDeadline: nil)

  let means: AuditMeans
  let audits: JobRunner
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    means = services.means
    audits = services.audits
    limits = services.limits
  }

  package func answer(
    _ request: Dither_V1_AuditRequest, _ caller: Caller, _ send: ResponseWriter<Dither_V1_AuditEvent>
  ) async throws {
    try await send.forward(start(request, caller))
  }

  /// - Returns: what becomes of the job, whether it is read or not.
  package func start(_ request: Dither_V1_AuditRequest, _ caller: Caller) async throws -> AsyncStream<JobEvent> {
    guard audits.queued < limits.queuedAudits else {
      throw ServiceError(
        .overloaded, at: "audits", expected: "at most \(limits.queuedAudits) that wait", got: "\(audits.queued)",
        advice: "try again later", retryAfterMilliseconds: 10_000)
    }
    // The models and the data are found good before anything is promised.
    let (spec, attached, work) = try await work(request, caller.scope, trace: caller.trace), store = means.store
    let job = Job(
      id: Job.newID(), kind: AuditSpec.kind, subject: spec.model.reference, spec: spec.json, createdBy: caller.name)
    try await means.registry.keepingFiles {
      var sent: BlobID?
      // A caller who has gone would have no id of it.
      try caller.proceed()
      do {
        if let attached { sent = try await store.blobs.insert(attached.bytes) }
        try await store.jobs.create(job, blobs: spec.blobs)
      } catch {
        if let sent { _ = try? await store.release([sent]) }
        throw error
      }
    }
    let events = try await audits.watch(job.id)
    audits.enqueue(job.id, by: caller.name, work)
    return events
  }

  /// The question, looked up and made ready. Nothing is stored.
  /// - Parameter trace: of the call that asks.
  func work(
    _ request: Dither_V1_AuditRequest, _ scope: NameScope, trace: ServiceContext? = nil
  ) async throws -> (spec: AuditSpec, attached: AuditAttachments?, work: AuditWork) {
    let (registry, limits) = (means.registry, limits), code = means.code
    await registry.freshen()
    let (spec, attached, audit) = try await means.pool.run {
      let attached = try AuditAttachments(request)
      var asked = try AuditRequest(request, limits)
      try attached?.attach(to: &asked, most: limits.auditExamples)
      let audit = try asked.resolved(
        by: VisibleModels(registry: registry, scope: scope), usualExamples: limits.auditExamples)
      var spec = AuditSpec(audit, attached: attached)
      spec.code = code
      spec.trace = trace.flatMap(OtlpTracer.place)?.header
      return (spec, attached, audit)
    }
    return (spec, attached, try await AuditWork.make(spec, audit.request, on: audit.data, with: means))
  }
}

extension AuditRequest {
  init(_ request: Dither_V1_AuditRequest, _ limits: ServerConfiguration.Limits) throws {
    guard request.others.count <= limits.auditOthers else {
      throw ServiceError(
        .badField, at: "others", expected: "at most \(limits.auditOthers)", got: "\(request.others.count)")
    }
    let data: Data? =
      switch request.data {
      case .dataSet(let reference): .named(reference)
      case .examples(let examples): try Data(examples, limits)
      case nil: nil
      }
    guard let data else { throw Data.missing(advice: "name a data set, as fashion-mnist:100") }
    self.init(models: [request.model] + request.others, data: data)
    temperatures = request.temperatures
    outputKinds = try request.outputKinds.map { word throws(ServiceError) in
      guard !word.isEmpty else { return nil }
      guard let kind = OutputKind(rawValue: word) else {
        let known = OutputKind.allCases.map(\.rawValue)
        throw ServiceError(
          .badField, at: "output_kinds", expected: "one of \(known.joined(separator: ", "))",
          got: "'\(word.clipped())'", advice: nearest(to: word, among: known).map { "did you mean '\($0)'?" })
      }
      return kind
    }
    battery = request.battery.isEmpty ? nil : request.battery
    probes = request.probes.map { ProbeSpec($0.probe, $0.parameters) }
    gates = request.gates
    seed = request.seed
    samples = Int(request.samples)
    noise = request.noise
    keepsAdversarials = request.saveAdversarials
    budget = request.budgetSeconds == 0 ? nil : request.budgetSeconds
    tolerance = request.tolerance == 0 ? nil : request.tolerance
  }
}

extension AuditRequest.Data {
  /// Examples that a caller sent.
  init(_ examples: Dither_V1_Examples, _ limits: ServerConfiguration.Limits) throws {
    let data = try AuditExamples.data(examples)
    guard data.labels.count <= limits.auditExamples else {
      throw ServiceError(
        .badField, at: data.values == nil ? "examples.labels" : "examples.values",
        expected: "at most \(limits.auditExamples) examples", got: "\(data.labels.count)")
    }
    self = .given(data)
  }

  static func missing(advice: String) -> ServiceError {
    ServiceError(.badField, at: "data", expected: "data_set or examples", got: "neither", advice: advice)
  }
}

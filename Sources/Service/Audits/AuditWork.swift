import DitherBasics
import DitherDatasets
import DitherInference
import DitherProto
import DitherReports
import DitherRobustness
import DitherStore
import DitherTensor
import Foundation
import SwiftProtobuf

/// What this server does audits with.
struct AuditMeans: Sendable {
  let store: Store
  let registry: ModelRegistry
  /// Signs reports.
  let key: Ed25519.PrivateKey
  /// The program, as reports name it.
  let code: String?
}

/// An audit as the job runner does it: its shards are the plan's, its journal their results.
struct AuditWork: ShardedWork {
  private let runner: AuditRunner
  private let shards: [Shard]
  private let key: Ed25519.PrivateKey
  let budget: Double?

  /// - Parameter sent: examples that are not in the store yet.
  /// - Throws: why the audit cannot be done: its data is not there, or does not fit its models.
  init(_ spec: AuditSpec, sent: Dither_V1_Examples? = nil, with means: AuditMeans) throws {
    let registry = means.registry
    let subject = try Self.subject(spec.model, registry),
      data =
        try sent.map(AuditExamples.data) ?? Self.data(spec, means.store)
    let plan = try AuditPlan(
      probes: spec.probes.map { ProbeSpec($0.probe, $0.parameters) }, battery: spec.battery, seed: spec.seed,
      samples: spec.samples, exampleCount: data.labels.count, inputShape: subject.model.signature.inputShape,
      gates: (spec.gates ?? []).map { try Gate(parsing: $0) })
    runner = try AuditRunner(
      plan: plan, subject: subject, baseline: try spec.baseline.map { try Self.subject($0, registry) },
      rivals: (spec.rivals ?? []).map { try Self.subject($0, registry) }, data: data,
      code: means.code, others: { try Dataset.load($0).inputs })
    key = means.key
    budget = spec.budget
    shards = runner.order(hasBudget: budget != nil)
  }

  /// What it would take.
  func cost(threads: Int) throws -> AuditCost { try runner.cost(threads: threads) }
  var exampleCount: Int { runner.plan.exampleCount }

  /// A job that another program has begun is begun anew: a report is the work of one.
  init(_ job: Job, with means: AuditMeans) throws {
    var spec = try AuditSpec(job)
    if spec.code != means.code {
      spec.code = means.code
      try means.store.jobs.restart(job.id, spec: spec.json)
    }
    try self.init(spec, with: means)
  }

  private static func subject(_ subject: AuditSpec.Subject, _ registry: ModelRegistry) throws -> AuditSubject {
    if let members = subject.members {
      return try AuditSubject(
        ensemble: members.map { try Self.subject($0, registry) }, temperature: subject.temperature ?? 1)
    }
    return AuditSubject(
      name: subject.name, version: Int(subject.version), digest: "\(subject.blob)",
      model: try registry.load(subject.blob).model, temperature: subject.temperature ?? 1)
  }

  private static func data(_ spec: AuditSpec, _ store: Store) throws -> AuditData {
    switch spec.data {
    case .named(let reference):
      let set = try Dataset.load(reference)
      return AuditData(name: reference, inputs: set.inputs, labels: set.labels, start: set.start)
    case .sent(let blob):
      let examples = try Dither_V1_Examples(serializedBytes: store.blobs.read(blob))
      return try AuditExamples.data(examples)
    }
  }

  var shardCount: Int { shards.count }
  func title(of shard: Int) -> String { runner.plan.probes[shards[shard].probe].text }

  func run(shard: Int, within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool) throws -> [UInt8] {
    Array(jsonText(try runner.run(shards[shard], within: time, isCancelled: isStopped)).utf8)
  }

  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) {
    let found = try results.map { try JSONDecoder().decode(ShardResult.self, from: Data($0)) }
    let report = try runner.report(found, isPartial: budget != nil)
    return (
      ReportForm.json.signed([UInt8](try report.json()), by: key),
      ReportForm.html.signed(Array(report.html().utf8), by: key)
    )
  }
}

/// Examples of the wire as an audit takes them: numbers in [0, 1], or bytes that are scaled to it.
enum AuditExamples {
  static func data(_ examples: Dither_V1_Examples) throws -> AuditData {
    // The files are the caller's: what they must hold, the digest says.
    AuditData(
      name: "examples that were sent", inputs: try inputs(examples.inputs, at: "examples.inputs"),
      labels: examples.labels.map(Int.init), labelsName: "LABELS.npy", path: "EXAMPLES.npy")
  }

  /// [N, …].
  static func inputs(_ array: Dither_V1_Array, at field: String) throws(ServiceError) -> Tensor {
    let width = array.type == .float32 ? 4 : array.type == .uint8 ? 1 : 0
    guard width > 0 else {
      throw ServiceError(.badField, at: "\(field).type", expected: "FLOAT32 in [0, 1] or UINT8", got: "another type")
    }
    let shape = Shape(array.shape.map { Int(clamping: $0) })
    guard shape.rank >= 2, shape.dimensions.allSatisfy({ $0 > 0 }), let count = shape.checkedCount,
      count == array.data.count / width, array.data.count % width == 0
    else {
      throw ServiceError(
        .badField, at: field, expected: "[N, …] with \(width) bytes an element",
        got: "\(array.shape) with \(array.data.count) bytes".clipped())
    }
    let values: [Float] =
      width == 1
      ? array.data.map { Float($0) / 255 }
      : [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        filled = array.data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / 4
      }
    return Tensor(shape, values)
  }
}

import DitherBasics
import DitherDatasets
import DitherInference
import DitherJobs
import DitherProto
import DitherReports
import DitherRobustness
import DitherStore
import DitherTensor
import Foundation
import SwiftProtobuf

/// The means by which this server does audits.
struct AuditMeans: Sendable {
  let store: any Store
  let registry: ModelRegistry
  /// Signs reports.
  let key: Ed25519.PrivateKey
  /// The program, as reports name it.
  let code: String?
  /// For reading data, and trying whether it fits the models.
  let pool: ComputePool
  /// nil: no spans are made.
  let tracer: OtlpTracer?
}

/// An audit as the job runner does it: its shards are the plan's, its journal their results.
struct AuditWork: ShardedWork {
  private let runner: AuditRunner
  private let shards: [Shard]
  private let key: Ed25519.PrivateKey
  let budget: Double?
  /// Whether the journal has what attacks make.
  private let keepsAdversarials: Bool
  private let trace: AuditTrace?

  private init(_ runner: AuditRunner, _ spec: AuditSpec, _ means: AuditMeans) {
    self.runner = runner
    key = means.key
    trace = AuditTrace(spec, means.tracer)
    budget = spec.budget
    keepsAdversarials = spec.keepsAdversarials ?? false
    shards = runner.order(hasBudget: budget != nil)
  }

  /// - Parameter request: what is asked, with the inputs that came with it.
  /// - Throws: why the audit cannot be done: its data does not fit its models.
  static func make(
    _ spec: AuditSpec, _ request: AuditRequest, on data: AuditData, with means: AuditMeans
  ) async throws -> AuditWork {
    var subjects: [AuditSubject] = []
    for subject in spec.subjects { subjects.append(try await self.subject(subject, on: data, means)) }
    return try await means.pool.run { [subjects] in
      let runner = try request.runner(of: subjects, on: data, samples: spec.samples, code: means.code)
      if spec.keepsAdversarials == true { try runner.checkBytesMade() }
      return AuditWork(runner, spec, means)
    }
  }

  /// A job that another program has made, and nobody has begun, is this one's: a report is the work of one. Of several
  /// that come to it one empties its journal.
  static func make(_ job: Job, with means: AuditMeans) async throws -> AuditWork {
    var spec = try AuditSpec(job)
    if spec.code != means.code {
      spec.code = means.code
      try await means.store.jobs.restart(job.id, from: job.spec, to: spec.json)
    }
    let (request, data) = try await read(spec, means)
    return try await make(spec, request, on: data, with: means)
  }

  /// The effort that it would take.
  func cost(threads: Int) throws -> AuditCost { try runner.cost(threads: threads) }
  var exampleCount: Int { runner.plan.exampleCount }

  private static func subject(
    _ subject: AuditSpec.Subject, on data: AuditData, _ means: AuditMeans
  ) async throws -> AuditSubject {
    var members: [AuditSubject] = []
    for member in subject.members ?? [subject] {
      let found = AuditSubject(
        name: member.name, version: Int(member.version), digest: "\(member.blob)",
        model: try await means.registry.load(member.blob).model)
      members.append(try await means.pool.run { try found.putting(out: subject.outputKind) })
    }
    return try await means.pool.run { [members] in
      try AuditSubject(members: members, temperature: subject.temperature, on: data)
    }
  }

  /// A job's question, with its data.
  private static func read(_ spec: AuditSpec, _ means: AuditMeans) async throws -> (AuditRequest, AuditData) {
    let blobs = means.store.blobs
    let stored: [UInt8]? = if let blob = spec.attached { try await blobs.read(blob) } else { nil }
    let examples: [UInt8] = if case .examples(let blob) = spec.data { try await blobs.read(blob) } else { [] }
    return try await means.pool.run {
      let attached = try stored.map(AuditAttachments.init(stored:))
      var request = spec.request
      try attached?.attach(to: &request)
      request.data =
        switch spec.data {
        case .named(let reference): .named(reference)
        case .sent: .given(try AuditExamples.data(attached?.message.examples ?? Dither_V1_Examples()))
        case .examples: .given(try AuditExamples.data(Dither_V1_Examples(serializedBytes: examples)))
        }
      return (request, request.described(try request.data.read(usual: nil)))
    }
  }

  var shardCount: Int { shards.count }
  func title(of shard: Int) -> String { runner.plan.probes[shards[shard].probe].text }

  func run(
    shard: Int, after earlier: [Int: [UInt8]], within time: TimeLeft, isStopped: @escaping @Sendable () -> Bool
  ) throws -> [UInt8] {
    let own = shards[shard]
    func work() throws -> [UInt8] {
      try
        (keepsAdversarials
        ? runner.runKeeping(own, within: time, isCancelled: isStopped)
        : JournaledShard(result: runner.run(own, within: time, isCancelled: isStopped)))
        .bytes(keepsAdversarials: keepsAdversarials)
    }
    guard let trace else { return try work() }
    return try trace.recording(shard, of: shardCount, title(of: shard), work)
  }

  func lost(shard: Int, after earlier: [Int: [UInt8]], workers: Int) throws -> [UInt8] {
    JournaledShard(result: runner.failed(shards[shard], "\(workers) workers were lost on it"))
      .bytes(keepsAdversarials: keepsAdversarials)
  }

  func report(_ results: [[UInt8]]) throws -> (json: [UInt8], html: [UInt8]) {
    let found = try results.map { try JournaledShard(entry: $0, keepsAdversarials: keepsAdversarials).result }
    let report = try runner.report(found, isPartial: budget != nil)
    return (
      ReportForm.json.signed([UInt8](try report.json()), by: key),
      ReportForm.html.signed(Array(report.html().utf8), by: key)
    )
  }
}

/// Examples of the wire as an audit takes them: numbers in [0, 1], or bytes that are scaled to it, where the model
/// takes no integers.
enum AuditExamples {
  static func data(_ examples: Dither_V1_Examples) throws -> AuditData {
    let name = "examples that were sent"
    guard !examples.namedInputs.isEmpty else {
      // The files are the caller's: what they must hold, the digest says.
      let inputs = try inputs(examples.inputs, at: "examples.inputs")
      var data = try AuditData(
        name: name, inputs: inputs, targets: targets(examples, rows: inputs.rowCount), labelsName: "LABELS.npy",
        path: "EXAMPLES.npy")
      data.byteInputs = examples.inputs.type == .uint8 ? [0] : []
      return data
    }
    guard !examples.hasInputs else {
      throw ServiceError(
        .badField, at: "examples.inputs", expected: "either inputs or named_inputs", got: "both")
    }
    let (layout, rows) = try joined(examples.namedInputs)
    var data = try AuditData(
      name: name, inputs: rows, targets: targets(examples, rows: rows.rowCount), path: "EXAMPLES.npz")
    data.layout = layout
    data.byteInputs = Set(examples.namedInputs.indices.filter { examples.namedInputs[$0].array.type == .uint8 })
    return data
  }

  /// Labels, or the values of a regression, as many for each row.
  private static func targets(_ examples: Dither_V1_Examples, rows: Int) throws(ServiceError) -> Targets {
    guard !examples.values.isEmpty else { return .classes(examples.labels.map(Int.init), count: 0) }
    guard examples.labels.isEmpty else {
      throw ServiceError(.badField, at: "examples.values", expected: "either labels or values", got: "both")
    }
    let count = examples.values.count
    guard rows > 0, count % rows == 0 else {
      throw ServiceError(
        .badField, at: "examples.values", expected: "as many for each of \(rows) rows", got: "\(count)")
    }
    return .values(Tensor([rows, count / rows], examples.values))
  }

  /// Arrays as rows of numbers, side by side.
  private static func joined(_ named: [Dither_V1_NamedArray]) throws -> (RowLayout, Tensor) {
    let field = "examples.named_inputs"
    try InputArray.checkNames(named.map(\.name), at: field)
    let tensors = try named.map { input in
      let place = "\(field)['\(input.name.clipped())']"
      try InputArray(input.array).checkWhole(at: place)
      return try inputs(input.array, at: place)
    }
    try InputArray.checkRows(tensors.map(\.rowCount), of: named.map(\.name), at: field)
    let layout = RowLayout(zip(named, tensors).map { .init(name: $0.name, shape: $1.shape.row) })
    return (layout, RowLayout.joining(tensors))
  }

  /// [N, …].
  static func inputs(_ array: Dither_V1_Array, at field: String) throws(ServiceError) -> Tensor {
    let given = InputArray(array), shape = Shape(array.shape.map { Int(clamping: $0) })
    guard shape.rank >= 2, shape.dimensions.allSatisfy({ $0 > 0 }), let count = shape.checkedCount else {
      throw ServiceError(
        .badField, at: "\(field).shape", expected: "[N, …] with extents from 1", got: "\(array.shape)".clipped())
    }
    try given.check(count: count, at: field)
    return Tensor(shape, given.numbers)
  }
}

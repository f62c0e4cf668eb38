import DitherBasics
import DitherInference
import DitherProto
import DitherRobustness
import DitherTensor
import Foundation
import SwiftProtobuf
import Synchronization

/// One entry of an audit's journal, a server's or a folder's: a shard's result, and the inputs that attacks made in it
/// where they are kept.
public struct JournaledShard: Codable, Sendable {
  /// The finds.
  public var result: ShardResult
  /// In no order; empty where they are not kept.
  public var made: [Made]

  /// A shard's result with what attacks made in it.
  public init(result: ShardResult, made: [Made] = []) { (self.result, self.made) = (result, made) }

  /// - Parameters:
  ///   - entry: as `bytes` has given it.
  ///   - keepsAdversarials: as it was then.
  public init(entry: [UInt8], keepsAdversarials: Bool) throws {
    let data = Data(entry), decoder = JSONDecoder()
    self =
      keepsAdversarials
      ? try decoder.decode(Self.self, from: data) : Self(result: try decoder.decode(ShardResult.self, from: data))
  }

  /// JSON, as the journal has it.
  /// - Parameter keepsAdversarials: whether what attacks made is part of it.
  public func bytes(keepsAdversarials: Bool) -> [UInt8] {
    Array((keepsAdversarials ? jsonText(self) : jsonText(result)).utf8)
  }

  /// Inputs that an attack made of some examples.
  public struct Made: Codable, Sendable {
    /// The place of the probe in the plan.
    public var place: Int
    /// With all its parameters.
    public var probe: String
    /// Numbers of the examples in the data.
    public var indices: [Int]
    /// [B]: class numbers.
    public var labels: [Int]
    /// [B]: the deployed predictor's.
    public var answers: [Int]
    /// [B, D]: its answers, of a regression, row after row; nil of classes.
    public var answerValues: [Float]?
    /// [B, D]: the right ones, of a regression; nil of classes, and of journals before there was this.
    public var values: [Float]?
    /// [B, …].
    public var shape: [Int]
    /// Float32, little-endian.
    public var inputs: Data

    init(_ made: Adversarials, of plan: AuditPlan) {
      place = made.probe
      probe = plan.probes[made.probe].wholeText
      indices = made.indices
      labels = made.labels
      answers = made.answers
      answerValues = made.answerValues?.elements
      values = made.values?.elements
      shape = made.inputs.shape.dimensions
      inputs = made.inputs.elements.withUnsafeBytes { Data($0) }
    }
  }
}

extension AuditRunner {
  /// - Throws: when the attacks of the plan make more than is kept.
  func checkBytesMade() throws(ServiceError) {
    let attacks = Set(Catalog<any Attack.Type>.attacks.entries.map { $0.name })
    let (count, bytes) = (
      plan.probes.count { attacks.contains($0.probe) }, attackedWidth * 4
    )
    let made = count.multipliedReportingOverflow(by: plan.exampleCount * bytes)
    guard !made.overflow, made.partialValue <= AuditRequest.mostMiBMade << 20 else {
      throw ServiceError(
        .badField, at: "save_adversarials", expected: "at most \(AuditRequest.mostMiBMade) MiB of inputs",
        got: "\(plan.exampleCount) examples of \(bytes) bytes, \(count) attacks",
        advice: "send fewer examples, or ask for the attacks one after the other")
    }
  }

  /// Does a shard, and keeps what attacks make in it.
  public func runKeeping(
    _ shard: Shard, within time: TimeLeft, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws -> JournaledShard {
    let made = Mutex<[JournaledShard.Made]>([])
    let result = try run(
      shard, within: time, isCancelled: isCancelled,
      adversarials: { [plan] part in made.withLock { $0.append(.init(part, of: plan)) } })
    return JournaledShard(result: result, made: made.withLock { $0 })
  }
}

extension Dither_V1_AdversarialInputs {
  /// Bytes of inputs in one message, beyond its first row: stock gRPC clients take four megabytes.
  private static let mostBytes = 1 << 20

  /// An attack's part of the journal, in messages of whole examples.
  static func messages(_ made: JournaledShard.Made) -> [Self] {
    let rows = made.indices.count, width = rows > 0 ? made.inputs.count / rows : 0
    let step = max(mostBytes / max(width, 1), 1)
    /// Numbers of some examples, of all of theirs, row after row.
    func rowsOf(_ part: Range<Int>, _ all: [Float]) -> [Float] {
      let values = all.count / max(rows, 1)
      return Array(all[part.lowerBound * values..<part.upperBound * values])
    }
    return stride(from: 0, to: rows, by: step).map { start in
      let part = start..<min(start + step, rows)
      return .with {
        $0.place = UInt32(made.place)
        $0.probe = made.probe
        $0.indices = made.indices[part].map(UInt64.init)
        if let answers = made.answerValues {
          $0.answerValues = rowsOf(part, answers)
          $0.values = rowsOf(part, made.values ?? [])
        } else {
          $0.labels = made.labels[part].map { UInt32(clamping: $0) }
          $0.answers = made.answers[part].map { Int32(clamping: $0) }
        }
        $0.inputs.type = .float32
        $0.inputs.shape = ([part.count] + made.shape.dropFirst()).map(Int64.init)
        $0.inputs.data = made.inputs.subdata(in: part.lowerBound * width..<part.upperBound * width)
      }
    }
  }
}

import DitherBasics
import Foundation

/// A training as it stands, on disk: all that the next step depends on.
public struct Checkpoint: Sendable, Equatable {
  /// How far it is.
  public struct Position: Codable, Sendable, Equatable {
    /// Whole epochs done.
    public var epoch = 0
    /// Steps of the next one.
    public var step = 0
    var lossSum = 0.0
    /// Right answers, or squared errors.
    var scoreSum = 0.0
    var seen = 0
    /// The sum of the gradient's norms at some of the epoch's steps.
    var normSum = 0.0
    /// The number of those steps.
    var norms = 0
    /// The last epoch's accuracy or error on the validation part.
    public var validation: Double?
    /// The best epoch's.
    public var best: Double?
    /// Counted from 1; 0: none yet.
    public var bestEpoch = 0
  }
  private struct Header: Codable {
    var recipe: String
    var seed: UInt64
    var epochs: Int
    var threads: Int
    var position: Position
    var counts: [Int]
  }

  /// The recipe's text.
  public var recipe: String
  /// The run's.
  public var seed: UInt64
  /// All that the run has.
  public var epochs: Int
  /// The threads that computed its last part; another number goes on with the same bytes.
  public var threads: Int
  /// How far it is.
  public var position: Position
  /// Weights, the optimizer's state, and the best epoch's weights if they are kept.
  public var buffers: [[Float]]

  /// Then the SHA-256 of all that follows, the header's length, the header and the numbers.
  private static let magic = Array("DITHER-CHECKPOINT-5\n".utf8)

  /// A checkpoint of these parts.
  public init(
    recipe: String, seed: UInt64, epochs: Int, threads: Int, position: Position, buffers: [[Float]]
  ) {
    self.recipe = recipe
    self.seed = seed
    self.epochs = epochs
    self.threads = threads
    self.position = position
    self.buffers = buffers
  }

  /// Written beside its place, synced and renamed: a checkpoint is whole or not there.
  public func write(to path: String) throws {
    let numbers = buffers.flatMap { buffer in buffer.withUnsafeBytes { Array($0) } }
    let header = Header(
      recipe: recipe, seed: seed, epochs: epochs, threads: threads, position: position, counts: buffers.map(\.count))
    let json = try JSONEncoder().encode(header)
    let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
    let content = length + Array(json) + numbers
    try writeWhole(Self.magic + Sha256.hash(content).bytes + content, to: path)
  }

  /// - Throws: `TrainFault.checkpoint` when the file is missing, cut or damaged.
  public init(file path: String) throws(TrainError) {
    func refuse(_ expected: String, _ got: String) -> TrainError {
      TrainError(.checkpoint, at: path, expected: expected, got: got)
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw refuse("a checkpoint", "no such file")
    }
    let bytes = [UInt8](data), digest = Self.magic.count, content = digest + 32, start = content + 8
    guard bytes.starts(with: Self.magic) else { throw refuse("a checkpoint of this version of Dither", "another file") }
    guard bytes.count >= start, Sha256.hash(bytes[content...]).bytes == Array(bytes[digest..<content]) else {
      throw refuse("what was written", "a file that is cut or damaged")
    }
    let length = (0..<8).reversed().reduce(0) { $0 << 8 | Int(bytes[content + $1]) }
    guard length >= 0, length <= bytes.count - start,
      let header = try? JSONDecoder().decode(Header.self, from: Data(bytes[start..<start + length]))
    else { throw refuse("a whole header", "a damaged one") }
    let numbers = Array(bytes[(start + length)...])
    guard header.counts.allSatisfy((0...numbers.count).contains), numbers.count == header.counts.reduce(0, +) * 4 else {
      throw refuse("\("\(header.counts)".clipped()) numbers", "\(numbers.count) bytes of them")
    }
    var at = 0
    buffers = header.counts.map { count in
      defer { at += count * 4 }
      return numbers.withUnsafeBytes { raw in
        (0..<count).map { raw.loadUnaligned(fromByteOffset: at + 4 * $0, as: Float.self) }
      }
    }
    recipe = header.recipe
    seed = header.seed
    epochs = header.epochs
    threads = header.threads
    position = header.position
  }
}

/// A shard's finds: the line of an audit's journal.
public struct ShardResult: Codable, Sendable, Equatable {
  /// The shard that was done.
  public var shard: Shard
  /// Finds on all its examples; nil where some failed.
  private var found: Found?
  /// Where some failed: what was found of the others, in their order.
  private var parts: [Part]?
  /// Failures; nil where nothing failed.
  public var failures: [Failure]?

  /// On some examples.
  package struct Found: Codable, Sendable, Equatable {
    package var model: Outcome
    /// The model with its noise off; nil where it has none.
    var noiseOff: Outcome?
    /// The models to compare with.
    var others: [Outcome]

    /// The model's, with its noise and without, and those of the others.
    var all: [Outcome] { [model] + [noiseOff].compactMap { $0 } + others }
    /// Whether any of them was.
    var endedEarly: Bool { all.contains { $0.evidence[.endedEarly] != nil } }
  }

  private struct Part: Codable, Sendable, Equatable {
    var shard: Shard
    var found: Found
  }

  /// Examples that could not be judged: they are in no number.
  public struct Failure: Codable, Sendable, Equatable {
    /// The first.
    public var example: Int
    /// Examples, that one and those after it.
    public var count: Int
    /// A sentence for a reader.
    public var message: String
  }

  init(shard: Shard, found: Found) {
    self.shard = shard
    self.found = found
  }

  init(shard: Shard, pieces: [Piece] = [], failures: [Failure]) {
    self.shard = shard
    parts = pieces.map { Part(shard: $0.shard, found: $0.found) }
    self.failures = failures
  }

  /// Finds on examples that follow each other.
  package struct Piece {
    var shard: Shard
    package var found: Found
    var examples: Range<Int> { shard.first..<shard.first + shard.count }
  }

  package var pieces: [Piece] {
    if let found { return [Piece(shard: shard, found: found)] }
    return (parts ?? []).map { Piece(shard: $0.shard, found: $0.found) }
  }
}

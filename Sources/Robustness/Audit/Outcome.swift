import DitherInference

/// A probe's finds on some examples, in their order.
public struct Outcome: Codable, Sendable, Equatable {
  /// The deployed predictor is right on the clean input.
  public var clean: [Bool]
  /// It is right under the probe's condition.
  public var robust: [Bool]
  /// For a random predictor: it is right on the clean input with other draws. What differs from `clean` is the noise's
  /// doing.
  public var cleanAgain: [Bool]?
  /// The deployed predictor's answers, of probes that judge them.
  package private(set) var answers: Answers?
  /// Right on the same inputs: each of the other models, which they were not made for.
  public var transferred: [[Bool]]?
  /// Rows evaluated by an attack or a certifier, once for each draw.
  public var questions = 0
  /// Answers that were none, of the deployed predictor: they count as wrong. nil: none were.
  public private(set) var unanswered: Unanswered?
  /// Numbers for each example, by name.
  public var columns: [String: [Double]]?
  /// The summary of probes that take all examples at once.
  public var summary: Summary?
  /// The material of the probe's sections, beside the columns.
  public private(set) var kept: Kept?
  /// Cases that speak against the probe itself.
  public var evidence: [Evidence: Evidence.Count] = [:]
  /// The first few examples, before and after.
  public var illustrations: [Illustration] = []

  /// Both by example: right as it is, and right under the condition.
  public init(clean: [Bool], robust: [Bool]) {
    self.clean = clean
    self.robust = robust
  }

  /// - Parameters:
  ///   - before: the deployed predictor's answers to the examples as they are.
  ///   - after: under the probe's condition.
  init(answers before: [Int], after: [Int], labels: [Int]) {
    self.init(clean: zip(before, labels).map(==), robust: zip(after, labels).map(==))
    answers = Answers(clean: before, changed: after)
    note(before, rows: before.indices, isChanged: false)
    note(after, rows: after.indices, isChanged: true)
  }

  /// A regression's, which keeps how good its answers are.
  /// - Parameter finds: what an attack keeps beside.
  init(_ before: JudgedValues, after: JudgedValues, of finds: AttackFinds? = nil) throws {
    self.init(clean: before.right, robust: after.right)
    let values = KeptValues(before: before.scores, after: after.scores)
    if var finds {
      finds.values = values
      try keep(finds)
    } else {
      try keep(values)
    }
    for (judged, isChanged) in [(before, false), (after, true)] {
      note(judged.scores.map { $0 == nil ? Label.none : 0 }, rows: judged.scores.indices, isChanged: isChanged)
    }
  }

  /// The outcome of a probe that changes nothing.
  static func clean(_ batch: ProbeBatch, _ predictor: DeployedPredictor) throws -> Outcome {
    if let truths = batch.truths {
      let found = try predictor.judged(batch.inputs, truths, identities: batch.identities)
      return try Outcome(found, after: found)
    }
    let answers = try predictor.labels(of: batch)
    return Outcome(answers: answers, after: answers, labels: batch.labels)
  }

  /// Puts an answer under the probe's condition in the place of the one that is there.
  mutating func answered(_ answer: Int, row: Int) { answers?.changed[row] = answer }

  /// Keeps what the probe's sections need, in a type of the probe's own.
  mutating func keep(_ value: some Encodable) throws { kept = try Kept(value) }

  /// Keeps nothing of the answers.
  mutating func forget() { kept = nil }

  /// Notes those of some answers that are none.
  /// - Parameter isChanged: they were given under the probe's condition.
  mutating func note(_ answers: [Int], rows: some Sequence<Int>, isChanged: Bool) {
    for (answer, row) in zip(answers, rows) where answer == Label.none {
      var all = unanswered ?? Unanswered()
      if isChanged { all.changed.insert(row) } else { all.asTheyAre.insert(row) }
      unanswered = all
    }
  }
}

extension Outcome {
  /// By row: classes, or ``Label/none``.
  package struct Answers: Codable, Sendable, Equatable {
    /// To the examples as they are.
    package var clean: [Int]
    /// Under the probe's condition.
    package fileprivate(set) var changed: [Int]
  }

  /// By row.
  public struct Unanswered: Codable, Sendable, Equatable {
    /// Rows without an answer to the example as it is.
    public fileprivate(set) var asTheyAre: Set<Int> = []
    /// Under the probe's condition.
    public fileprivate(set) var changed: Set<Int> = []
  }
}

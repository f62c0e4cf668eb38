import DitherInference
import DitherTensor
import Synchronization

/// Answers to examples as they are, remembered: every probe of an audit asks for them, and attacks at several radii
/// begin with them.
final class CleanAnswers: Sendable {
  /// The same rows in the same batch: what is remembered is, to the last bit, what would be answered again.
  struct Key: Hashable {
    var seed: UInt64
    var samples: Int
    var first: UInt64
    var count: Int
  }
  /// The first question of an oracle, and all that its answer depends on beside the model.
  struct FirstQuestion: Hashable {
    var seed: UInt64
    var draws: Int?
    var mostDraws: Int
    var standardErrorBound: Double
    var isAntithetic: Bool
    var requiredMarginError: Float
    var identities: [UInt64]
    var criteria: [Criterion]
    var loss: Loss
    var wantsGradient: Bool
    var isSure: Bool
  }
  struct FirstAnswer {
    var answer: Answer
    /// By the oracle, with this question.
    var counts: ModelOracle.Counts
  }
  /// The size of all first answers together; from there on they are computed again.
  private static let mostFloats = 32 << 20

  private let labels = Mutex<[Key: [Int]]>([:])
  private let first = Mutex<(answers: [FirstQuestion: FirstAnswer], floats: Int)>(([:], 0))

  // Answers are made outside of the locks: two threads may compute the same one, with the same result.

  func labels(_ key: Key, or answer: () throws -> [Int]) rethrows -> [Int] {
    if let known = labels.withLock({ $0[key] }) { return known }
    let found = try answer()
    labels.withLock { $0[key] = found }
    return found
  }

  func firstAnswer(to question: FirstQuestion, or answer: () throws -> FirstAnswer) rethrows -> FirstAnswer {
    if let known = first.withLock({ $0.answers[question] }) { return known }
    let found = try answer(), size = (found.answer.gradient?.count ?? 0) + found.answer.scores.count
    first.withLock { first in
      guard first.floats + size <= Self.mostFloats, first.answers[question] == nil else { return }
      first.answers[question] = found
      first.floats += size
    }
    return found
  }
}

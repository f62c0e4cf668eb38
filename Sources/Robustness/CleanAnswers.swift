import DitherInference
import DitherTensor
import Synchronization

/// What is answered to examples as they are: every probe of an audit asks for it again, and attacks at several radii begin with it.
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
  /// With what the oracle counted.
  struct FirstAnswer {
    var answer: Answer
    var questions: Int
    var vanishedGradients: Int
    var uncertainLosses: Int
    var lossesAsked: Int
  }
  /// Of all gradients together; from there on they are computed again.
  private static let mostFloats = 32 << 20

  private let labels = Mutex<[Key: [Int]]>([:])
  private let first = Mutex<(answers: [FirstQuestion: FirstAnswer], floats: Int)>(([:], 0))

  func labels(_ key: Key, or answer: () throws -> [Int]) rethrows -> [Int] {
    if let known = labels.withLock({ $0[key] }) { return known }
    // Outside of the lock: two threads may answer the same, and say the same.
    let found = try answer()
    labels.withLock { $0[key] = found }
    return found
  }

  func answer(to question: FirstQuestion) -> FirstAnswer? { first.withLock { $0.answers[question] } }

  func remember(_ answer: FirstAnswer, to question: FirstQuestion) {
    let size = (answer.answer.gradient?.count ?? 0) + answer.answer.scores.count
    first.withLock { first in
      guard first.floats + size <= Self.mostFloats, first.answers[question] == nil else { return }
      first.answers[question] = answer
      first.floats += size
    }
  }
}

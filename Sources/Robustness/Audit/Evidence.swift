/// Signs that an attack flatters the model, counted on the examples where it can be seen.
public enum Evidence: String, Codable, Sendable, CaseIterable, CodingKeyRepresentable {
  /// A random point of the ball broke what the attack did not.
  case randomPointWins = "random_point_wins"
  /// The first gradient was zero in every coordinate.
  case vanishedGradient = "vanished_gradient"
  /// The attack failed in a ball without bounds.
  case unboundedSurvivor = "unbounded_survivor"
  /// For a random model: an answer's standard error stayed above the bound.
  case uncertainLoss = "uncertain_loss"
  /// For a random model: what was made on its mean weights won where what was made through the noise did not.
  case meanWeightsWin = "mean_weights_win"
  /// For a random model: an attack through one draw a step broke what the one through the expectation did not.
  case singleDrawWins = "single_draw_wins"
  /// The time was over before the attack was.
  case endedEarly = "ended_early"
  /// A model that gives probabilities gave 0 to the true class: its loss is cut off.
  case zeroProbability = "zero_probability"

  /// How often a sign was seen.
  public struct Count: Codable, Sendable, Equatable {
    /// Examples, or answers, on which it was seen.
    public var cases: Int
    /// All on which it could have been seen.
    public var n: Int
  }
}

extension Evidence {
  func tolerates(_ count: Count) -> Bool {
    switch self {
    // Chance, on the draws of a random model.
    case .randomPointWins: count.cases <= max(1, count.n / 100)
    case .vanishedGradient: Double(count.cases) <= 0.1 * Double(count.n)
    case .unboundedSurvivor, .endedEarly, .zeroProbability: count.cases == 0
    case .uncertainLoss: Double(count.cases) <= 0.1 * Double(count.n)
    case .meanWeightsWin, .singleDrawWins: Double(count.cases) <= 0.05 * Double(count.n) + 1
    }
  }

  func sentence(_ count: Count) -> String {
    switch self {
    case .randomPointWins:
      "A random point of the ball did more than the attack to \(count.cases) of \(count.n) examples."
    case .vanishedGradient: "The first gradient was zero throughout for \(count.cases) of \(count.n) examples."
    case .uncertainLoss: "The expected loss stayed less sure than asked in \(count.cases) of \(count.n) answers."
    case .meanWeightsWin:
      "An attack on the mean weights broke \(count.cases) of \(count.n) that the one through the noise did not."
    case .singleDrawWins:
      "The attack through one draw a step broke \(count.cases) of \(count.n) that the one through the expectation did not."
    case .unboundedSurvivor: "In a ball without bounds \(count.cases) of \(count.n) examples withstood the attack."
    case .zeroProbability:
      "To the true class of \(count.cases) of \(count.n) examples the model gave the probability 0, whose logarithm has no end."
    case .endedEarly: "The time was over before the attack on \(count.cases) examples was."
    }
  }

  var meaning: String {
    switch self {
    case .randomPointWins: "Noise must not beat gradients: they are masked, or the attack is too weak."
    case .vanishedGradient: "Gradients are masked there; of classes the margin of the logits was followed instead."
    case .uncertainLoss: "Ask for more draws (most_draws): the attack follows noise."
    case .meanWeightsWin: "The attack through the noise is too weak: more draws or steps are needed. Both count."
    case .singleDrawWins: "The expectation is over too few draws, or followed for too few steps."
    case .endedEarly: "What it had found by then counts; the accuracy is an upper bound of what the attack leaves."
    case .zeroProbability:
      "Each counts as the least single-precision number, 103.3 nats: the NLL is a lower bound. Export the logits."
    case .unboundedSurvivor: "There every input is in reach: the gradients do not lead to it."
    }
  }
}

import DitherTensor

/// An attacker's aim for one example.
public enum Criterion: Sendable, Hashable {
  /// Any class but this one, the true one.
  case untargeted(label: Int)
  /// This class.
  case targeted(to: Int)

  /// The class that the loss is about.
  public var label: Int {
    switch self {
    case .untargeted(let label), .targeted(let label): label
    }
  }

  /// Whether this answer is what the attacker wants.
  public func isMet(by answer: Int) -> Bool {
    switch self {
    case .untargeted(let label): answer != label
    case .targeted(let target): answer == target
    }
  }
}

extension Criterion {
  /// Whether the predictor stands with this answer: it is right where the attacker wants any other class, and not what
  /// the attacker wants where that is a class of its own. An example of the wanted class is not attacked: it stands if
  /// it is right.
  func isWithstood(by answer: Int, label: Int) -> Bool {
    isMet(by: label) ? answer == label : !isMet(by: answer)
  }
}

/// Inputs under attack, each with what is wanted of it.
public struct Examples: Sendable {
  /// [B, …] in [0, 1].
  public let inputs: Tensor
  /// [B].
  public let criteria: [Criterion]
  /// [B]: which examples of the data these are. Randomness follows the identity, so that an example's result does not
  /// depend on its company.
  public let identities: [UInt64]

  public init(_ inputs: Tensor, _ criteria: [Criterion], identities: [UInt64]) {
    precondition(
      inputs.rowCount == criteria.count && criteria.count == identities.count, "a criterion and an identity each")
    self.inputs = inputs
    self.criteria = criteria
    self.identities = identities
  }

  /// B.
  public var count: Int { criteria.count }

  public func rows(at indices: [Int]) -> Examples {
    Examples(
      inputs.rows(at: indices), indices.map { criteria[$0] }, identities: indices.map { identities[$0] })
  }
}

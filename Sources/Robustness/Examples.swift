import DitherInference
import DitherTensor

/// An attacker's aim for one example.
public enum Criterion: Sendable, Hashable {
  /// Any class but this one, the true one.
  case untargeted(label: Int)
  /// This class.
  case targeted(to: Int)
  /// Values as far from the true ones as can be: of a regression. Only no answer at all ends the search.
  case away(from: TrueValues)

  /// The class that the loss is about; 0 where it is about values.
  public var label: Int {
    switch self {
    case .untargeted(let label), .targeted(let label): label
    case .away: 0
    }
  }

  /// Whether the attacker wants one class.
  var isTargeted: Bool { if case .targeted = self { true } else { false } }

  /// Whether this answer is what the attacker wants.
  public func isMet(by answer: Int) -> Bool {
    switch self {
    case .untargeted(let label): answer != label
    case .targeted(let target): answer == target
    case .away: answer == Label.none
    }
  }

  /// The true values, of a regression.
  var values: TrueValues? { if case .away(let values) = self { values } else { nil } }
}

/// The right answer of a regression to one example.
public struct TrueValues: Sendable, Hashable {
  /// [D].
  public var values: [Float]
  /// [D]: an answer is right whose values are no farther off; above 0.
  public var tolerance: [Double]
  /// [D]: 1 or −1: to which side of each true value a search leads, 0: this value does not lead it; nil: all lead it,
  /// to where the answer is already.
  public var sides: [Float]?

  /// - Parameter tolerance: by value, above 0.
  public init(_ values: [Float], tolerance: [Double]) { (self.values, self.tolerance) = (values, tolerance) }

  /// The same, whose search leads to these sides.
  func leading(to sides: [Float]) -> TrueValues {
    var same = self
    same.sides = sides
    return same
  }

  /// The same, whose search leads one value to a side.
  func leading(value: Int, to side: Float) -> TrueValues {
    leading(to: values.indices.map { $0 == value ? side : 0 })
  }

  /// The largest error among the values, each in units of its tolerance; infinite where an answer is no number.
  func error(of answer: some Collection<some BinaryFloatingPoint>) -> Double {
    zip(zip(answer, values), tolerance).reduce(0) { worst, value in
      let error = abs(Double(value.0.0) - Double(value.0.1)) / value.1
      return error.isFinite ? max(worst, error) : .infinity
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

  /// [B, D]: the true values, of a regression.
  var values: Tensor {
    let all = criteria.map { $0.values?.values ?? [] }
    return Tensor([count, all.first?.count ?? 0], all.flatMap { $0 })
  }

  public func rows(at indices: [Int]) -> Examples {
    Examples(
      inputs.rows(at: indices), indices.map { criteria[$0] }, identities: indices.map { identities[$0] })
  }
}

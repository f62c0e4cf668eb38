/// What a model's answer is.
public enum ModelTask: Sendable, Hashable {
  /// Probabilities of K ≥ 2 classes, from a score each.
  case classification(classes: Int)
  /// Probabilities of two classes, from one score: the second's logit, or its probability where the graph ends in a sigmoid.
  case binary
  /// Numbers without bounds, of width D.
  case regression(width: Int)

  /// As metadata, signatures and messages name it.
  public var name: String {
    switch self {
    case .classification: "classification"
    case .binary: "binary"
    case .regression: "regression"
    }
  }
  public static let names = ["classification", "binary", "regression"]

  /// Classes that it tells apart; 0 of a regression.
  public var classes: Int {
    switch self {
    case .classification(let classes): classes
    case .binary: 2
    case .regression: 0
    }
  }
  /// Numbers of one answer: a probability for each class, or the regression's values.
  public var width: Int {
    if case .regression(let width) = self { width } else { classes }
  }
}

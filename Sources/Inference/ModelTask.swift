/// The kind of a model's answer.
public enum ModelTask: Sendable, Hashable {
  /// Probabilities of K ≥ 2 classes, from a score each.
  case classification(classes: Int)
  /// Probabilities of two classes, from one score: the second's logit, or its probability.
  case binary
  /// Numbers without bounds, of width D.
  case regression(width: Int)
  /// The means of D independent normal distributions, and the logarithms of their variances: 2 D numbers of the output,
  /// the means first (Nix and Weigend 1994). What data leave open is then part of the answer.
  case gaussian(width: Int)

  /// A task without its widths.
  public enum Kind: String, Sendable, CaseIterable {
    case classification, binary, regression
    case gaussian = "gaussian_regression"
  }

  /// - Parameter width: numbers of an answer.
  public init(_ kind: Kind, width: Int) {
    switch kind {
    case .classification: self = .classification(classes: width)
    case .binary: self = .binary
    case .regression: self = .regression(width: width)
    case .gaussian: self = .gaussian(width: width)
    }
  }

  /// The task without its widths.
  public var kind: Kind {
    switch self {
    case .classification: .classification
    case .binary: .binary
    case .regression: .regression
    case .gaussian: .gaussian
    }
  }

  /// Its name in a file's `dither.task`, in signatures and messages.
  public var name: String { kind.rawValue }
  /// All names that a file may give.
  public static let names = Kind.allCases.map(\.rawValue)

  /// Whether it answers with values, and not with probabilities of classes.
  public var isRegression: Bool {
    switch self {
    case .classification, .binary: false
    case .regression, .gaussian: true
    }
  }

  /// Classes that it tells apart; 0 of a regression.
  public var classes: Int {
    switch self {
    case .classification(let classes): classes
    case .binary: 2
    case .regression, .gaussian: 0
    }
  }

  /// Numbers of one answer: a probability for each class, or the regression's values.
  public var width: Int {
    switch self {
    case .classification, .binary: classes
    case .regression(let width), .gaussian(let width): width
    }
  }

  /// Numbers of one row of the output that it is computed from: of a binary task the two logits that a ``Model`` makes
  /// of the score.
  public var outputWidth: Int {
    if case .gaussian(let width) = self { 2 * width } else { width }
  }
}

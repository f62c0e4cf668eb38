import DitherBasics
import DitherTensor

/// Proves, example by example, that no input within a radius is answered otherwise.
public protocol Certifier: Codable, Sendable {
  /// Its name in batteries, reports and `--help`, as the field writes it.
  static var name: String { get }
  /// One line for `--help`.
  static var summary: String { get }
  init()
  /// - Throws: when a parameter is out of its range, or nothing could be certified with it, by its name.
  func validate() throws(RobustnessError)
  /// The norm of its radii.
  var norm: Norm { get }
  /// The radii at which a report states the certified accuracy, rising from 0.
  var radii: [Double] { get }
  /// The radius at which an example has to be certified to count as robust.
  var goal: Double { get }
  /// The one radius at which it proves, where it is asked for one: those that differ in it alone are one curve.
  var radius: Double? { get }
  /// Words that tell it from others of its name, for a chart's axis: `σ = 0.25`.
  var details: [String] { get }
  /// Rows that the model has to answer for an example, at most.
  var rowsPerExample: Int { get }
  /// Whether it certifies a model's mean weights, not its random answers.
  var ignoresNoise: Bool { get }
  /// Whether inputs are taken to lie in [0, 1].
  var needsPictures: Bool { get }
  /// - Throws: when its theorem says nothing of this model as it is deployed, with the reason.
  func check(_ predictor: DeployedPredictor) throws

  /// - Returns: a certificate for each example, and how many rows the model has answered for them.
  func certify(_ batch: ProbeBatch, of predictor: DeployedPredictor) throws -> (certificates: [Certificate], rows: Int)
}

extension Catalog where Entry == any Certifier.Type {
  /// All ways to certify.
  public static let certificates = Catalog("certificate", [Smoothing.self, IBP.self], name: { $0.name })
}

extension Certifier {
  public func validate() throws(RobustnessError) {}
  public var goal: Double { 0 }
  public var radius: Double? { nil }
  public var details: [String] { [] }
  public var ignoresNoise: Bool { false }
  public var needsPictures: Bool { false }
  public func check(_ predictor: DeployedPredictor) throws {}
}

/// A proof about one example: all inputs within the radius are answered with the label.
public struct Certificate: Codable, Sendable, Equatable {
  /// The class that is proved.
  public var label: Int
  /// Whether the label is the true one.
  public var correct: Bool
  /// In units of the input, in the certifier's norm.
  public var radius: Double
  /// The draws behind it; 0: it is deterministic.
  public var n: Int
  /// The probability, at most, that it is wrong; 0: it is deterministic.
  public var alpha: Double
  /// Whether no answer is given: then the label says nothing, and the radius is 0.
  public var abstained: Bool

  /// - Parameter radius: in units of the input; 0 where no answer is given.
  public init(label: Int, correct: Bool, radius: Double, n: Int, alpha: Double, abstained: Bool) {
    self.label = label
    self.correct = correct
    self.radius = radius
    self.n = n
    self.alpha = alpha
    self.abstained = abstained
  }

  /// Whether the answer is right for every input within `radius`.
  public func holds(at radius: Double) -> Bool { correct && !abstained && self.radius >= radius }
}

/// The certificates of a probe, all examples together.
public struct Certified: Codable, Sendable, Equatable {
  public var norm: Norm
  /// Certified accuracy by radius.
  public var curve: [Point]
  /// The average certified radius: an example that is not answered, or wrongly, counts as 0. Zhai et al. 2020, arXiv
  /// 2001.02378.
  public var acr: Double
  /// The share of examples that are not answered, with Wilson's interval.
  public var abstain: Double
  /// The interval of that share, Wilson's.
  public var abstainInterval: Interval
  /// By example.
  public var certificates: [Certificate]

  /// One radius of the curve.
  public struct Point: Codable, Sendable, Equatable {
    public var radius: Double
    /// The share of all examples that are answered rightly, for every input within the radius.
    public var accuracy: Double
    /// Wilson's interval of `accuracy`.
    public var interval: Interval

    /// - Parameter radius: in units of the input.
    package init(_ radius: Double, _ share: Proportion) {
      self.radius = radius
      (accuracy, interval) = (share.value, share.interval)
    }
  }

  public init(_ certificates: [Certificate], norm: Norm, radii: [Double]) {
    self.norm = norm
    self.certificates = certificates
    curve = radii.map { radius in
      Point(radius, Proportion(certificates.map { $0.holds(at: radius) }))
    }
    let sum = certificates.reduce(0) { $0 + ($1.holds(at: 0) ? $1.radius : 0) }
    acr = sum / Double(max(certificates.count, 1))
    let abstentions = Proportion(certificates.map(\.abstained))
    abstain = abstentions.value
    abstainInterval = abstentions.interval
  }
}

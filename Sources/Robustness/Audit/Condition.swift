/// The part that a probe plays on a chart.
public enum Condition: Sendable, Equatable {
  case clean
  case calibration
  /// Neither changes nor judges the examples: what it found is in its sections.
  case measurement
  case attack(Threat, effort: Int, knowledge: Knowledge)
  case corruption(CorruptionSetting)
  case certificate

  /// The kind of question that it is, as reports name it.
  var kind: ProbeReport.Kind {
    switch self {
    case .clean: .clean
    case .calibration: .calibration
    case .measurement: .measurement
    case .attack: .attack
    case .corruption: .corruption
    case .certificate: .certificate
    }
  }
}

/// Bounds of an attacker's change to an input.
public struct Threat: Codable, Sendable, Hashable {
  public var norm: Norm
  /// The longest perturbation, in units of the input.
  public var epsilon: Double

  /// - Parameter epsilon: in units of the input.
  public init(norm: Norm, epsilon: Double) {
    self.norm = norm
    self.epsilon = epsilon
  }

  /// As a chart's axis has it: `L∞`, `ε = 8/255`.
  var words: [String] { [norm.title, "ε = \(ParameterValue.written(epsilon))"] }
}

/// How a corruption was applied.
public struct CorruptionSetting: Codable, Sendable, Hashable {
  /// 1 to 5; nil where a parameter sets the strength.
  public var severity: Int?
  /// The protocol whose constants the severities stand for.
  public var constants: CorruptionConstants

  /// - Parameter severity: 1 to 5; nil where a parameter sets the strength.
  public init(severity: Int?, constants: CorruptionConstants) {
    self.severity = severity
    self.constants = constants
  }
}

/// Where a probe stands among those that differ from it in strength alone: a point of a curve.
public struct Strength: Codable, Sendable, Hashable {
  /// The same for all points of a curve, and for no other: the probe and its other parameters.
  public var curve: String
  /// The curve's title: `pgd, L∞`.
  public var title: String
  /// The axis's title: `epsilon, in units of the input`.
  public var axis: String
  /// From 0, which is no change at all.
  public var value: Double
  /// The value as a person writes it: `8/255`.
  public var label: String
}

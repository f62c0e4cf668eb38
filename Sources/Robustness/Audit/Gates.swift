import DitherBasics
import DitherTensor

/// A bound that a model must keep: `pgd:norm=linf,epsilon=8/255>=0.4` of a robust accuracy,
/// `union:norm=linf,epsilon=8/255>=0.4` of what withstands all attacks in a ball, or `calibration.ece15<=0.05` of a
/// measure.
public struct Gate: Codable, Sendable, Hashable {
  /// On which side of the bound the measure must lie.
  public enum Relation: String, Codable, Sendable {
    case atLeast = ">="
    case atMost = "<="
  }

  /// The probe, as it is asked for; those of its parameters that are left out may be anything.
  public var probe: ProbeSpec
  /// `accuracy`, or one of the probe's measures.
  public var measure: String
  /// On which side of the bound the measure must lie.
  public var relation: Relation
  /// A share, or in units of the measure.
  public var bound: Double

  /// Characters of a gate's text.
  public static let mostCharacters = 200
  /// Gates of one audit.
  public static let mostGates = 200

  /// A bound is a number, or a quotient of two as `8/255`.
  /// - Throws: when it cannot be read, or is longer than ``mostCharacters``.
  public init(parsing text: String) throws(RobustnessError) {
    guard text.count <= Self.mostCharacters else {
      throw RobustnessError(
        .parameter, at: "gate '\(text.clipped(to: 40))'", expected: "at most \(Self.mostCharacters) characters",
        got: "\(text.count)")
    }
    for relation in [Relation.atLeast, .atMost] {
      guard let place = text.firstRange(of: relation.rawValue) else { continue }
      let right = text[place.upperBound...].filter { $0 != " " }
      guard let bound = Parameters.number(right) else { break }
      var left = String(text[..<place.lowerBound])
      // The measure stands behind the last dot of the name, before any parameter.
      let name = left.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
      measure = "accuracy"
      if let dot = name.lastIndex(of: ".") {
        measure = String(name[name.index(after: dot)...]).filter { $0 != " " }
        left = String(name[..<dot]) + left.dropFirst(name.count)
      }
      probe = try ProbeSpec(parsing: left)
      self.relation = relation
      self.bound = bound
      return
    }
    throw RobustnessError(
      .parameter, at: "gate", expected: "PROBE[.MEASURE]>=NUMBER or <=", got: "'\(text.clipped())'",
      advice: "write it as 'pgd:epsilon=8/255>=0.4' or 'calibration.ece15<=0.05'")
  }

  /// As the command line writes it.
  public var text: String {
    let parts = probe.text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let name = measure == "accuracy" ? parts[0] : "\(parts[0]).\(measure)"
    return ([name] + parts.dropFirst()).joined(separator: ":") + relation.rawValue + ParameterValue.written(bound)
  }

  /// - Throws: when there are more than ``mostGates``, and for a gate that no probe of the plan can answer.
  static func check(_ gates: [Gate], _ probes: [ProbeSpec], isRegression: Bool) throws(RobustnessError) {
    guard gates.count <= mostGates else {
      throw RobustnessError(.plan, at: "gates", expected: "at most \(mostGates)", got: "\(gates.count)")
    }
    for gate in gates { try gate.check(probes, isRegression) }
  }

  /// - Throws: when no probe of the plan is meant, so that it could not fail, or when none of its kind has the measure.
  private func check(_ probes: [ProbeSpec], _ isRegression: Bool) throws(RobustnessError) {
    guard probe.probe != Self.union else { return try checkUnion(probes) }
    guard let meant = probes.first(where: matches) else {
      throw RobustnessError(
        .parameter, at: "gate '\(text.clipped())'", expected: "a probe of this audit", got: "'\(probe.text.clipped())'",
        advice: "the audit has \(probes.prefix(8).map(\.text).joined(separator: ", "))")
    }
    guard let own = (try? meant.resolved())?.gateMeasures else { return }
    let known = isRegression ? own + ValueSummary.names : own
    guard !known.contains(measure), !isRegression || !ValueSummary.isOfOneValue(measure) else { return }
    throw RobustnessError(
      .parameter, at: "gate '\(text.clipped())'",
      expected: "one of the measures of \(meant.probe): \(known.joined(separator: ", "))",
      got: "'\(measure.clipped())'", advice: nearest(to: measure, among: known).map { "did you mean '\($0)'?" })
  }

  /// Measures that every probe has which judges the examples.
  static let shares = ["accuracy", "clean_accuracy"]

  private func matches(_ spec: ProbeSpec) -> Bool {
    guard spec.probe == probe.probe, let asked = try? probe.resolved(), let there = try? spec.resolved() else {
      return false
    }
    let (wanted, found) = (ParameterValue.all(of: asked), ParameterValue.all(of: there))
    return probe.parameters.keys.allSatisfy { wanted[$0] == found[$0] }
  }

  /// Every one of several probes that are meant must keep the bound.
  func judged(_ reports: [ProbeReport], _ specs: [ProbeSpec], _ threats: [ThreatReport]) -> GateResult {
    let values =
      probe.probe == Self.union
      ? threats.filter { covers($0.threat) }.map { $0.robustAccuracy as Double? }
      : zip(specs, reports).filter { matches($0.0) }.map { value($0.1) }
    let shown = values.map { $0.map { $0.isFinite ? Written.decimal($0) : "more than was found" } ?? "nothing" }
      .joined(separator: ", ")
    let passed =
      !values.isEmpty
      && values.allSatisfy { value in
        value.map { relation == .atLeast ? $0 >= bound : $0 <= bound } ?? false
      }
    return GateResult(
      gate: text, passed: passed, values: values.map { $0.flatMap { $0.isFinite ? $0 : nil } },
      message: "\(text): \(measure) is \(shown)" + (passed ? "." : ", which does not keep the bound."))
  }

  private func value(_ report: ProbeReport) -> Double? {
    switch measure {
    case "accuracy": report.robustAccuracy
    case "clean_accuracy": report.cleanAccuracy
    // Where more than half of the examples have none, it is beyond any bound.
    case "median_distance": report.medianDistance ?? report.distances.map { _ in .infinity }
    default:
      report.calibration.flatMap { found in Calibration.measures[measure].map { found[keyPath: $0] } }
        ?? report.summary?[measure]
    }
  }
}

extension Calibration {
  /// By the names that gates use.
  static let measures: [String: KeyPath<Calibration, Double> & Sendable] = [
    "nll": \.nll, "brier": \.brier, "ece15": \.ece15, "adaptive_ece15": \.adaptiveEce15,
  ]
}

/// A gate, judged.
public struct GateResult: Codable, Sendable, Equatable {
  /// As the command line writes it.
  public var gate: String
  /// Whether every value keeps the bound.
  public var passed: Bool
  /// Values of each probe that was meant; null where it has no such measure, which fails, or where it is infinite.
  public var values: [Double?]
  /// A sentence for a reader.
  public var message: String
}

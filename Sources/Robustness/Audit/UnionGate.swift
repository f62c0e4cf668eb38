import DitherBasics
import DitherTensor

/// Gates of threat models, `union:norm=linf,epsilon=8/255>=0.4`: a part that is left out may be anything.
extension Gate {
  /// The word in the place of a probe's name.
  public static let union = "union"

  private static let unionKeys = ["norm", "epsilon"]

  /// - Throws: when no attack of the plan is in the ball, so that it could not fail, and for words that it does not
  ///   know.
  func checkUnion(_ probes: [ProbeSpec]) throws(RobustnessError) {
    let place = "gate '\(text.clipped())'"
    guard measure == "accuracy" else {
      throw RobustnessError(
        .parameter, at: place, expected: "no measure of a union but its accuracy", got: "'\(measure.clipped())'",
        advice: "write it as 'union:norm=linf,epsilon=8/255>=0.4'")
    }
    if let key = probe.parameters.keys.sorted().first(where: { !Self.unionKeys.contains($0) }) {
      throw RobustnessError(
        .parameter, at: place, expected: "norm and epsilon", got: "'\(key.clipped())'",
        advice: nearest(to: key, among: Self.unionKeys).map { "did you mean '\($0)'?" })
    }
    let threats = probes.compactMap(\.threat)
    guard !threats.contains(where: covers) else { return }
    let words = Set(threats.map { "norm=\($0.norm.rawValue),epsilon=\(ParameterValue.written($0.epsilon))" }).sorted()
    throw RobustnessError(
      .parameter, at: place, expected: "the ball of an attack of this audit that leads away from the class",
      got: "'\(probe.text.clipped())'",
      advice: words.isEmpty
        ? "the audit has none" : "the audit has \(words.prefix(8).map { "union:\($0)" }.joined(separator: ", "))")
  }

  /// Whether a ball is meant.
  func covers(_ threat: Threat) -> Bool {
    probe.parameters.allSatisfy { key, value in
      switch key {
      case "norm": value == threat.norm.rawValue
      case "epsilon": Parameters.number(value) == threat.epsilon
      default: false
      }
    }
  }

  /// Whether it is about a threat model of a report, or about one of its attacks.
  package func concerns(_ threat: ThreatReport, in report: Report) -> Bool {
    if probe.probe == Self.union { return covers(threat.threat) }
    return report.probes.contains { $0.threat == threat.threat && concerns($0) }
  }

  private func concerns(_ report: ProbeReport) -> Bool {
    probe.probe == report.probe
      && probe.parameters.allSatisfy { key, value in
        guard let there = report.parameters[key]?.description else { return false }
        return value == there || Parameters.number(value).map { $0 == Parameters.number(there) } ?? false
      }
  }
}

extension ProbeSpec {
  /// The ball of an attack that leads away from the class; nil of every other probe.
  fileprivate var threat: Threat? {
    guard let probe = try? resolved(), case .attack(let threat, _, _) = probe.condition(of: ImageShape([1, 28, 28])),
      parameters["target"].map({ $0 == Target.untargeted.description }) ?? true
    else { return nil }
    return threat
  }
}

/// How much a finding weighs.
public enum Severity: String, Codable, Sendable, CaseIterable, Comparable {
  /// The numbers are likely to be wrong in the model's favor.
  case high
  /// They may be.
  case medium
  /// They are bounds, or rest on little.
  case low

  public static func < (one: Severity, other: Severity) -> Bool {
    (allCases.firstIndex(of: one) ?? 0) < (allCases.firstIndex(of: other) ?? 0)
  }
}

/// A kind of check: what its failure means for the report's reader. Source: the signs that Athalye et al. 2018, arXiv
/// 1802.00420, and Carlini et al. 2019, arXiv 1902.06705, list.
public struct CheckKind: Sendable, Equatable {
  /// As reports name it.
  public var name: String
  /// The weight of a failure.
  public var severity: Severity
  /// A few words for a heading.
  public var title: String
  /// Advice for where it fails: a sentence.
  public var advice: String

  /// Every kind of check that an audit makes.
  public static let all: [CheckKind] = [
    CheckKind(
      name: "softmax_on_softmax", severity: .high, title: "A softmax upon a softmax",
      advice: "Export the logits, or say what the outputs are with --output-kind, and audit again."),
    CheckKind(
      name: "pixel_range", severity: .high, title: "Inputs of another range than in training",
      advice: "Put the normalization of training into the file (dither.normalisation), and audit again."),
    CheckKind(
      name: "rows_apart", severity: .high, title: "Answers depend on the batch",
      advice: "Export the model in evaluation mode (batch normalization, dropout), and audit again."),
    CheckKind(
      name: Evidence.randomPointWins.rawValue, severity: .high, title: "A random point beats the attack",
      advice:
        "Do not quote this attack: gradients are masked, or it is too short. Add square, or of classes hopskipjump and autoattack."
    ),
    CheckKind(
      name: "black_box_wins", severity: .high, title: "An attack without gradients beats those with them",
      advice: "Quote the union of the attacks, and add more black-box queries: gradients are masked."),
    CheckKind(
      name: Evidence.unboundedSurvivor.rawValue, severity: .high, title: "The attack fails without any bound",
      advice: "Do not quote this attack: its gradients lead nowhere. Use other losses (apgd loss=dlr) and square."),
    CheckKind(
      name: Evidence.vanishedGradient.rawValue, severity: .medium, title: "Gradients vanish",
      advice: "Add attacks that do not follow the loss: square, or of classes hopskipjump and apgd with loss=dlr."),
    CheckKind(
      name: "still_rising", severity: .medium, title: "The attack was not done",
      advice: "Ask for two to five times the steps or queries, until the curve is flat at its end."),
    CheckKind(
      name: "more_effort_helps", severity: .medium, title: "More effort broke fewer",
      advice: "Quote the union of the attacks, and ask for restarts."),
    CheckKind(
      name: "larger_epsilon_helps", severity: .medium, title: "A larger ball broke fewer",
      advice: "Ask for more steps in the larger ball, or for smaller ones."),
    CheckKind(
      name: Evidence.uncertainLoss.rawValue, severity: .medium, title: "The expected loss stayed unsure",
      advice: "Ask for more draws (most_draws): the attack follows noise."),
    CheckKind(
      name: Evidence.meanWeightsWin.rawValue, severity: .medium,
      title: "Mean weights beat the attack through the noise",
      advice: "Ask for more draws and steps; both attacks count already."),
    CheckKind(
      name: Evidence.singleDrawWins.rawValue, severity: .medium, title: "One draw a step beat the expectation",
      advice: "Ask for more draws and steps of the attack through the expectation."),
    CheckKind(
      name: "noise_off_gap", severity: .medium, title: "Robust with noise, and much less without",
      advice: "Attack with more draws, steps and queries before the difference is called robustness."),
    CheckKind(
      name: Evidence.endedEarly.rawValue, severity: .low, title: "The time ended an attack",
      advice: "Read its accuracy as an upper bound, or run the report's command without --budget."),
    CheckKind(
      name: Evidence.zeroProbability.rawValue, severity: .low, title: "Probabilities of 0 for the true class",
      advice: "Read the NLL as a lower bound, or export the logits."),
    CheckKind(
      name: "zero_variance", severity: .low, title: "Answers with a variance of 0",
      advice: "Read CRPS and coverage in place of the NLL, or train with a floor below the variance."),
    CheckKind(
      name: "conformal_examples", severity: .low, title: "Too few examples for the coverage that is asked for",
      advice: "Ask for more examples, or for a lower coverage."),
    CheckKind(
      name: "features", severity: .low, title: "Bounds of a table's features",
      advice: "Give bounds that mean something for the data with --features."),
  ]

  /// The kind of a check; one that is not known here is of medium severity.
  public static func of(_ name: String) -> CheckKind {
    all.first { $0.name == name }
      ?? CheckKind(
        name: name, severity: .medium, title: name.replacing("_", with: " "),
        advice: "Read its sentence, and audit again when its cause is mended.")
  }
}

/// Findings of one kind.
public struct FindingGroup: Sendable, Equatable {
  /// The kind that they are of.
  public var kind: CheckKind
  /// In the report's order.
  public var findings: [Check]

  /// Each sentence once, with the probes that it is said of.
  package var sentences: [(message: String, probes: [String])] {
    var order: [String] = [], probes: [String: [String]] = [:]
    for finding in findings {
      if probes[finding.message] == nil { order.append(finding.message) }
      probes[finding.message, default: []].append(finding.probe)
    }
    return order.map { ($0, probes[$0] ?? []) }
  }

  /// Grouped by kind, the gravest first.
  static func all(of findings: [Check]) -> [FindingGroup] {
    var order: [String] = [], groups: [String: [Check]] = [:]
    for finding in findings {
      if groups[finding.check] == nil { order.append(finding.check) }
      groups[finding.check, default: []].append(finding)
    }
    let found = order.map { FindingGroup(kind: CheckKind.of($0), findings: groups[$0] ?? []) }
    return Severity.allCases.flatMap { severity in found.filter { $0.kind.severity == severity } }
  }
}

extension Report {
  /// The findings by kind, the gravest first.
  public var findingGroups: [FindingGroup] { FindingGroup.all(of: findings) }
}

import DitherInference

/// A test of the audit itself: whether an attack may have flattered the model.
public struct Check: Codable, Sendable, Equatable {
  public var check: String
  /// The probe, as it would be asked for.
  public var probe: String
  /// Whether nothing was found amiss.
  public var passed: Bool
  /// A sentence for a reader.
  public var message: String
}

/// The known signs of masked gradients and of weak attacks. Athalye et al. 2018, arXiv 1802.00420; Carlini et al. 2019,
/// arXiv 1902.06705.
struct Checks {
  private typealias Entry = (spec: ProbeSpec, report: ProbeReport, condition: Condition)
  private let reports: [Entry]

  init(_ reports: [(ProbeSpec, ProbeReport, Condition)]) { self.reports = reports }

  var all: [Check] {
    reports.flatMap { ofEvidence($0.spec, $0.report) }
      + reports.flatMap { ofMeasurement($0.spec, $0.report) } + betweenProbes
      + reports.compactMap { ofProgress($0.spec, $0.report) }
      + noiseGap
  }

  /// An attack whose margin still rises at its end was not tried for long enough.
  private func ofProgress(_ spec: ProbeSpec, _ report: ProbeReport) -> Check? {
    guard let progress = report.progress, progress.margins.count >= 8, let last = progress.margins.last,
      let first = progress.margins.first, report.robustAccuracy > 0.02
    else { return nil }
    // The last fifth of the queries.
    let from = progress.questions.lastIndex { Double($0) <= 0.8 * Double(progress.questions.last ?? 0) } ?? 0
    let late = last - progress.margins[from], all = max(last - first, 1e-9), passed = late <= 0.1 * all
    return Check(
      check: "still_rising", probe: spec.text, passed: passed,
      message: "The last fifth of the queries brought \(Written.percent(late / all)) of the rise of the margin."
        + (passed ? "" : " The attack was getting somewhere still: ask for more steps."))
  }

  /// Robustness that comes from the noise alone is not the weights': both are shown, and the gap is said.
  private var noiseGap: [Check] {
    reports.compactMap { spec, report, condition in
      guard case .attack = condition, let off = report.noiseOff else { return nil }
      let gap = report.robustAccuracy - off.robustAccuracy, passed = gap <= 0.1
      return Check(
        check: "noise_off_gap", probe: spec.text, passed: passed,
        message: "With its noise the model keeps \(Written.percent(report.robustAccuracy)), without it "
          + "\(Written.percent(off.robustAccuracy))."
          + (passed
            ? ""
            : " Most of the difference may be the noise's effect on the attack: look at it with more draws, and more steps or queries.")
      )
    }
  }

  private func ofMeasurement(_ spec: ProbeSpec, _ report: ProbeReport) -> [Check] {
    (report.summary?.remarks ?? []).map {
      Check(check: $0.check, probe: spec.text, passed: $0.passed, message: $0.message)
    }
  }

  private func ofEvidence(_ spec: ProbeSpec, _ report: ProbeReport) -> [Check] {
    Evidence.allCases.compactMap { kind in
      guard let count = report.evidence?[kind], count.n > 0 else { return nil }
      let passed = kind.tolerates(count)
      return Check(
        check: kind.rawValue, probe: spec.text, passed: passed,
        message: kind.sentence(count) + (passed ? "" : " " + kind.meaning))
    }
  }

  /// A larger ball and more effort must not help the model, and an attack that sees less must not break more. Each
  /// attack is compared with the weaker one that broke most.
  private var betweenProbes: [Check] {
    var checks: [Check] = []
    for stronger in reports {
      guard case .attack(let threat, let effort, let knowledge) = stronger.condition else { continue }
      var smaller: Entry?, lazier: Entry?
      for weaker in reports {
        guard case .attack(let less, let lessEffort, knowledge) = weaker.condition, less.norm == threat.norm,
          Self.haveOneGoal(weaker, stronger)
        else { continue }
        let isSame = weaker.spec.probe == stronger.spec.probe
        if less.epsilon < threat.epsilon, isSame, lessEffort == effort { smaller = Self.harder(smaller, weaker) }
        // One step, too, is fewer than many, whatever the attack.
        if less == threat, lessEffort < effort, isSame || lessEffort == 1 && knowledge == .gradients {
          lazier = Self.harder(lazier, weaker)
        }
      }
      if let smaller { checks.append(check(smaller, stronger, isLarger: true)) }
      if let lazier { checks.append(check(lazier, stronger, isLarger: false)) }
      if knowledge != .gradients, let check = blackBox(stronger, threat) { checks.append(check) }
    }
    return checks
  }

  /// Whether both lead away from the class, or to the same one: an attack with a target may well break fewer examples
  /// than one without.
  private static func haveOneGoal(_ one: Entry, _ other: Entry) -> Bool {
    let untargeted = ParameterValue.text(Target.untargeted.description)
    return one.report.parameters["target"] ?? untargeted == other.report.parameters["target"] ?? untargeted
  }

  private static func harder(_ one: Entry?, _ other: Entry) -> Entry {
    guard let one else { return other }
    return other.report.perExample.count { $0 } < one.report.perExample.count { $0 } ? other : one
  }

  /// An attack that sees gradients must break all that one without them breaks.
  private func blackBox(_ blind: Entry, _ threat: Threat) -> Check? {
    let seeing = reports.filter {
      guard case .attack(threat, let effort, .gradients) = $0.condition else { return false }
      return effort > 1 && Self.haveOneGoal($0, blind)
    }
    guard !seeing.isEmpty else { return nil }
    let missed = blind.report.perExample.indices.count { row in
      !blind.report.perExample[row] && seeing.allSatisfy { $0.report.perExample[row] }
    }
    let passed = missed <= max(1, blind.report.n / 100)
    return Check(
      check: "black_box_wins", probe: blind.spec.text, passed: passed,
      message: "It sees no gradients, and broke \(missed) of \(blind.report.n) that "
        + "\(seeing.map(\.spec.text).joined(separator: " and ")) did not."
        + (passed ? "" : " Gradients are masked, or the attacks that follow them are too weak."))
  }

  private func check(
    _ weaker: Entry, _ stronger: Entry, isLarger: Bool
  ) -> Check {
    // One example in a hundred may differ by chance: random starts and draws differ.
    let slack = max(1, weaker.report.n / 100)
    let left = stronger.report.perExample.count { $0 }, leftByWeaker = weaker.report.perExample.count { $0 }
    let passed = left <= leftByWeaker + slack
    let cause = isLarger ? "The larger ball" : "The greater effort"
    return Check(
      check: isLarger ? "larger_epsilon_helps" : "more_effort_helps", probe: stronger.spec.text, passed: passed,
      message: "\(cause) leaves \(left) of \(stronger.report.n) standing, \(weaker.spec.text) leaves \(leftByWeaker)."
        + (passed ? "" : " An attack that does worse with more freedom is not finding what is there."))
  }
}

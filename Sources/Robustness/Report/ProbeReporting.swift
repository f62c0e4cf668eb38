import DitherBasics
import DitherInference
import Foundation

extension ProbeReport {
  /// - Parameters:
  ///   - rows: places of the judged examples among all of the audit's.
  ///   - total: the audit's examples.
  init(
    _ spec: ProbeSpec, _ asked: any Probe, _ image: ImageShape, _ results: [ShardResult.Found], labels: ClassLabels,
    rows: [Int], of total: Int
  ) {
    let condition = asked.condition(of: image)
    let outcomes = results.map(\.model), robust = outcomes.flatMap(\.robust), clean = outcomes.flatMap(\.clean)
    probe = spec.probe
    kind = condition.kind
    title = asked.title(of: image)
    parameters = asked.parameters(of: image)
    if case .attack(let threat, _, _) = condition { self.threat = threat }
    if case .corruption(let setting) = condition { corruption = setting }
    strength = asked.strength(of: image)
    n = robust.count
    cleanAccuracy = Proportion(clean).value
    cleanInterval = Proportion(clean).interval
    robustAccuracy = Proportion(robust).value
    interval = Proportion(robust).interval
    perExample = robust
    perExampleClean = clean
    if [.clean, .attack, .corruption].contains(kind) {
      let changed = outcomes.compactMap(\.answers).flatMap(\.changed)
      answers = changed.count == robust.count ? changed : nil
    }
    self.rows = rows.count == total ? nil : rows
    questions = outcomes.reduce(0) { $0 + $1.questions }
    let again = outcomes.compactMap(\.cleanAgain).flatMap { $0 }
    if again.count == clean.count {
      noiseFlips = Proportion(zip(clean, again).count { $0 && !$1 }, of: clean.count)
    }
    noiseOff = Measured(asked, results.compactMap(\.noiseOff), labels)
    others = Self.others(asked, results, labels)
    illustrations = outcomes.flatMap(\.illustrations)
    take(asked.sections(of: outcomes, labels: labels))
    evidence = outcomes.reduce(into: [Evidence: Evidence.Count]()) { sum, outcome in
      for (kind, count) in outcome.evidence {
        sum[kind, default: .init(cases: 0, n: 0)].cases += count.cases
        sum[kind, default: .init(cases: 0, n: 0)].n += count.n
      }
    }
  }

  /// The probe's own sections.
  private mutating func take(_ sections: ProbeSections) {
    (summary, calibration, certified) = (sections.summary, sections.calibration, sections.certified)
    (singleDraw, progress, distances) = (sections.singleDraw, sections.progress, sections.distances)
    guard let distances else { return }
    medianDistance = distances.map { $0 ?? .infinity }.median.flatMap { $0.isFinite ? $0 : nil }
    accuracyAgainstEpsilon = Self.curve(distances)
  }

  /// The other models, each with how it does on what was made for this one.
  private static func others(_ asked: any Probe, _ results: [ShardResult.Found], _ labels: ClassLabels) -> [Measured] {
    (results.first?.others ?? []).indices.compactMap { at in
      var other = Measured(asked, results.map { $0.others[at] }, labels)
      other?.transferFromModel = Share(
        results.map { $0.model.transferred.flatMap { $0.indices.contains(at) ? $0[at] : nil } })
      return other
    }
  }

  /// At up to 20 lengths, from 0 to the largest that was needed.
  private static func curve(_ distances: [Double?]) -> [CurvePoint] {
    let largest = distances.compactMap { $0 }.max() ?? 0
    guard largest > 0 else { return [] }
    return (0...20).map { step in
      let epsilon = largest * Double(step) / 20
      let standing = Proportion(distances.map { $0.map { $0 > epsilon } ?? true })
      return CurvePoint(epsilon: epsilon, accuracy: standing.value, interval: standing.interval)
    }
  }
}

extension ProbeReport.Share {
  /// - Parameter parts: of each shard; nil where it has none.
  init?(_ parts: [[Bool]?]) {
    let right = parts.compactMap { $0 }.flatMap { $0 }
    guard !parts.isEmpty, parts.allSatisfy({ $0 != nil }) else { return nil }
    let share = Proportion(right)
    self.init(accuracy: share.value, interval: share.interval, perExample: right)
  }
}

extension ProbeReport.Measured {
  init?(_ asked: any Probe, _ outcomes: [Outcome], _ labels: ClassLabels) {
    guard !outcomes.isEmpty else { return nil }
    let robust = outcomes.flatMap(\.robust)
    cleanAccuracy = Proportion(outcomes.flatMap(\.clean)).value
    robustAccuracy = Proportion(robust).value
    interval = Proportion(robust).interval
    perExample = robust
    let sections = asked.sections(of: outcomes, labels: labels)
    (summary, calibration, certified) = (sections.summary, sections.calibration, sections.certified)
    transferToModel = ProbeReport.Share(outcomes.map { $0.transferred?.first })
  }
}

import DitherInference
import Foundation

extension ProbeReport {
  init(_ spec: ProbeSpec, _ asked: any Probe, _ image: ImageShape, _ results: [ShardResult.Found], labels: [Int]) {
    let condition = asked.condition(of: image)
    let outcomes = results.map(\.model), robust = outcomes.flatMap(\.robust), clean = outcomes.flatMap(\.clean)
    probe = spec.probe
    kind =
      switch condition {
      case .clean: .clean
      case .calibration: .calibration
      case .measurement: .measurement
      case .attack: .attack
      case .corruption: .corruption
      case .certificate: .certificate
      }
    parameters = (try? spec.resolved()).map { ParameterValue.all(of: $0) } ?? [:]
    if case .corruption(_, let strength) = condition {
      for (name, value) in strength { parameters[name] = .number(value) }
      if let severity = parameters["severity"].flatMap({ Int($0.description) }) {
        parameters["severity"] = .integer(severity)
      }
    }
    n = robust.count
    cleanAccuracy = Proportion(clean).value
    cleanInterval = Proportion(clean).interval
    robustAccuracy = Proportion(robust).value
    interval = Proportion(robust).interval
    perExample = robust
    perExampleClean = clean
    questions = outcomes.reduce(0) { $0 + $1.questions }
    let again = outcomes.compactMap(\.cleanAgain).flatMap { $0 }
    if again.count == clean.count {
      noiseFlips = Proportion(zip(clean, again).count { $0 && !$1 }, of: clean.count)
    }
    let lengths = outcomes.compactMap(\.distances).flatMap { $0 }
    if lengths.count == clean.count {
      distances = lengths
      let sorted = lengths.map { $0 ?? .infinity }.sorted()
      let middle = sorted.isEmpty ? .infinity : sorted[sorted.count / 2]
      medianDistance = middle.isFinite ? middle : nil
      accuracyAgainstEpsilon = Self.curve(lengths)
    }
    singleDraw = Share(outcomes.map(\.singleDraw))
    progress = Progress(outcomes.compactMap(\.trace))
    noiseOff = Measured(asked, results.compactMap(\.noiseOff), labels, condition)
    // What was made for this model, tried on the others in their order.
    func transferred(_ at: Int) -> Share? {
      Share(outcomes.map { $0.transferred.flatMap { $0.indices.contains(at) ? $0[at] : nil } })
    }
    others = (results.first?.others ?? []).indices.compactMap { at in
      var other = Measured(asked, results.map { $0.others[at] }, labels, condition)
      other?.transferFromModel = transferred(at)
      return other
    }
    calibration = Calibration(asked, outcomes, labels)
    summary = asked.summary(of: outcomes, labels: labels)
    certified = Certified(outcomes, condition)
    evidence = outcomes.reduce(into: [Evidence: Evidence.Count]()) { sum, outcome in
      for (kind, count) in outcome.evidence {
        sum[kind, default: .init(cases: 0, n: 0)].cases += count.cases
        sum[kind, default: .init(cases: 0, n: 0)].n += count.n
      }
    }
    illustrations = outcomes.flatMap(\.illustrations)
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

  /// Short enough for a chart's axis: `pgd linf 8/255`.
  package var title: String {
    let shown = ["norm", "epsilon", "steps", "severity", "sigma", "amount"].compactMap { key in
      parameters[key].flatMap { value -> String? in
        switch key {
        case "norm": return ["linf": "L∞", "l2": "L2", "l1": "L1"][value.description] ?? value.description
        case "epsilon": return "ε = \(value)"
        case "sigma": return "σ = \(value)"
        case "severity": return value == .text("all") ? nil : "severity \(value)"
        default: return "\(value) \(key)"
        }
      }
    }
    return ([probe.replacingOccurrences(of: "_", with: " ")] + shown).joined(separator: ", ")
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

extension ProbeReport.Progress {
  /// Shards may end after different numbers of questions: the mean is over those that got so far, and the last of the others.
  init?(_ traces: [Outcome.Trace]) {
    let places = Set(traces.flatMap(\.questions)).sorted(), examples = traces.reduce(0) { $0 + $1.examples }
    guard places.count > 1, examples > 0 else { return nil }
    let thinned = places.count <= 60 ? places : (0..<60).map { places[$0 * (places.count - 1) / 59] }
    questions = thinned
    margins = thinned.map { place in
      traces.reduce(0) { sum, trace in
        let at = trace.questions.lastIndex { $0 <= place } ?? 0
        return sum + trace.sums[at]
      } / Double(examples)
    }
  }
}

extension ProbeReport.Measured {
  init?(_ asked: any Probe, _ outcomes: [Outcome], _ labels: [Int], _ condition: Condition) {
    guard !outcomes.isEmpty else { return nil }
    let robust = outcomes.flatMap(\.robust)
    cleanAccuracy = Proportion(outcomes.flatMap(\.clean)).value
    robustAccuracy = Proportion(robust).value
    interval = Proportion(robust).interval
    perExample = robust
    calibration = Calibration(asked, outcomes, labels)
    summary = asked.summary(of: outcomes, labels: labels)
    certified = Certified(outcomes, condition)
    transferToModel = ProbeReport.Share(outcomes.map { $0.transferred?.first })
  }
}

extension Certified {
  fileprivate init?(_ outcomes: [Outcome], _ condition: Condition) {
    guard case .certificate(let norm, let radii) = condition else { return nil }
    self.init(outcomes.flatMap { $0.certificates ?? [] }, norm: norm, radii: radii)
  }
}

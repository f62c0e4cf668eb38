extension Report {
  /// Failures that are alike in one probe or several, as a person reads it.
  public struct FailureReason: Sendable {
    /// `example 13`, or `2 examples from 13 on`.
    public var examples: String
    /// How many examples.
    public var count: Int
    /// A sentence for a reader.
    public var message: String
    /// There was no answer, which counts as a wrong one; otherwise they are in no number of the probes.
    public var countedWrong: Bool
    /// The probes in which it happened, as they were asked for.
    public fileprivate(set) var probes: [String]
    /// As many of them as a reader wants named, and how many there are beside these.
    public var named: (probes: [String], others: String) {
      let most = 3
      return (Array(probes.prefix(most)), probes.count > most ? " and \(probes.count - most) more" : "")
    }
  }

  /// The failures, each reason said once.
  public var failuresByReason: [FailureReason] {
    var places: [Failure: Int] = [:]
    return (failures ?? []).reduce(into: []) { all, failure in
      var reason = failure
      reason.probe = ""
      if let place = places[reason] { return all[place].probes.append(failure.probe) }
      places[reason] = all.count
      all.append(
        FailureReason(
          examples:
            failure.count == 1 ? "example \(failure.example)" : "\(failure.count) examples from \(failure.example) on",
          count: failure.count, message: failure.message, countedWrong: failure.countedWrong ?? false,
          probes: [failure.probe]))
    }
  }
}

extension Report.Failure {
  /// Failures of one probe; neighbors of the same message are one.
  static func all(of probe: ProbeSpec, _ results: [ShardResult], _ runner: AuditRunner) -> [Self] {
    let unjudged = results.flatMap { $0.failures ?? [] }.map {
      Self(probe: probe.text, example: $0.example, count: $0.count, message: $0.message)
    }
    let unanswered = results.flatMap(\.pieces).flatMap { piece in
      Self.unanswered(piece.found, runner).map { row, message in
        Self(
          probe: probe.text, example: runner.data.start + piece.examples.lowerBound + row, count: 1, message: message,
          countedWrong: true)
      }
    }
    var places: [String: Int] = [:]
    return (unjudged + unanswered).reduce(into: []) { all, next in
      if let place = places[next.message], all[place].example + all[place].count == next.example {
        all[place].count += next.count
      } else {
        places[next.message] = all.count
        all.append(next)
      }
    }
  }

  /// In the order of the rows.
  private static func unanswered(_ found: ShardResult.Found, _ runner: AuditRunner) -> [(row: Int, message: String)] {
    let noiseOff = found.noiseOff == nil ? [] : ["the model with its noise off"]
    let names = ["the model"] + noiseOff + runner.others.map(\.reference)
    let all = zip(names, found.all).compactMap { name, outcome in outcome.unanswered.map { (name, $0) } }
    let rows = all.reduce(into: Set<Int>()) { $0.formUnion($1.1.asTheyAre.union($1.1.changed)) }
    return rows.sorted().flatMap { row in
      let asItIs = all.filter { $0.1.asTheyAre.contains(row) }.map(\.0)
      // A model without an answer to the example has none under the condition either, and that is said once.
      let changed = all.filter { $0.1.changed.contains(row) && !$0.1.asTheyAre.contains(row) }.map(\.0)
      return [(asItIs, "to the example as it is"), (changed, "under the probe")].filter { !$0.0.isEmpty }.map {
        (row, "expected a finite answer \($0.1), got NaN or infinity from \($0.0.joined(separator: ", "))")
      }
    }
  }
}

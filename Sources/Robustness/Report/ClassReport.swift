/// The examples of one class.
public struct ClassReport: Codable, Sendable, Equatable {
  /// The class's number.
  public var label: Int
  /// The model's name for it; left out where it has none.
  public var name: String?
  /// Its examples that are answered as they are, and how many of them rightly.
  public var clean: Proportion
  /// By threat model, in their order: its examples there, and how many of them withstand every attack.
  public var robust: [Proportion]
}

/// The examples that an audit was about, by their order.
public struct ExampleFacts: Codable, Sendable, Equatable {
  /// The first one's number in the data.
  public var first: Int
  /// The true classes.
  public var labels: [Int]
  /// The deployed predictor's answers to the examples as they are: classes, or −1 where there is none, or none was
  /// asked for in time.
  public var answers: [Int]
}

extension ClassReport {
  /// Classes that have examples, by their numbers.
  static func all(
    _ facts: ExampleFacts, _ probes: [ProbeReport], _ threats: [ThreatReport], names: [String]
  ) -> [ClassReport] {
    // The probe that judged most examples as they are.
    let judge = probes.filter { [.clean, .attack, .corruption].contains($0.kind) }.max { $0.n < $1.n }
    let rows = judge.map { judge in judge.rows ?? Array(judge.perExampleClean.indices) } ?? []
    var clean: [Int: Proportion] = [:]
    for (row, isRight) in zip(rows, judge?.perExampleClean ?? []) where facts.labels.indices.contains(row) {
      clean[facts.labels[row], default: Proportion(0, of: 0)].add(isRight)
    }
    let robust = threats.map { threat in
      var found: [Int: Proportion] = [:]
      for (row, isRight) in zip(threat.rows ?? Array(threat.perExample.indices), threat.perExample)
      where facts.labels.indices.contains(row) {
        found[facts.labels[row], default: Proportion(0, of: 0)].add(isRight)
      }
      return found
    }
    return Set(facts.labels).sorted().map { label in
      ClassReport(
        label: label, name: names.indices.contains(label) ? names[label] : nil,
        clean: clean[label] ?? Proportion(0, of: 0), robust: robust.map { $0[label] ?? Proportion(0, of: 0) })
    }
  }

  /// Its name, or `class 3`.
  public var title: String { name ?? "class \(label)" }
}

extension Proportion {
  fileprivate mutating func add(_ isRight: Bool) {
    n += 1
    if isRight { successes += 1 }
  }
}

extension Report {
  /// The class that is answered worst under the main threat model, or without attacks as it is; nil where that is not
  /// known. Of several the one with the lower number.
  package var worstClass: (found: ClassReport, share: Proportion, threat: ThreatReport?)? {
    let place = mainThreat.flatMap { threatModels.firstIndex(of: $0) }
    let all = (classes ?? []).compactMap { one -> (ClassReport, Proportion)? in
      let share = place.map { one.robust.indices.contains($0) ? one.robust[$0] : Proportion(0, of: 0) } ?? one.clean
      return share.n > 0 ? (one, share) : nil
    }
    guard all.count > 1, let worst = all.min(by: { ($0.1.value, $0.0.label) < ($1.1.value, $1.0.label) }) else {
      return nil
    }
    return (worst.0, worst.1, mainThreat)
  }

  /// How often each class is taken for each: pairs of the true class and the answer, with their counts, the diagonal
  /// included. nil where the answers are not known.
  /// - Parameter threat: nil: the examples as they are. Else by the attack that breaks most of those that break the
  ///   example; what none breaks is answered as it is.
  package func confusion(under threat: ThreatReport?) -> [ClassPair: Int]? {
    guard let facts = examples, facts.labels.count == facts.answers.count else { return nil }
    var answers = facts.answers
    if let threat {
      let attacks = probes.filter { $0.leadsAway && $0.threat == threat.threat }
        .sorted { $0.robustAccuracy > $1.robustAccuracy }
      guard attacks.allSatisfy({ $0.answers?.count == $0.perExample.count }) else { return nil }
      // The strongest is the last to write.
      for attack in attacks {
        for (row, place) in attack.places where answers.indices.contains(row) && place < attack.perExample.count {
          if !attack.perExample[place], let answer = attack.answers?[place] { answers[row] = answer }
        }
      }
    }
    let rows = threat.map { $0.rows ?? Array($0.perExample.indices) } ?? Array(facts.labels.indices)
    return rows.reduce(into: [:]) { counts, row in
      guard facts.labels.indices.contains(row) else { return }
      counts[ClassPair(label: facts.labels[row], answer: answers[row]), default: 0] += 1
    }
  }
}

/// A true class and an answer.
package struct ClassPair: Hashable, Sendable {
  package var label: Int
  /// −1: none.
  package var answer: Int

  package init(label: Int, answer: Int) { (self.label, self.answer) = (label, answer) }
}

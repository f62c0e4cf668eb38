/// One threat model, a norm and an epsilon: what is left under all attacks of the audit in that ball together, example
/// by example. An attacker takes whatever works, so the figure of a ball is this one and not any single attack's
/// (Carlini et al. 2019, arXiv 1902.06705; Croce and Hein 2020, arXiv 2003.01690, take the worst case over attacks).
public struct ThreatReport: Codable, Sendable, Equatable {
  /// The ball.
  public var threat: Threat
  /// `L∞, ε = 8/255`.
  public var title: String
  /// Titles of its attacks, in the report's order; those that lead to a class are not among them: they break less by
  /// intent.
  public var attacks: [String]
  /// Examples that each of the attacks has judged.
  public var n: Int
  /// The share of them that withstands every one.
  public var robustAccuracy: Double
  /// The accuracy's interval: Wilson's, 95 %.
  public var interval: Interval
  /// By example: it withstands every attack.
  public var perExample: [Bool]
  /// Places among the report's examples of those that count; left out where all do.
  public var rows: [Int]?
  /// The title of the attack that leaves least by itself; the first of several.
  public var strongest: String
  /// The share that this one attack leaves.
  public var strongestAccuracy: Double
  /// The same model with its noise off, attacked itself, where every attack has it.
  public var noiseOff: ProbeReport.Share?
  /// The other models, attacked themselves, in the order of the report's comparisons.
  public var others: [ProbeReport.Share]
}

extension ThreatReport {
  /// One for each ball: norms in the order of the probes, smaller balls first.
  /// - Parameter total: examples of the report.
  public static func all(of probes: [ProbeReport], examples total: Int) -> [ThreatReport] {
    let attacks = probes.filter(\.leadsAway)
    var norms: [Norm] = [], threats: [Threat] = []
    for threat in attacks.compactMap(\.threat) where !threats.contains(threat) {
      threats.append(threat)
      if !norms.contains(threat.norm) { norms.append(threat.norm) }
    }
    return norms.flatMap { norm in
      threats.filter { $0.norm == norm }.sorted { $0.epsilon < $1.epsilon }.compactMap { threat in
        ThreatReport(threat, attacks.filter { $0.threat == threat }, examples: total)
      }
    }
  }

  /// - Parameter group: attacks in the ball, at least one.
  /// - Returns: nil where no example was judged by all of them.
  private init?(_ threat: Threat, _ group: [ProbeReport], examples total: Int) {
    let places = group.map(\.places)
    let common = places.dropFirst().reduce(Set((places.first ?? [:]).keys)) { $0.intersection($1.keys) }.sorted()
    guard !common.isEmpty else { return nil }
    /// By example: right in each of the lists, which are in the attacks' order.
    func everywhere(_ lists: [[Bool]]) -> [Bool] {
      common.map { row in
        zip(lists, places).allSatisfy { list, place in place[row].map { $0 < list.count && list[$0] } ?? false }
      }
    }
    func union(_ lists: [[Bool]?]) -> ProbeReport.Share? {
      let known = lists.compactMap { $0 }
      guard known.count == group.count else { return nil }
      let right = everywhere(known), share = Proportion(right)
      return ProbeReport.Share(accuracy: share.value, interval: share.interval, perExample: right)
    }
    let own = everywhere(group.map(\.perExample)), share = Proportion(own)
    let alone = zip(group, places).map { probe, place in
      common.count { row in place[row].map { $0 < probe.perExample.count && probe.perExample[$0] } ?? false }
    }
    let best = alone.indices.min { alone[$0] < alone[$1] } ?? 0
    self.threat = threat
    title = threat.words.joined(separator: ", ")
    attacks = group.map(\.title)
    n = common.count
    (robustAccuracy, interval) = (share.value, share.interval)
    perExample = own
    rows = common.count == total ? nil : common
    strongest = group[best].title
    strongestAccuracy = Proportion(alone[best], of: common.count).value
    noiseOff = union(group.map { $0.noiseOff?.perExample })
    others = (0..<(group.map(\.others.count).min() ?? 0)).compactMap { at in
      union(group.map { $0.others[at].perExample })
    }
  }
}

extension ProbeReport {
  /// An attack that leads away from the example's class, to whatever other.
  package var leadsAway: Bool {
    kind == .attack && parameters["target"].map { $0.description == Target.untargeted.description } ?? true
  }

  /// By place among the report's examples: the place among those that were judged.
  package var places: [Int: Int] {
    let judged = rows ?? Array(perExample.indices)
    return Dictionary(zip(judged, judged.indices), uniquingKeysWith: { first, _ in first })
  }
}

extension Report {
  /// The report's threat models; of a report that has none written, as older ones, made from its probes.
  public var threatModels: [ThreatReport] { threats ?? ThreatReport.all(of: probes, examples: n) }

  /// The ball in which most attacks were tried; of several the first that leaves anything standing, as there is nothing
  /// to tell where all is broken.
  package var mainThreat: ThreatReport? {
    let all = threatModels
    return all.indices.max { one, other in
      (all[one].attacks.count, all[one].robustAccuracy > 0 ? 1 : 0, -one)
        < (all[other].attacks.count, all[other].robustAccuracy > 0 ? 1 : 0, -other)
    }.map { all[$0] }
  }
}

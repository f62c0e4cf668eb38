import DitherBasics
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// What a report says of all attacks of a ball together is what its attacks say one by one.
@Suite("Threat models, classes and answers of a report")
struct ThreatReportTests {
  static let probes = [
    "clean", "fgsm:epsilon=0.1", "pgd:epsilon=0.1,steps=3", "square:epsilon=0.1,queries=20", "pgd:epsilon=0.3,steps=3",
    "pgd:norm=l2,epsilon=0.5,steps=3", "pgd:epsilon=0.1,steps=3,target=next", "gaussian_noise:severity=3",
  ]

  private static func report() throws -> Report {
    let runner = try Small.runner(Self.probes, count: 60, baseline: true)
    return try runner.report(runner.runAll(threads: 2))
  }

  /// The lists of the JSON form, which know nothing of the types that made them.
  private struct Written {
    let json: [String: Any], probes: [[String: Any]], threats: [[String: Any]]
    init(_ report: Report) throws {
      json = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
      probes = try #require(json["probes"] as? [[String: Any]])
      threats = try #require(json["threats"] as? [[String: Any]])
    }

    /// Right by example under each untargeted attack in a ball; of another model by its place.
    func lists(_ norm: String, _ epsilon: Double, other: Int? = nil) -> [[Bool]] {
      probes.filter {
        let threat = $0["threat"] as? [String: Any], parameters = $0["parameters"] as? [String: Any]
        return threat?["norm"] as? String == norm && threat?["epsilon"] as? Double == epsilon
          && parameters?["target"] as? String == "untargeted"
      }.compactMap { probe in
        guard let other else { return probe["per_example"] as? [Bool] }
        return (probe["others"] as? [[String: Any]])?[other]["per_example"] as? [Bool]
      }
    }
  }

  @Test("the union of a ball's attacks is their `and`, example by example, of every model")
  func union() throws {
    let report = try Self.report(), written = try Written(report)
    let balls = [("linf", 0.1, 3), ("linf", 0.3, 1), ("l2", 0.5, 1)]
    #expect(written.threats.count == balls.count)
    for (threat, ball) in zip(written.threats, balls) {
      let lists = written.lists(ball.0, ball.1), others = written.lists(ball.0, ball.1, other: 0)
      try #require(lists.count == ball.2 && others.count == ball.2)
      let all = (0..<60).map { row in !lists.contains { !$0[row] } }
      #expect(threat["per_example"] as? [Bool] == all && threat["n"] as? Int == 60 && threat["rows"] == nil)
      let right = all.count { $0 }
      #expect(threat["robust_accuracy"] as? Double == Double(right) / 60)
      let interval = Proportion(right, of: 60).interval
      let written = try #require(threat["interval"] as? [Double])
      #expect(written.count == 2 && abs(written[0] - interval.low) < 1e-12 && abs(written[1] - interval.high) < 1e-12)
      let other = try #require((threat["others"] as? [[String: Any]])?.first)
      #expect(other["per_example"] as? [Bool] == (0..<60).map { row in !others.contains { !$0[row] } })
      // No single attack leaves less.
      let least = lists.map { $0.count { $0 } }.min() ?? 0
      #expect(right <= least && threat["strongest_accuracy"] as? Double == Double(least) / 60)
    }
    #expect(report.threatModels[0].attacks.count == 3 && report.mainThreat == report.threatModels[0])
    // What leads to a class is in no union.
    #expect(!report.threatModels.flatMap(\.attacks).contains { $0.contains("next") })
  }

  @Test("counts by class and confusions add up to what the probes say")
  func classes() throws {
    let report = try Self.report(), facts = try #require(report.examples), classes = try #require(report.classes)
    let data = try Small.data(60, for: Small.model())
    #expect(facts.labels == data.labels && facts.first == 0)
    #expect(zip(facts.labels, facts.answers).map { $0 == $1 } == report.probes[0].perExample)
    #expect(classes.map(\.label) == Set(data.labels).sorted() && classes.allSatisfy { $0.robust.count == 3 })
    for one in classes {
      let rows = data.labels.indices.filter { data.labels[$0] == one.label }
      #expect(one.clean == Proportion(rows.map { report.probes[0].perExample[$0] }))
      for (share, threat) in zip(one.robust, report.threatModels) {
        #expect(share == Proportion(rows.map { threat.perExample[$0] }))
      }
    }
    for (threat, right) in [
      (nil as ThreatReport?, report.probes[0].perExample), (report.threatModels[0], report.threatModels[0].perExample),
    ] {
      let pairs = try #require(report.confusion(under: threat))
      #expect(pairs.values.reduce(0, +) == 60)
      for one in classes {
        let row = pairs.filter { $0.key.label == one.label }
        #expect(row.values.reduce(0, +) == data.labels.count { $0 == one.label })
        let stay = data.labels.indices.count { data.labels[$0] == one.label && right[$0] }
        #expect(pairs[ClassPair(label: one.label, answer: one.label)] ?? 0 == stay)
      }
    }
    let worst = try #require(report.worstClass)
    #expect(classes.allSatisfy { $0.robust[0].value >= worst.share.value })
  }

  @Test("an attack's answers are wrong where it succeeded, and nowhere else")
  func answers() throws {
    let report = try Self.report(), labels = try #require(report.examples).labels
    for probe in report.probes where probe.leadsAway || probe.kind == .corruption {
      let answers = try #require(probe.answers)
      #expect(zip(answers, labels).map { $0 == $1 } == probe.perExample, "\(probe.title)")
    }
  }

  @Test("where attacks judged other examples, the union is over those that all judged")
  func parts() throws {
    var report = try Self.report()
    report.threats = nil
    let whole = report.threatModels[0]
    // The third attack knows of every second example only, and breaks the first of them.
    report.probes[3].rows = Array(stride(from: 0, to: 60, by: 2))
    report.probes[3].perExample = report.probes[3].perExample.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    report.probes[3].perExample[0] = false
    let part = report.threatModels[0]
    #expect(part.n == 30 && part.rows == report.probes[3].rows && !part.perExample[0])
    #expect(Array(part.perExample.dropFirst()) == stride(from: 2, to: 60, by: 2).map { whole.perExample[$0] })
    report.probes[3].rows = []
    report.probes[3].perExample = []
    // None was judged by all: there is no number.
    #expect(report.threatModels.map(\.title) == ["L∞, ε = 0.3", "L2, ε = 0.5"])
  }

  @Test("a report that was written without them has its threat models all the same")
  func older() throws {
    let report = try Self.report()
    var json = try #require(try JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
    for key in ["threats", "classes", "examples"] { json[key] = nil }
    let older = try Report(json: JSONSerialization.data(withJSONObject: json))
    #expect(older.threats == nil && older.threatModels.map(\.perExample) == report.threatModels.map(\.perExample))
    #expect(older.worstClass == nil && older.confusion(under: nil) == nil)
  }

  @Test("a gate may bound a union")
  func gates() throws {
    func judged(_ gates: [String]) throws -> [GateResult] {
      let plan = try AuditPlan(
        probes: Self.probes.map { try ProbeSpec(parsing: $0) }, seed: 4, exampleCount: 60, inputShape: [1, 4, 4],
        gates: gates.map { try Gate(parsing: $0) })
      let model = try Small.model()
      let runner = try AuditRunner(
        plan: plan, subject: AuditSubject(name: "small", digest: "sha256:00", model: model),
        data: Small.data(60, for: model))
      return try #require(try runner.report(runner.runAll(threads: 2)).gates)
    }
    let report = try Self.report(), share = report.threatModels[0].robustAccuracy
    let written = ParameterValue.written(share)
    let results = try judged([
      "union:epsilon=0.1>=\(written)", "union:epsilon=0.1>=\(ParameterValue.written(share + 0.001))",
      "union:norm=linf>=0", "union<=1",
    ])
    #expect(results.map(\.passed) == [true, false, true, true])
    #expect(results.map(\.values.count) == [1, 1, 2, 3] && results[0].values[0] == share)
    for (gate, words) in [
      ("union:epsilon=0.2>=0.1", "union:norm=linf,epsilon=0.1"), ("union:eps=0.1>=0.1", "epsilon"),
      ("union.ece15<=0.1", "its accuracy"), ("union:norm=l1>=0.1", "union:norm=l2,epsilon=0.5"),
    ] {
      let error = #expect(throws: RobustnessError.self) { try judged([gate]) }
      #expect("\(error.map { "\($0)" } ?? "")".contains(words), "\(gate)")
    }
  }
}

import DitherBasics
import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Foundation
import Synchronization
import Testing

/// Tables are audited within the bounds of their features.
@Suite("Audits of tables")
struct TableTests {
  /// Six features: four numbers of several sizes, then a word that became two columns.
  private static func rows(_ count: Int, seed: UInt64 = 5) -> Tensor {
    let numbers = Tensor.random([count, 4], seed: seed, from: -1, to: 1), scales: [Float] = [1, 10, 300, 0.01]
    var elements: [Float] = []
    for row in 0..<count {
      elements += zip(numbers.row(row), scales).map { $0 * $1 + 2 * $1 }
      elements += row % 3 == 0 ? [1, 0] : [0, 1]
    }
    return Tensor([count, 6], elements)
  }

  private static func model(sigma: Float = 0) throws -> Model {
    let builder = GraphBuilder(name: "table"), x = builder.input("x", [6])
    let weights = Tensor.random([3, 6], seed: 8, from: -1, to: 1), scales: [Float] = [1, 10, 300, 0.01, 1, 1]
    let w = Tensor([3, 6], weights.elements.enumerated().map { $1 / scales[$0 % 6] })
    let z = try builder.dense(
      x, builder.parameter("w", w), builder.parameter("b", Tensor([3], [0.2, 0, -0.2])), name: "fc")
    var graph = builder.finish(outputs: [("z", z)])
    if sigma > 0 { graph.noise = NoiseModel([.init(.input, sigma: sigma)]) }
    return try Model(graph)
  }

  private static func runner(
    _ probes: [String], _ model: Model, count: Int = 48, battery: String? = nil,
    change: (inout AuditData) -> Void = { _ in }
  ) throws -> AuditRunner {
    let inputs = rows(count)
    var data = AuditData(name: "table", inputs: inputs, labels: try model.outputs(inputs).labels())
    change(&data)
    let plan = try AuditPlan(
      probes: probes.map { try ProbeSpec(parsing: $0) }, battery: battery, seed: 4, exampleCount: count, inputShape: [6]
    )
    return try AuditRunner(plan: plan, subject: AuditSubject(name: "m", digest: "", model: model), data: data)
  }

  @Test(
    "what needs no bounds is measured",
    arguments: [
      "clean", "calibration", "selective", "conformal", "samples", "weight_noise", "sharpness", "landscape",
    ])
  func measured(_ probe: String) throws {
    let runner = try Self.runner([probe], Self.model())
    let report = try runner.report(runner.runAll())
    #expect(report.failures == nil && report.probes[0].n == 48)
  }

  @Test("attacks stay within bounds and leave fixed features", arguments: Catalog.attacks.names)
  func attacks(_ name: String) throws {
    let type = try Catalog.attacks.entry(named: name), norm = try #require(type.norms.first)
    let few = name == "autoattack" ? ",steps=5,queries=20" : name == "square" ? ",queries=50" : ""
    let model = try Self.model(), runner = try Self.runner(["\(name):norm=\(norm.rawValue),epsilon=0.2\(few)"], model)
    let made = Mutex<[Adversarials]>([])
    let report = try runner.report(runner.runAll(adversarials: { part in made.withLock { $0.append(part) } }))
    #expect(report.failures == nil && report.probes[0].cleanAccuracy == 1)
    let clean = Self.rows(48), bounds = Features(of: clean)
    #expect(bounds.fixed == [4, 5] && bounds.free == [0, 1, 2, 3])
    var changed = 0
    for part in made.withLock({ $0 }) {
      #expect(try model.outputs(part.inputs).labels() == part.answers)
      for (at, index) in part.indices.enumerated() {
        let row = Array(part.inputs.row(at)), before = Array(clean.row(index))
        #expect(row[4...] == before[4...])
        for i in 0..<4 {
          #expect((bounds.low[i]...bounds.high[i]).contains(row[i]))
          // Epsilon is a share of each feature's range, whatever its size.
          if !type.isMinimumNorm {
            #expect(abs(row[i] - before[i]) <= 0.2 * (bounds.high[i] - bounds.low[i]) * 1.001)
          }
        }
        if row != before { changed += 1 }
      }
    }
    #expect(changed > 0)
  }

  @Test("a ball of nothing changes nothing, to the last bit")
  func nothing() throws {
    let model = try Self.model(), runner = try Self.runner(["pgd:epsilon=0"], model), made = Mutex<[Adversarials]>([])
    let report = try runner.report(runner.runAll(adversarials: { part in made.withLock { $0.append(part) } }))
    #expect(report.probes[0].robustAccuracy == report.probes[0].cleanAccuracy)
    for part in made.withLock({ $0 }) { #expect(part.inputs == Self.rows(48).rows(at: part.indices)) }
  }

  @Test("bounds that are given count, and are said")
  func given() throws {
    var bounds = Features(of: Self.rows(48))
    bounds.fixed = [0, 1, 2, 4, 5]
    let runner = try Self.runner(["pgd:epsilon=1"], Self.model()) { $0.features = bounds }
    let made = Mutex<[Adversarials]>([])
    let report = try runner.report(runner.runAll(adversarials: { part in made.withLock { $0.append(part) } }))
    #expect(report.checks.contains { $0.check == "features" && $0.message.contains("1 of 6") })
    for part in made.withLock({ $0 }) {
      for (at, index) in part.indices.enumerated() {
        #expect(Array(part.inputs.row(at))[..<3] == Array(Self.rows(48).row(index))[..<3])
      }
    }
  }

  @Test("through noise")
  func noisy() throws {
    let runner = try Self.runner(["pgd:epsilon=0.2,steps=5,draws=4"], Self.model(sigma: 0.05))
    let report = try runner.report(runner.runAll())
    #expect(report.failures == nil && report.probes[0].robustAccuracy < report.probes[0].cleanAccuracy)
  }

  @Test("a battery leaves out what tables have no meaning for, and says so; by name it is refused")
  func pictures() throws {
    let runner = try Self.runner([], Self.model(), battery: "smoke")
    let report = try runner.report(runner.runAll())
    #expect(
      report.failures?.contains { $0.probe.hasPrefix("gaussian_noise") && $0.message.contains("a table") } == true)
    #expect(report.probes.contains { $0.probe == "pgd" && $0.n == 48 })
    for probe in ["gaussian_noise", "shift", "ibp:epsilon=0.1"] {
      #expect(throws: RobustnessError.self) { try Self.runner([probe], Self.model()) }
    }
  }

  @Test("a key that bounds do not have is refused: a misspelled one would fix nothing")
  func unknownKey() throws {
    func read(_ text: String) throws -> Features { try JSONDecoder().decode(Features.self, from: Data(text.utf8)) }
    #expect(try read(#"{"low": [0, 1], "high": [2, 3], "fixed": [1]}"#).free == [0])
    let error = #expect(throws: CatalogError.self) { try read(#"{"low": [0], "high": [2], "fixd": [0]}"#) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("did you mean 'fixed'"))
  }

  @Test("bounds that do not fit are refused with the place")
  func refused() throws {
    func refuses(_ part: String, _ change: (inout Features) -> Void) throws {
      var bounds = Features(of: Self.rows(48))
      change(&bounds)
      let error = #expect(throws: RobustnessError.self) {
        try Self.runner(["clean"], Self.model()) { [bounds] in $0.features = bounds }
      }
      #expect("\(error.map { "\($0)" } ?? "")".contains(part), "\(part)")
    }
    try refuses("6 features") { $0.low.removeLast() }
    try refuses("feature 1") { $0.high[1] = $0.low[1] - 1 }
    try refuses("feature 2") { $0.high[2] = 400 }
    try refuses("feature 0") { $0.low[0] = -.infinity }
    try refuses("finite number between them") { ($0.low[3], $0.high[3]) = (-3e38, 3e38) }
    try refuses("fixed") { $0.fixed = [9] }
    let none = #expect(throws: RobustnessError.self) {
      try Self.runner(["pgd"], Self.model()) { data in
        data.features = Features(of: Self.rows(48))
        data.features?.fixed = Set(0..<6)
      }
    }
    #expect("\(none.map { "\($0)" } ?? "")".contains("--features"))
  }

  @Test("pictures that leave [0, 1] are still refused")
  func bytes() throws {
    let model = try Small.model(), inputs = Tensor.random([8, 1, 4, 4], seed: 5, from: 0, to: 255)
    let plan = try AuditPlan(probes: [ProbeSpec("clean")], exampleCount: 8, inputShape: [1, 4, 4])
    let error = #expect(throws: RobustnessError.self) {
      try AuditRunner(
        plan: plan, subject: AuditSubject(name: "m", digest: "", model: model),
        data: AuditData(name: "bytes", inputs: inputs, labels: [Int](repeating: 0, count: 8)))
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("divide bytes by 255"))
  }
}

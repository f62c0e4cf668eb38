import DitherBasics
import DitherDatasets
import DitherGraph
import DitherJobs
import DitherTestSupport
import DitherTrain
import Foundation
import Synchronization
import Testing

/// Many trainings of one recipe.
@Suite("Sweeps")
struct SweepTests {
  let scratch: Scratch
  let root: DataRoot

  /// A root with 150 flowers of three kinds.
  init() throws {
    scratch = try Scratch()
    root = DataRoot(URL(filePath: scratch.file("data")))
    try Flowers.write(to: root)
  }

  private static let recipe = """
    name: a
    data: iris
    model: {kind: mlp, hidden: [6]}
    noise: [{site: input, sigma: 0.1}]
    optimizer: {kind: sgd, rate: 0.05}
    validation: 30
    epochs: 4
    batch: 16
    """
  private static func plan(_ text: String, recipe: String = recipe) throws -> SweepPlan {
    try SweepPlan(yaml: text, at: "sweep.yml") { _ in recipe }
  }
  private static let searches = Catalog<any Search.Type>.searches

  @Test("each search gives points of its axes, and refuses what it does not know", arguments: SweepTests.searches.names)
  func everySearch(_ name: String) throws {
    let text = "{name: s, recipe: a.yml, seeds: [1], search: \(name), keys: {noise.0.sigma: [0, 0.1], epochs: [1, 2]}}"
    let plan = try Self.plan(text), again = try Self.plan(text)
    #expect(plan.points.count >= 4 && plan.points == again.points)
    #expect(Set(plan.points.indices.map { plan.settings(of: $0) }).count == 4)
    #expect {
      try Self.plan(text.replacing("search: \(name)", with: "search: {kind: \(name), trails: 3}"))
    } throws: { "\($0)".contains("trails") }
  }

  private static let grid = """
    {name: s, recipe: a.yml, seeds: [1, 2], keys: {noise.0.sigma: [0, 0.1, 3], optimizer.rate: [0.0001, 0.05]}}
    """

  // MARK: points

  @Test("a grid has every combination, in order")
  func gridPoints() throws {
    let plan = try Self.plan(Self.grid)
    #expect(
      plan.points.indices.map { plan.settings(of: $0).joined(separator: " ") } == [
        "noise.0.sigma=0 optimizer.rate=0.0001", "noise.0.sigma=0 optimizer.rate=0.05",
        "noise.0.sigma=0.1 optimizer.rate=0.0001", "noise.0.sigma=0.1 optimizer.rate=0.05",
        "noise.0.sigma=3 optimizer.rate=0.0001", "noise.0.sigma=3 optimizer.rate=0.05",
      ])
    #expect(try plan.recipe(.init(point: 4, seed: 2)).noise.terms[0].sigma == 3)
    #expect(try plan.recipe(.init(point: 4, seed: 2)).seed == 2)
  }

  private static let ten = (0..<10).map { axis in
    SweepAxis(key: "k\(axis)", domain: .range(0...1, isLogarithmic: false, isWhole: false))
  }

  @Test("Sobol's sequence is that of its tables, and any power of 2 of points covers every axis evenly, shifted or not")
  func sobol() throws {
    var search = SobolSearch()
    (search.trials, search.seed) = (8, 0)
    // By an independent program of Joe and Kuo's directions.
    let known: [[Double]] = [
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
      [0.75, 0.25, 0.25, 0.25, 0.75, 0.75, 0.25, 0.75, 0.75, 0.75],
      [0.25, 0.75, 0.75, 0.75, 0.25, 0.25, 0.75, 0.25, 0.25, 0.25],
      [0.375, 0.375, 0.625, 0.875, 0.375, 0.125, 0.375, 0.875, 0.875, 0.625],
      [0.875, 0.875, 0.125, 0.375, 0.875, 0.625, 0.875, 0.375, 0.375, 0.125],
      [0.625, 0.125, 0.875, 0.625, 0.625, 0.875, 0.125, 0.125, 0.125, 0.375],
      [0.125, 0.625, 0.375, 0.125, 0.125, 0.375, 0.625, 0.625, 0.625, 0.875],
    ]
    #expect(try search.points(Self.ten) == known.map { $0.map { .number($0) } })
    let wide = Self.ten.map { SweepAxis(key: $0.key, domain: .range(0...16, isLogarithmic: false, isWhole: false)) }
    for seed in [0, 1, 7] {
      (search.trials, search.seed) = (16, seed)
      let points = try search.points(wide).map { $0.map { $0.asNumber ?? -1 } }
      // Four digits are kept: one may be rounded into its neighbor's part.
      for axis in 0..<10 { #expect(Set(points.map { Int($0[axis]) }).count >= 15, "\(seed), axis \(axis)") }
    }
    #expect(throws: TrainError.self) { try search.points(Self.ten + Self.ten) }
  }

  @Test("random points lie in their ranges, alike by the scale, and are the same again", arguments: [false, true])
  func random(_ isLogarithmic: Bool) {
    var search = RandomSearch()
    search.trials = 2000
    let axis = SweepAxis(key: "r", domain: .range(0.01...1, isLogarithmic: isLogarithmic, isWhole: false))
    let found = search.points([axis]).map { $0[0].asNumber ?? -1 }
    #expect(found.allSatisfy { (0.01...1).contains($0) } && search.points([axis]).count == 2000)
    // Half of the logarithms lie below 0.1.
    let below = Double(found.count { $0 < 0.1 }) / 2000
    #expect(abs(below - (isLogarithmic ? 0.5 : 1.0 / 11)) < 0.05)
    let whole = SweepAxis(key: "n", domain: .range(1...4, isLogarithmic: false, isWhole: true))
    #expect(Set(search.points([whole]).map { "\($0[0])" }) == ["1", "2", "3", "4"])
    let narrow = SweepAxis(key: "n", domain: .range(1.2...3.3, isLogarithmic: false, isWhole: true))
    #expect(Set(search.points([narrow]).map { "\($0[0])" }) == ["2", "3"])
    #expect(search.points([axis]) == search.points([axis]))
  }

  static let unfit: [(String, String)] = [
    ("{name: s, recipe: a.yml, keys: {noise.0.sgima: [1]}}", "did you mean 'sigma'?"),
    ("{name: s, recipe: a.yml, keys: {epochs: [0]}}", "epochs"),
    ("{name: s, recipe: a.yml, keys: {epochs: {from: 1, to: 3}}}", "a list of values"),
    ("{name: s, recipe: a.yml, keys: {}}", "'keys'"),
    ("{name: s, recipe: a.yml, key: {epochs: [1]}}", "did you mean 'keys'?"),
    ("{name: s, recipe: a.yml, keys: {epochs: [1]}, search: radnom}", "did you mean 'random'?"),
    ("{name: s, recipe: a.yml, keys: {epochs: [1]}, seeds: [1, 1]}", "'seeds'"),
    ("{name: s, recipe: a.yml, keys: {epochs: [1]}, choose_by: acuracy}", "did you mean 'accuracy'?"),
    ("{name: s, recipe: a.yml, keys: {epochs: [1]}, halving: {facto: 2}}", "did you mean 'factor'?"),
    ("{name: s, recipe: a.yml, keys: {optimizer.rate: {from: 0, to: 1, scale: log}}, search: random}", "above 0"),
    ("{name: s, recipe: a.yml, keys: {epochs: [1, 2]}, halving: {least: 1}}", "beside 'halving'"),
    ("{name: s, recipe: a.yml, keys: {seed: [1, 7]}, seeds: [1]}", "seeds: [1, 2, 3]"),
    ("{name: s, recipe: a.yml, keys: {batch: {from: 1.2, to: 1.4, whole: true}}, search: random}", "a whole number in"),
    ("{name: S/, recipe: a.yml, keys: {epochs: [1]}}", "'name'"), ("[1]", "mapping"),
  ]

  @Test("what is wrong is refused before any work, by file, line and key", arguments: unfit)
  func refused(_ text: String, _ word: String) {
    let place = text == "[1]" ? "sweep.yml" : "sweep.yml, line 1"
    #expect { try Self.plan(text) } throws: { "\($0)".contains(word) && "\($0)".hasPrefix(place) }
  }

  @Test("without a validation part there is nothing to choose by")
  func needsValidation() {
    let recipe = Self.recipe.replacing("validation: 30", with: "validation: 0")
    #expect { try Self.plan(Self.grid, recipe: recipe) } throws: { "\($0)".contains("validation: 5000") }
    let text = Self.grid.replacing("seeds:", with: "set: {validation: 20, epochs: 2}, seeds:")
    #expect(throws: Never.self) {
      let plan = try Self.plan(text, recipe: recipe), made = try plan.recipe(.init(point: 0, seed: 1))
      #expect(made.validation == 20 && made.epochs == 2)
    }
  }

  @Test("a measure that the task has not is refused before any training", arguments: ["rmse", "noisy_rmse"])
  func measures(_ measure: String) throws {
    let plan = try Self.plan(Self.grid.replacing("seeds:", with: "choose_by: \(measure), seeds:"))
    #expect { try run(plan, "unfit") } throws: {
      "\($0)".contains("'choose_by': expected one of nll, accuracy, noisy_nll, noisy_accuracy")
    }
  }

  // MARK: runs

  private func run(_ plan: SweepPlan, _ folder: String, workers: Int = 1, stopAfter steps: Int? = nil) throws -> (
    table: SweepTable, isWhole: Bool
  ) {
    let asked = Atomic(0)
    return try Sweep(plan, folder: scratch.file(folder), root: root, workers: workers).run(
      shouldStop: { steps.map { asked.add(1, ordering: .relaxed).oldValue >= $0 } ?? false })
  }

  /// All but times.
  private func facts(_ table: SweepTable) throws -> [String] {
    try table.rows.map { row in
      var row = row
      row.seconds = 0
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return String(decoding: try encoder.encode(row), as: UTF8.self)
    }
  }

  @Test("the best point is that of the least mean over its seeds, and more workers give the same table")
  func table() throws {
    let plan = try Self.plan(Self.grid), (table, isWhole) = try run(plan, "one")
    #expect(isWhole && table.trials == 12 && table.rows.count == 6 && table.chosenBy == .nll)
    let means = table.rows.compactMap(\.mean)
    #expect(means.count == 6 && means == means.sorted())
    // A rate at which nothing is learned is not the best.
    #expect(table.best?.settings["optimizer.rate"] == .number(0.05))
    let row = table.rows[0], two = try #require(row.halfWidth), deviation = try #require(row.deviation)
    #expect(abs(two - 12.706 * deviation / 2.0.squareRoot()) < 1e-3 * two)
    #expect(try facts(run(plan, "two", workers: 3).table) == facts(table))
    #expect(table.csv.split(separator: "\n").count == 7)
    let page = try String(contentsOfFile: scratch.file("one/s.html"), encoding: .utf8)
    for word in [
      "noise.0.sigma", "optimizer.rate", "mean over seeds", "<svg", "Points over their keys", "The darkest is the best",
    ] { #expect(page.contains(word)) }
  }

  @Test("a sweep that is stopped anywhere goes on, and ends in the same table", arguments: [0, 3, 25, 90, 200])
  func resumes(_ steps: Int) throws {
    let plan = try Self.plan(Self.grid), whole = try run(plan, "whole").table
    let first = try run(plan, "parts", stopAfter: steps)
    #expect(!first.isWhole && first.table.rows.count <= 6)
    let second = try run(plan, "parts", workers: 2)
    #expect(second.isWhole)
    #expect(try facts(second.table) == facts(whole))
    // Whole: nothing is trained again.
    let third = try run(plan, "parts", stopAfter: 0)
    #expect(try third.isWhole && facts(third.table) == facts(whole))
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.file("parts"))
    #expect(!left.contains { $0.hasSuffix(".checkpoint") || $0.hasSuffix(".part") })
  }

  @Test("epochs are a key like others: each point is trained to its own, as if alone")
  func epochs() throws {
    let table = try run(Self.plan("{name: s, recipe: a.yml, keys: {epochs: [1, 5]}, seeds: [1]}"), "both").table
    #expect(table.rows.sorted { $0.point < $1.point }.map(\.epochs) == [1, 5])
    let alone = try run(Self.plan("{name: s, recipe: a.yml, keys: {epochs: [5]}, seeds: [1]}"), "alone").table
    #expect(try #require(table.rows.first { $0.epochs == 5 }).measures == alone.best?.measures)
  }

  @Test("halving trains all for the first epochs, and the better ones of each round on")
  func halving() throws {
    let text = Self.grid.replacing("seeds:", with: "halving: {least: 1, factor: 2}, seeds:")
    let plan = try Self.plan(text), (table, isWhole) = try run(plan, "halved", workers: 2)
    #expect(isWhole)
    // 6, then 3, then 2 of them.
    #expect(table.rows.map(\.epochs).sorted() == [1, 1, 1, 2, 4, 4])
    #expect(table.best?.epochs == 4)
    // What was trained on is as if it had been trained at once.
    let all = try run(Self.plan(Self.grid), "all").table
    let best = try #require(table.best), same = try #require(all.rows.first { $0.point == best.point })
    #expect(best.mean == same.mean && best.measures == same.measures)
    let parts = try run(plan, "cut", stopAfter: 60)
    #expect(!parts.isWhole)
    #expect(try facts(run(plan, "cut").table) == facts(table))
  }

  // MARK: asynchronous halving

  private static let asynchronous = grid.replacing(
    "seeds:", with: "halving: {least: 1, factor: 2, asynchronous: true}, seeds:")

  @Test("asynchronous halving promotes at once, and one worker chooses the same whether it is stopped or not")
  func promotes() throws {
    let plan = try Self.plan(Self.asynchronous), (table, isWhole) = try run(plan, "whole")
    #expect(isWhole && table.rows.count == 6 && table.best?.epochs == 4)
    let promoted = table.rows.count { $0.epochs >= 2 }
    #expect((3...5).contains(promoted), "\(promoted)")
    // A point that was trained in steps is as if it had been trained at once.
    let all = try run(Self.plan(Self.grid), "all").table
    let best = try #require(table.best), same = try #require(all.rows.first { $0.point == best.point })
    #expect(best.mean == same.mean && best.measures == same.measures)
    let order = try Data(contentsOf: URL(filePath: scratch.file("whole/order.json")))
    for steps in [1, 20, 60] {
      let first = try run(plan, "cut\(steps)", stopAfter: steps)
      #expect(!first.isWhole)
      let second = try run(plan, "cut\(steps)")
      #expect(try second.isWhole && facts(second.table) == facts(table))
      #expect(try Data(contentsOf: URL(filePath: scratch.file("cut\(steps)/order.json"))) == order)
    }
    // Nothing is trained again.
    let again = try run(plan, "whole", stopAfter: 0)
    #expect(try again.isWhole && facts(again.table) == facts(table))
  }

  @Test("several workers end with a point that was trained whole, no trial is lost or done twice, one tells at a time")
  func promotesSideBySide() throws {
    let plan = try Self.plan(Self.asynchronous), busy = Atomic(0), together = Atomic(0)
    let (table, isWhole) = try Sweep(plan, folder: scratch.file("side"), root: root, workers: 3).run(
      progress: { _ in
        if busy.add(1, ordering: .relaxed).oldValue > 0 { together.add(1, ordering: .relaxed) }
        Thread.sleep(forTimeInterval: 0.01)
        busy.subtract(1, ordering: .relaxed)
      })
    #expect(together.load(ordering: .relaxed) == 0)
    #expect(isWhole && table.rows.count == 6 && table.trials == 12 && table.best?.epochs == 4)
    let order = try JSONDecoder().decode(
      [Promotions.Job].self, from: Data(contentsOf: URL(filePath: scratch.file("side/order.json"))))
    #expect(Set(order).count == order.count && order.filter { $0.rung == 0 }.map(\.point) == [0, 1, 2, 3, 4, 5])
    let epochs = Dictionary(grouping: order, by: \.point).mapValues { [1, 2, 4][$0.map(\.rung).max() ?? 0] }
    #expect(table.rows.allSatisfy { $0.epochs == epochs[$0.point] || $0.mean == nil })
    #expect {
      try Sweep(plan, folder: scratch.file("part"), root: root, workers: 1).run(WorkPart(parsing: "1/2"))
    } throws: { "\($0)".contains("asynchronous") }
  }

  @Test("a training that diverges is last and no failure of the sweep")
  func diverged() throws {
    let plan = try Self.plan("{name: s, recipe: a.yml, seeds: [1], keys: {optimizer.rate: [0.05, 1000]}}")
    let (table, isWhole) = try run(plan, "far")
    #expect(isWhole && table.rows.count == 2 && table.rows[1].mean == nil && table.best?.point == 0)
  }

  @Test("a folder of another sweep is refused, and a damaged result named")
  func folders() throws {
    let plan = try Self.plan("{name: s, recipe: a.yml, seeds: [1], keys: {optimizer.rate: [0.05]}}")
    _ = try run(plan, "mine")
    let other = try Self.plan("{name: s, recipe: a.yml, seeds: [2], keys: {optimizer.rate: [0.05]}}")
    #expect { try run(other, "mine") } throws: { "\($0)".contains("--out") }
    try Data("{".utf8).write(to: URL(filePath: scratch.file("mine/point0-seed1.json")))
    #expect { try run(plan, "mine") } throws: { "\($0)".contains("point0-seed1.json") }
  }
}

import DitherBasics
import DitherDatasets
import DitherInference
import DitherRobustness
import DitherTestSupport
import DitherTrain
import Foundation
import Synchronization
import Testing

@Suite("Studies: arms that are tuned alike, trained anew and compared in pairs")
struct StudyTests {
  static let recipe = """
    name: own
    data: iris
    model: {kind: mlp, hidden: [6]}
    optimizer: {kind: sgd, rate: 0.1}
    epochs: 3
    batch: 16
    """
  static let study = """
    name: tiny
    question: "Does \\e[2Jnoise help?"
    recipe: own.yml
    arms:
      - {name: none, title: "no | noise", tune: {optimizer.rate: [0.05, 0.2]}}
      - {name: input, set: {noise: [{site: input, sigma: 0.1}]}, tune: {noise.0.sigma: [0.05, 0.3]}}
    cases:
      - {name: whole, set: {}}
      - {name: part, each: {examples: [40, 60]}}
    tuning: {validation: 30, seeds: [1]}
    seeds: [11, 12, 13]
    measures: [accuracy, nll, seconds]
    claims:
      - {says: It helps, arm: input, minus: none, measure: accuracy, at_least: 0.5}
      - {says: It is right at all, arm: [none, input], measure: accuracy, at_least: 0.1, group: whole}
    quick: {seeds: [11], cases: 1, measures: [accuracy]}
    """

  static func plan(_ text: String = study, isQuick: Bool = false) throws -> StudyPlan {
    try StudyPlan(yaml: text, at: "tiny.yml", isQuick: isQuick) { _ in recipe }
  }

  @Test("the plan has an arm for each case and seed, and groups are tuned once")
  func plan() throws {
    let plan = try Self.plan(), trials = plan.trials
    #expect(plan.groups == ["whole", "part"] && plan.cases.map(\.name) == ["whole", "part-0", "part-1"])
    #expect(trials.count == 3 * 3 * 2 && Set(trials).count == trials.count)
    #expect(try plan.choices(of: 0) == 4)
    let quick = try Self.plan(isQuick: true)
    #expect(quick.trials.count == 2 && quick.measures.map(\.name) == ["accuracy"] && quick.claims.isEmpty)
  }

  @Test(
    "what is wrong is refused before any work, with its place and the nearest name",
    arguments: [
      ("baseline: non", "tiny.yml, 'baseline'", "did you mean 'none'?"),
      ("seeds: [1, 2]", "tiny.yml, 'seeds'", ""), ("seeds: [4, 4]", "tiny.yml, 'seeds'", ""),
      ("measures: [acuracy]", "tiny.yml, 'measures', item 1", "did you mean 'accuracy'?"),
      ("measures: [{name: p, probe: \"pgdd\"}]", "probe", "did you mean 'pgd'?"),
      ("claims: [{says: x, arm: inputs, measure: accuracy}]", "'claims', item 1, 'arm'", "did you mean 'input'?"),
      ("claims: [{says: x, arm: input, measure: acc}]", "'claims', item 1, 'measure'", ""),
      ("arms: [{name: a}]", "tiny.yml, 'arms'", ""), ("arms: [{name: a}, {name: a}]", "tiny.yml, 'arms'", ""),
      ("arms: [{name: a}, {name: b, set: {optimizer.rat: 1}}]", "optimizer.rat", "did you mean 'rate'?"),
      ("arms: [{name: a}, {name: b, tune: {noise.0.sigma: [1]}}]", "noise.0.sigma", ""),
      ("cases: [{name: a, each: {examples: 3}}]", "'cases', item 1, 'each'", ""),
      ("arms: [{name: a}, {name: b, set: {seed: 5}}]", "'arms', item 2, 'set', 'seed'", "say seeds: [1, 2, 3]"),
      ("set: {name: x}", "tiny.yml, 'set', 'name'", ""), ("final: {seed: 7}", "tiny.yml, 'final', 'seed'", ""),
      ("cases: [{name: a, each: {seed: [3, 4]}}]", "'cases', item 1, 'each', 'seed'", "say seeds"),
      ("arms: [{name: a}, {name: b, tune: {seed: [1, 2]}}]", "'arms', item 2, 'tune', 'seed'", "say seeds"),
      ("tuning: {validaton: 3}", "'tuning'", "did you mean 'validation'?"), ("speed: 3", "tiny.yml", ""),
    ])
  func refused(_ line: String, _ place: String, _ advice: String) throws {
    let key = try #require(line.split(separator: ":").first)
    var lines = Self.study.split(separator: "\n").map(String.init)
    if let at = lines.firstIndex(where: { $0.hasPrefix("\(key):") }) {
      let end = lines[(at + 1)...].firstIndex { !$0.hasPrefix(" ") } ?? lines.count
      lines.removeSubrange(at..<end)
    }
    // Claims name arms that another list of arms has not.
    if key == "arms" { lines.removeAll { $0.contains("says:") || $0.hasPrefix("claims:") } }
    let text = (lines + [line]).joined(separator: "\n")
    let error = #expect(throws: (any Error).self) { try Self.plan(text) }
    let words = "\(try #require(error))", found = words.replacing(/, line \d+/, with: "")
    #expect(words.hasPrefix("tiny.yml, line "), "\(words)")
    #expect(found.contains(place) && (advice.isEmpty || words.contains(advice)), "\(words)")
  }

  @Test("results are those of single trainings, stopped and gone on with or not")
  func runs() throws {
    let plan = try Self.plan(), scratch = try Scratch(), root = DataRoot(URL(fileURLWithPath: scratch.file("data")))
    try Flowers.write(to: root)
    let whole = scratch.file("whole"), parts = scratch.file("parts")
    let (table, isWhole) = try Study(plan, folder: whole, root: root, workers: 2).run()
    #expect(isWhole && table.groups.map(\.rows.count) == [2, 2])
    for group in table.groups {
      let n = group.name == "whole" ? 3 : 6
      for row in group.rows {
        #expect(row.tuned == 2 && row.chosen.count == 1 && row.cells["accuracy"]?.n == n)
        #expect((row.cells["accuracy"]?.difference == nil) == (row.arm == "none"))
      }
    }
    // Stopped again and again between its steps.
    var runs = 0
    while true {
      runs += 1
      let left = Mutex(40)
      let (again, isDone) = try Study(plan, folder: parts, root: root, workers: 1).run(shouldStop: {
        left.withLock { left in
          left -= 1
          return left < 0
        }
      })
      guard isDone else {
        try #require(runs < 1000)
        continue
      }
      #expect(runs > 3)
      for (a, b) in zip(table.groups, again.groups) {
        for (one, other) in zip(a.rows, b.rows) {
          #expect(one.chosen == other.chosen && one.cells["nll"]?.mean == other.cells["nll"]?.mean)
          #expect(one.gradientNorms?.isEmpty == false && one.gradientNorms == other.gradientNorms)
        }
      }
      break
    }
    // A training by itself, with what was chosen.
    let chosen = try #require(table.groups[0].rows[1].chosen.first)
    let settings = try ["noise=[{site: input, sigma: 0.1}]", chosen, "seed=12"].map { try RecipeSetting(parsing: $0) }
    let alone = try Recipe(yaml: Self.recipe, settings: settings)
    let trainer = try Trainer(alone, data: .load("iris", .train, from: root), threads: 1)
    try trainer.run()
    let found = try Evaluation(.init(trainer.snapshot()), .load("iris", .test, from: root), threads: 1)
    let file = try Data(contentsOf: URL(fileURLWithPath: whole + "/final/input.whole.seed12.json"))
    struct Result: Decodable { let measures: [String: Double] }
    #expect(try JSONDecoder().decode(Result.self, from: file).measures["nll"] == found.negativeLogLikelihood)
    let page = try String(contentsOfFile: whole + "/tiny.md", encoding: .utf8)
    for words in [
      "# Study: tiny", "It helps (input less no \\| noise, accuracy)", "Does \\u{1b}[2Jnoise help?",
      "**does not hold**", "**holds**", "tiny-1.svg",
    ] { #expect(page.contains(words), "\(words)") }
    let chart = try String(contentsOfFile: whole + "/tiny-1.svg", encoding: .utf8)
    #expect(chart.hasPrefix("<svg xmlns=") && chart.hasSuffix("</svg>\n") && chart.contains("validation nll"))
  }

  @Test("a probe's value that there is not is refused before anything is trained") func values() throws {
    let scratch = try Scratch(), root = DataRoot(URL(fileURLWithPath: scratch.file("data")))
    try Flowers.write(to: root)
    let text = Self.study.replacing(
      "measures: [accuracy, nll, seconds]",
      with:
        "measures: [accuracy, {name: e, probe: calibration, value: ece16}, {name: both, mean_of: [accuracy, accuracy]}]"
    )
    let study = try Study(Self.plan(text), folder: scratch.file("study"), root: root, workers: 1)
    #expect { try study.run() } throws: { "\($0)".contains("one of") && "\($0)".contains("ece16") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.file("study/final")).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: scratch.file("study/tuning")))
    // So is a measure that no case has.
    let values = Self.study.replacing("measures: [accuracy, nll, seconds]", with: "measures: [accuracy, rmse]")
    let valued = try Study(Self.plan(values), folder: scratch.file("valued"), root: root, workers: 1)
    #expect { try valued.run() } throws: {
      "\($0)".contains("'rmse': expected one of accuracy, nll, ece, noisy_accuracy, noisy_nll, as the task is")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.file("valued/tuning")))
    // So is an arm that no network can be trained by.
    let strange = Self.study.replacing(
      #"title: "no | noise", tune"#, with: "set: {strategies: [bayes_by_backprop]}, tune")
    let other = try Study(Self.plan(strange), folder: scratch.file("other"), root: root, workers: 1)
    #expect { try other.run() } throws: { "\($0)".contains("learned: element") }
    #expect(!FileManager.default.fileExists(atPath: scratch.file("other/tuning")))
  }

  @Test("means of measures, shares of differences and held-out rows") func more() throws {
    let scratch = try Scratch(), root = DataRoot(URL(fileURLWithPath: scratch.file("data")))
    try Flowers.write(to: root)
    let text = Self.study.replacing("- {name: part, each: {examples: [40, 60]}}", with: "")
      .replacing("seeds: [11, 12, 13]", with: "seeds: [11, 12]\nfinal: {validation: 20}")
      .replacing(
        "measures: [accuracy, nll, seconds]",
        with: """
          measures:
            - accuracy
            - noisy_accuracy
            - {name: both, mean_of: [accuracy, noisy_accuracy]}
            - {name: held out, probe: clean, part: validation, examples: 20}
            - {name: trained on, probe: clean, part: train, examples: 50}
            - seconds
          """
      ).replacing("measure: accuracy, at_least: 0.5", with: "measure: seconds, at_least: -9, relative: true")
    let table = try Study(Self.plan(text), folder: scratch.file("study"), root: root, workers: 1).run().table
    let cells = table.groups[0].rows[1].cells
    let parts = try ["accuracy", "noisy_accuracy", "both"].map { try #require(cells[$0]).mean }
    #expect(abs(parts[2] - (parts[0] + parts[1]) / 2) < 1e-12)
    #expect(try #require(cells["held out"]).mean > 0.3 && #require(cells["trained on"]).mean > 0.3)
    // A training with noise does not take ten times as long, and takes time at all.
    #expect(table.verdicts[0].outcome == .holds && (cells["seconds"]?.mean ?? 0) > 0)
    let wrong = text.replacing("mean_of: [accuracy, noisy_accuracy]", with: "mean_of: [accuracy, seconds]")
    #expect { try Self.plan(wrong) } throws: { "\($0)".contains("stand before it") }
  }

  @Test("a folder of another study is refused; a new measure is taken from the models")
  func measuresAnew() throws {
    let scratch = try Scratch(), small = Self.study.replacing("- {name: part, each: {examples: [40, 60]}}", with: "")
    let root = DataRoot(URL(fileURLWithPath: scratch.file("data")))
    try Flowers.write(to: root)
    func study(_ text: String) throws -> Study {
      try Study(Self.plan(text), folder: scratch.file("study"), root: root, workers: 1)
    }
    let first = try study(small).run().table
    let model = URL(fileURLWithPath: scratch.file("study/final/input.whole.seed11.onnx"))
    let before = try Data(contentsOf: model)
    let second = try study(small.replacing("nll, seconds", with: "nll, ece, seconds")).run().table
    #expect(second.groups[0].rows[1].cells["nll"]?.mean == first.groups[0].rows[1].cells["nll"]?.mean)
    #expect(second.groups[0].rows[1].cells["ece"] != nil)
    #expect(second.groups[0].rows[1].gradientNorms == first.groups[0].rows[1].gradientNorms)
    let page = try String(contentsOfFile: scratch.file("study/tiny.md"), encoding: .utf8)
    #expect(page.contains("Norm of the gradient over training"))
    #expect(second.groups[0].rows[1].cells["seconds"]?.mean == first.groups[0].rows[1].cells["seconds"]?.mean)
    #expect(try Data(contentsOf: model) == before)
    let error = #expect(throws: TrainError.self) {
      try study(small.replacing("sigma: [0.05, 0.3]", with: "sigma: [0.05, 0.4]")).run()
    }
    #expect(error?.code == .output)
  }

  /// Differences, intervals and p-values of `scipy.stats.ttest_rel` 1.15, by hand for Holm.
  @Test("paired differences, their intervals and Holm's p are scipy's")
  func statistics() throws {
    let base = [0.98, 0.981, 0.979, 0.98, 0.982], other = [0.984, 0.985, 0.981, 0.985, 0.985]
    let pairs = Statistics.mean(zip(other, base).map { $0 - $1 })
    #expect(abs(pairs.value - 0.0036) < 1e-12)
    let interval = try #require(pairs.interval)
    #expect(abs(interval.low - 0.002184289) < 1e-7 && abs(interval.high - 0.005015715) < 1e-7)
    #expect(abs(Statistics.studentTest(7.060180865, 4) - 0.002122883) < 1e-8)
  }
}

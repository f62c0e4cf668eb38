import DitherDatasets
import DitherJobs
import DitherStore
import DitherTestSupport
import DitherTrain
import Foundation
import Synchronization
import Testing

/// Sweeps and studies whose trials several workers claim from a store.
@Suite("Trainings that a store's workers share")
struct SharedTrainingTests {
  let scratch: Scratch
  let root: DataRoot

  init() throws {
    scratch = try Scratch()
    root = DataRoot(URL(filePath: scratch.file("data")))
    try Flowers.write(to: root)
  }

  private static let recipe = """
    name: a
    data: iris
    model: {kind: mlp, hidden: [6]}
    optimizer: {kind: sgd, rate: 0.05}
    validation: 30
    epochs: 4
    batch: 16
    """

  private static func sweep(_ keys: String = "optimizer.rate: [0.0001, 0.01, 0.05, 0.1]", halves: Bool) -> String {
    let halving = halves ? "halving: {least: 1, factor: 2}, " : ""
    return "{name: s, recipe: a.yml, \(halving)seeds: [1, 2], keys: {\(keys)}}"
  }
  private static func text(_ sweep: String) throws -> PlanText {
    try PlanText(sweep, at: "sweep.yml") { _ in recipe }
  }
  private static func job(_ sweep: String, code: String = "this") throws -> (job: TrainingJob, plan: SweepPlan) {
    let text = try text(sweep), plan = try SweepPlan(text)
    return (TrainingJob(sweep: plan, text, code: code), plan)
  }

  /// A worker with a folder of its own.
  private func runner(_ store: any Store, _ name: String, root: DataRoot? = nil, code: String = "this") -> JobRunner {
    JobRunner(
      TrainingWorks.kinds(in: scratch.file(name), root: root ?? self.root, code: code), jobs: store.jobs, threads: 1,
      silence: .seconds(600))
  }

  /// The results of a job that some workers do side by side.
  private func results(
    _ job: TrainingJob, _ store: any Store, by names: [String]
  ) async throws -> (job: Job, results: [Int: [UInt8]]) {
    let known = try await job.join(in: store.jobs, by: "me")
    let hands = names.map {
      JobHand(known.id, of: store.jobs, runner: runner(store, $0), pause: .milliseconds(20))
    }
    let ended = try await withThrowingTaskGroup(of: Job?.self) { group in
      for hand in hands { group.addTask { try await hand.finish() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let last = try #require(ended.compactMap(\.self).last)
    return (last, try await store.jobs.shards(of: known.id))
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

  @Test(
    "two workers' table is that of one command in a folder, in rounds or not, and the report is of it",
    arguments: StoreKind.engines, [false, true])
  func sweep(_ kind: StoreKind, _ halves: Bool) async throws {
    let (job, plan) = try Self.job(Self.sweep(halves: halves)), store = try await kind.open(scratch.file("store"))
    let whole = try Sweep(plan, folder: scratch.file("whole"), root: root, workers: 1).run().table
    let (ended, results) = try await results(job, store, by: ["one", "two"])
    #expect(ended.state == .done && ended.message.isEmpty, "\(ended.message)")
    let shards = try SweepShards(plan), table = try shards.table(results)
    #expect(try facts(table) == facts(whole))
    try shards.write(table, to: scratch.file("table"))
    let report = try #require(try await store.jobs.report(ended.id))
    #expect(Data(report.json) == FileManager.default.contents(atPath: scratch.file("table/s.json")))
    #expect(Data(report.html) == FileManager.default.contents(atPath: scratch.file("table/s.html")))
    // Whoever asks again is shown it.
    #expect(try await job.join(in: store.jobs, by: "another").id == ended.id)
    // Checkpoints of what is done are nobody's.
    let left = ["one", "two"].map { (try? FileManager.default.subpathsOfDirectory(atPath: scratch.file($0))) ?? [] }
    #expect(left.contains { folder in !folder.contains { $0.hasSuffix(".checkpoint") } })
  }

  @Test("a sweep that is stopped anywhere and left to another ends in the same table", arguments: [2, 6, 12])
  func stopped(_ looks: Int) async throws {
    let (job, plan) = try Self.job(Self.sweep(halves: true)), store = try SqliteStore(directory: scratch.file("store"))
    let whole = try Sweep(plan, folder: scratch.file("whole"), root: root, workers: 1).run().table
    let known = try await job.join(in: store.jobs, by: "me"), asked = Atomic(0)
    _ = try await JobHand(known.id, of: store.jobs, runner: runner(store, "one"), pause: .milliseconds(15)).finish(
      isStopped: { asked.add(1, ordering: .relaxed).newValue > looks })
    let (ended, results) = try await results(job, store, by: ["two"])
    #expect(ended.state == .done)
    #expect(try facts(SweepShards(plan).table(results)) == facts(whole))
  }

  @Test("a trial that is stopped goes on at a worker with another folder, from the store, to the same result")
  func goesOn() async throws {
    let text = try PlanText("{name: s, recipe: a.yml, seeds: [1], keys: {optimizer.rate: [0.01]}}", at: "sweep.yml") {
      _ in Self.recipe.replacing("epochs: 4", with: "epochs: 1000")
    }
    let plan = try SweepPlan(text), job = TrainingJob(sweep: plan, text, code: "this")
    let whole = try Sweep(plan, folder: scratch.file("whole"), root: root, workers: 1).run().table
    let store = try SqliteStore(directory: scratch.file("store")), known = try await job.join(in: store.jobs, by: "me")
    let place = scratch.file("one")
    let stopped = try await JobHand(known.id, of: store.jobs, runner: runner(store, "one"), pause: .milliseconds(2))
      .finish(isStopped: {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? []
        return names.contains { $0.hasSuffix(".checkpoint") }
      })
    #expect(stopped == nil)
    let kept = try #require(try await store.jobs.kept("point0-seed1.checkpoint", of: known.id))
    let path = scratch.file("kept")
    try Data(kept).write(to: URL(filePath: path))
    let epoch = try Checkpoint(file: path).position.epoch
    #expect(epoch > 0 && epoch < 1000)
    let (ended, results) = try await results(job, store, by: ["two"])
    #expect(ended.state == .done)
    #expect(try facts(SweepShards(plan).table(results)) == facts(whole))
    #expect(try await store.jobs.kept("point0-seed1.checkpoint", of: known.id) == nil)
  }

  @Test("trials that diverge leave places of the next round vacant, and that is no failure")
  func diverged() async throws {
    let (job, plan) = try Self.job(Self.sweep("optimizer.rate: [0.05, 1000, 990, 980]", halves: true))
    let store = try SqliteStore(directory: scratch.file("store"))
    let whole = try Sweep(plan, folder: scratch.file("whole"), root: root, workers: 1).run().table
    let (ended, results) = try await results(job, store, by: ["one"])
    #expect(ended.state == .done)
    let table = try SweepShards(plan).table(results)
    #expect(try facts(table) == facts(whole) && table.best?.point == 0)
  }

  @Test("a trial that ends its workers stands last in the table, with why")
  func lost() async throws {
    let (job, plan) = try Self.job(Self.sweep(halves: false)), store = try SqliteStore(directory: scratch.file("store"))
    let known = try await job.join(in: store.jobs, by: "me")
    try await store.jobs.lay(8, of: known.id)
    for _ in 0..<3 { _ = try await store.jobs.claim(0...0, of: known.id, by: "dead", for: .zero) }
    let (_, results) = try await results(job, store, by: ["one"])
    let table = try SweepShards(plan).table(results)
    #expect(table.rows.last?.point == 0 && table.rows.last?.mean == nil && table.best != nil)
    #expect(String(decoding: results[0] ?? [], as: UTF8.self).contains("3 workers were lost on it"))
  }

  @Test("a worker without the data leaves a sweep to those who have it")
  func lacking() async throws {
    let (job, _) = try Self.job(Self.sweep(halves: false)), store = try SqliteStore(directory: scratch.file("store"))
    let known = try await job.join(in: store.jobs, by: "me")
    let poor = runner(store, "poor", root: DataRoot(URL(filePath: scratch.file("nothing"))))
    poor.enqueue(known.id)
    while !poor.isIdle { try await Task.sleep(for: .milliseconds(10)) }
    #expect(try await !store.jobs.job(known.id).state.isFinal)
    #expect(try await results(job, store, by: ["rich"]).job.state == .done)
  }

  @Test("another question, and another release's, are other jobs; after one that was ended the next is begun")
  func questions() async throws {
    let store = try SqliteStore(directory: scratch.file("store")), jobs = store.jobs
    let text = Self.sweep(halves: false)
    let first = try await Self.job(text).job.join(in: jobs, by: "me")
    #expect(first.kind == "sweep" && first.subject == "s" && first.createdBy == "me")
    #expect(try await Self.job(text).job.find(in: jobs)?.id == first.id)
    #expect(try await Self.job(text, code: "next").job.find(in: jobs) == nil)
    let others = [
      try await Self.job(text, code: "next").job.join(in: jobs, by: "me").id,
      try await Self.job(Self.sweep(halves: true)).job.join(in: jobs, by: "me").id,
    ]
    #expect(Set(others + [first.id]).count == 3)
    try await jobs.setState(.cancelled, of: first.id, message: "cancelled by me")
    let second = try await Self.job(text).job.join(in: jobs, by: "me")
    #expect(second.id == first.id + "-2" && second.state == .queued)
    #expect(try await Self.job(text).job.find(in: jobs)?.id == second.id)
  }

  @Test("a sweep that was canceled halfway is gone on with by the same question")
  func revived() async throws {
    let text = try PlanText(Self.sweep(halves: false), at: "sweep.yml") { _ in
      Self.recipe.replacing("epochs: 4", with: "epochs: 100")
    }
    let plan = try SweepPlan(text), job = TrainingJob(sweep: plan, text, code: "this")
    let store = try SqliteStore(directory: scratch.file("store"))
    let whole = try Sweep(plan, folder: scratch.file("whole"), root: root, workers: 1).run().table
    let jobs = store.jobs, first = try await job.join(in: jobs, by: "me"), seen = Atomic(0)
    _ = try await JobHand(first.id, of: jobs, runner: runner(store, "one"), pause: .milliseconds(2)).finish(
      isStopped: { seen.load(ordering: .relaxed) > 0 }, progress: { done, _ in seen.store(done, ordering: .relaxed) })
    try await jobs.setState(.cancelled, of: first.id)
    let before = try await jobs.shards(of: first.id), second = try await job.join(in: jobs, by: "me")
    #expect(second.id != first.id && !before.isEmpty)
    #expect(try await jobs.shards(of: second.id) == before)
    let (ended, results) = try await results(job, store, by: ["two"])
    #expect(ended.state == .done && before.allSatisfy { results[$0.key] == $0.value })
    #expect(try facts(SweepShards(plan).table(results)) == facts(whole))
  }

  @Test("halving that does not wait for rounds is refused before any work")
  func asynchronous() throws {
    let text = Self.sweep(halves: true).replacing("factor: 2", with: "factor: 2, asynchronous: true")
    let (_, plan) = try Self.job(text)
    #expect { try SweepShards(plan) } throws: { "\($0)".contains("asynchronous") }
  }

  // MARK: studies

  @Test("two workers' study is that of one command in a folder", arguments: StoreKind.engines)
  func study(_ kind: StoreKind) async throws {
    let store = try await kind.open(scratch.file("store"))
    let text = try PlanText(StudyTests.study, at: "tiny.yml") { _ in StudyTests.recipe }
    let plan = try StudyPlan(text, isQuick: false)
    let whole = try Study(plan, folder: scratch.file("whole"), root: root, workers: 1).run().table
    let job = TrainingJob(study: plan, text, command: "dither study tiny.yml", code: "this")
    let (ended, results) = try await results(job, store, by: ["one", "two"])
    #expect(ended.state == .done && ended.kind == "study", "\(ended.message)")
    let study = Study(plan, folder: scratch.file("page"), root: root, workers: 1, command: "dither study tiny.yml")
    let table = try StudyShards(plan).write(results, as: study)
    #expect(table.groups.map(\.name) == whole.groups.map(\.name))
    for (group, other) in zip(table.groups, whole.groups) {
      for (one, row) in zip(group.rows, other.rows) {
        #expect(one.arm == row.arm && one.chosen == row.chosen && one.tuned == row.tuned)
        for name in ["accuracy", "nll"] {
          #expect(one.cells[name]?.mean == row.cells[name]?.mean && one.cells[name]?.p == row.cells[name]?.p)
        }
      }
    }
    #expect(table.verdicts.map(\.outcome) == whole.verdicts.map(\.outcome))
    let report = try #require(try await store.jobs.report(ended.id))
    #expect(Data(report.json) == FileManager.default.contents(atPath: scratch.file("page/tiny.json")))
    #expect(String(decoding: report.html, as: UTF8.self).contains("noise help?"))
    #expect(FileManager.default.fileExists(atPath: scratch.file("page/tiny.md")))
  }

  @Test("a study whose arm cannot be tuned fails by its name")
  func untunable() async throws {
    let lines = StudyTests.study.replacing("optimizer.rate: [0.05, 0.2]", with: "optimizer.rate: [1000]")
    let text = try PlanText(lines, at: "tiny.yml") { _ in StudyTests.recipe }, plan = try StudyPlan(text, isQuick: true)
    let job = TrainingJob(study: plan, text, command: "", code: "this")
    let store = try SqliteStore(directory: scratch.file("store"))
    let (ended, _) = try await results(job, store, by: ["one"])
    #expect(ended.state == .failed && ended.message.contains("tuning none"), "\(ended.message)")
  }
}

import ArgumentParser
import DitherBasics
import DitherTrain
import Foundation
import Synchronization

/// `dither study`: a question that trainings answer, from choice to verdict.
struct StudyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Answer a question by trainings: arms tuned alike, trained anew, compared in pairs.",
    discussion: """
      What an arm tunes is chosen on training rows that are held out; then each arm is trained with fresh seeds and \
      evaluated once on the test part. Results lie in --out, one file each: the same command goes on where a stopped or \
      killed one was. NAME.md there is the page, with tables, verdicts and charts. With --database results lie there, \
      and every 'dither work' takes part.

      Example: dither study mnist --out studied/mnist
      """)

  @Argument(help: "A study's file, or the name of one in the folder studies.")
  var study: String
  @Option(
    name: .customLong("out"),
    help: """
      The folder for results, models and checkpoints; with --database, for the page. (default: studied/NAME; with \
      --database: none)
      """)
  var folder: String?
  @OptionGroup var shared: SharedTraining
  @Option(help: "Trainings at once. (default: one for each core)")
  var workers = ProcessInfo.processInfo.activeProcessorCount
  @Flag(help: "The short form: what the file's 'quick' says. It shows that all works, and decides nothing.")
  var quick = false
  @Flag(help: "Show what would be trained, and train nothing.")
  var dryRun = false
  @Flag(help: "Print one JSON object at the end.")
  var json = false

  func validate() throws {
    guard (1...256).contains(workers) else { throw ValidationError("--workers: expected 1 to 256") }
    try shared.check()
  }

  /// A path, or the file of that name in `studies`.
  private var file: PlanFile {
    let isPath = study.contains("/") || study.hasSuffix(".yml") || study.hasSuffix(".yaml")
    return PlanFile(path: isPath ? study : "studies/\(study).yml")
  }

  /// Gives the results again.
  private var command: String { "dither study \(study)\(quick ? " --quick" : "")" }

  func run() async throws {
    let file = self.file, text = try file.text()
    let plan = try StudyPlan(yaml: text, at: file.path, isQuick: quick) { try file.text(of: $0) }
    if dryRun { return try show(plan) }
    try shared.keepInstructions()
    guard shared.isAsked else { return try train(plan) }
    try await trainTogether(plan, PlanText(text, at: file.path) { try file.text(of: $0) })
  }

  /// With all who use the database.
  private func trainTogether(_ plan: StudyPlan, _ text: PlanText) async throws {
    let shards = try StudyShards(plan)
    let found = try await shared.results(
      of: TrainingJob(study: plan, text, command: command, code: Dither.code), workers: workers, word: "training")
    guard let found else { return print("the study is ended") }
    let table =
      if let folder {
        try shards.write(
          found, as: Study(plan, folder: folder, workers: 1, command: command, software: Dither.code))
      } else { try shards.table(found) }
    if json { try Json.print(table) } else { show(table, plan, folder) }
  }

  /// Here alone.
  private func train(_ plan: StudyPlan) throws {
    let interrupt = Interrupt { Console.write("\nstopping; a second Ctrl-C stops at once\n") }
    let line = Mutex(Line()), place = folder ?? "studied/\(plan.name)\(quick ? "-quick" : "")"
    let (found, isWhole) = try Study(
      plan, folder: place, workers: workers, command: command, software: Dither.code
    ).run(
      shouldStop: { interrupt.isAsked },
      progress: { progress in
        line.withLock { $0.line.show(Self.text(progress), isMilestone: progress.done == progress.of) }
      })
    line.withLock { $0.line.close() }
    if json { try Json.print(found) } else { show(found, plan, place) }
    guard isWhole else {
      throw CommandFailure(status: .interrupted, message: "stopped; run the same command to go on")
    }
  }

  private struct Line: ~Copyable { var line = ProgressLine() }

  private static func text(_ progress: Study.Progress) -> String {
    let left = progress.secondsLeft.map { "  \(clockTime($0)) left" } ?? ""
    return "\(progress.stage)  \(progress.done) of \(progress.of)\(left)"
  }

  private func show(_ plan: StudyPlan) throws {
    print(plan.question)
    var rows = [["arm", "trainings of the choice", "final trainings"]]
    for arm in plan.arms.indices {
      rows.append([
        plan.arms[arm].title, "\(try plan.choices(of: arm))", "\(plan.cases.count * plan.seeds.count)",
      ])
    }
    print(table(rows))
    let first = try plan.example()
    print("each of \(first.epochs) epochs on \(plan.cases.count > 1 ? "\(plan.cases.count) cases" : first.data)")
  }

  /// - Parameter place: the page's; nil: it was not written.
  private func show(_ found: StudyTable, _ plan: StudyPlan, _ place: String?) {
    for verdict in found.verdicts {
      let group = found.groups.count > 1 ? "\(verdict.group): " : ""
      print("\(verdict.outcome.rawValue)  \(group)\(verdict.claim)")
    }
    let names = plan.measures.map(\.name)
    for group in found.groups {
      if found.groups.count > 1 { print(group.name) }
      print(
        table(
          [["arm"] + names]
            + group.rows.map { row in [row.arm] + names.map { row.cells[$0].map(Self.text) ?? "–" } }))
    }
    if let place { print("the page: \(place)/\(plan.name).md") }
  }

  private static func text(_ cell: StudyTable.Cell) -> String {
    String(format: "%.4g", cell.mean) + (cell.deviation.map { String(format: " ± %.2g", $0) } ?? "")
  }
}

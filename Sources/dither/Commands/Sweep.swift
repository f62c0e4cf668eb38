import ArgumentParser
import DitherBasics
import DitherDatasets
import DitherJobs
import DitherTensor
import DitherTrain
import Foundation
import Synchronization

/// `dither sweep`: many trainings of a recipe, and which of them is best.
struct SweepCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Try many values of a recipe's keys, and show which are best on the validation part.",
    discussion: """
      Every trial is trained on one thread, several side by side. Results lie in --out, one file each: the same command
      goes on where a stopped or killed one was, and a whole sweep is only shown again. The test part is not read:
      train the best once more, as the last line says. With --database they lie there, and every 'dither work' takes part.

      Example: dither sweep sweeps/mnist-sigma.yml --out sweeps/mnist-sigma
      """)

  @Argument(help: "The sweep, a YAML file.")
  var sweep: String
  @Option(
    name: [.customLong("out"), .customLong("journal")],
    help: """
      The folder for results and checkpoints; with --database, for the table's files. (default: swept; with --database: \
      none)
      """)
  var folder: String?
  @OptionGroup var share: PartOption
  @OptionGroup var shared: SharedTraining
  @Option(help: "Trials that are trained at once. (default: one for each core)")
  var workers = ProcessInfo.processInfo.activeProcessorCount
  @Option(help: "Rows of the table that are shown.")
  var rows = 20
  @Flag(help: "Show what would be trained, and train nothing.")
  var dryRun = false
  @Flag(help: "Print one JSON object at the end.")
  var json = false

  func validate() throws {
    guard (1...256).contains(workers) else { throw ValidationError("--workers: expected 1 to 256") }
    guard (1...1_000_000).contains(rows) else { throw ValidationError("--rows: expected 1 to 1000000") }
    try shared.check(part: share.part)
  }

  func run() async throws {
    let file = PlanFile(path: sweep), text = try file.text()
    let plan = try SweepPlan(yaml: text, at: sweep) { try file.text(of: $0) }
    if dryRun { return try show(plan) }
    try shared.keepInstructions()
    guard shared.isAsked else { return try train(plan) }
    try await trainTogether(plan, PlanText(text, at: sweep) { try file.text(of: $0) })
  }

  /// With all who use the database.
  private func trainTogether(_ plan: SweepPlan, _ text: PlanText) async throws {
    let shards = try SweepShards(plan)
    let found = try await shared.results(
      of: TrainingJob(sweep: plan, text, code: Dither.code), workers: workers, word: "trial")
    guard let found else { return print("the sweep is ended") }
    let table = try shards.table(found)
    if let folder { try shards.write(table, to: folder) }
    if json { try Json.print(table) } else { try show(table, plan) }
  }

  /// Here alone, or with parts that share the folder.
  private func train(_ plan: SweepPlan) throws {
    let folder = folder ?? Self.usualFolder
    let interrupt = Interrupt { Console.write("\nstopping; a second Ctrl-C stops at once\n") }
    let line = Mutex(Line())
    let sweep = Sweep(plan, folder: folder, workers: workers, origin: "\(Dither.code)\n\(ComputeClass.current)\n")
    let stop: @Sendable () -> Bool = { interrupt.isAsked }
    let progress: @Sendable (Sweep.Progress) -> Void = { progress in
      line.withLock { $0.line.show(Self.text(progress), isMilestone: progress.done == progress.trials) }
    }
    if let part = share.part {
      let ending = try sweep.run(part, shouldStop: stop, progress: progress)
      line.withLock { $0.line.close() }
      return try show(ending, of: part)
    }
    let (table, isWhole) = try sweep.run(shouldStop: stop, progress: progress)
    line.withLock { $0.line.close() }
    if json { try Json.print(table) } else { try show(table, plan) }
    guard isWhole else {
      throw CommandFailure(status: .interrupted, message: "stopped; run the same command to go on")
    }
  }

  private func show(_ ending: Sweep.PartEnding, of part: WorkPart) throws {
    let rest = "the same command without --part does what is missing, and shows the table"
    switch ending {
    case .whole, .done:
      if json { return try Json.print(["part": "\(part)", "state": ending == .whole ? "whole" : "done"]) }
      print("part \(part) is done\(ending == .whole ? ", and so are all" : ""); \(rest)")
    case .stopped: throw CommandFailure(status: .interrupted, message: "stopped; run the same command to go on")
    case .waited:
      throw CommandFailure(
        status: .unavailable,
        message: "this round needs trials of other parts, and nobody has worked on them for 10 minutes; \(rest)")
    }
  }

  private static let usualFolder = "swept"

  private struct Line: ~Copyable { var line = ProgressLine() }

  private static func text(_ progress: Sweep.Progress) -> String {
    var parts = ["trial \(progress.done) of \(progress.trials)"]
    if progress.epochs < progress.allEpochs { parts.append("to epoch \(progress.epochs) of \(progress.allEpochs)") }
    if let best = progress.table.best { parts.append("best \(words(best, progress.table)): \(keys(best))") }
    if let left = progress.secondsLeft { parts.append("\(clockTime(left)) left") }
    return parts.joined(separator: "  ")
  }

  private static func keys(_ row: SweepTable.Row) -> String {
    row.settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  private static func words(_ row: SweepTable.Row, _ table: SweepTable) -> String {
    guard let mean = row.mean else { return "diverged" }
    let factor = table.chosenBy.isOfRight ? 100.0 : 1, unit = table.chosenBy.isOfRight ? " %" : ""
    let digits = table.chosenBy.isOfRight ? 2 : 4
    let spread = row.halfWidth.map { " ± \((factor * $0).digits(digits))" } ?? ""
    return "\((factor * mean).digits(digits))\(spread)\(unit)"
  }

  private func show(_ plan: SweepPlan) throws {
    let trials = plan.points.count * plan.seeds.count
    let recipe = try plan.recipe(.init(point: 0, seed: plan.seeds[0]))
    print(
      "\(plan.points.count) points × \(plan.seeds.count) seeds = \(trials) trials of \(recipe.epochs) epochs on \(recipe.data)"
    )
    for point in plan.points.indices.prefix(rows) { print(plan.settings(of: point).joined(separator: "  ")) }
    if plan.points.count > rows { print("and \(plan.points.count - rows) more") }
  }

  private func show(_ found: SweepTable, _ plan: SweepPlan) throws {
    let keys = plan.axes.map(\.key)
    let head = ["point"] + keys + ["epochs", "seeds", "\(found.chosenBy.rawValue) (validation, ± 95 %)", "accuracy"]
    let lines = found.rows.prefix(rows).map { row in
      ["\(row.point)"] + keys.map { "\(row.settings[$0] ?? .none)" }
        + [
          "\(row.epochs)", "\(row.seeds)", Self.words(row, found),
          row.measures["accuracy"].map { "\((100 * $0).digits(2)) %" } ?? "–",
        ]
    }
    print(table([head] + lines))
    if found.rows.count > rows {
      let place = folder ?? (shared.isAsked ? nil : Self.usualFolder)
      let rest = place.map { "in \($0)/\(found.name).csv" } ?? "(--rows)"
      print("and \(found.rows.count - rows) points more \(rest)")
    }
    guard let best = found.best else { return print("no point has a result of all seeds") }
    let recipe = try plan.recipe(.init(point: best.point, seed: plan.seeds[0])), name = try plan.baseName.prefix(59)
    // All training rows, now that nothing is chosen any more.
    let common =
      recipe.needsValidation ? plan.common : ["validation=0"] + plan.common.filter { !$0.hasPrefix("validation=") }
    let settings = (common + plan.settings(of: best.point)).map { "--set '\($0)'" }.joined(separator: " ")
    print(
      "the best once more, with a seed that it was not chosen by: dither train \(PlanFile(path: sweep).place(plan.recipe)) \(settings) --name \(name)-best --seed \((plan.seeds.max() ?? 0) + 1)"
    )
  }
}

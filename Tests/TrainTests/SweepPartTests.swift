import DitherDatasets
import DitherJobs
import DitherTestSupport
import DitherTrain
import Foundation
import Synchronization
import Testing

/// Processes that do parts of one sweep in one folder.
@Suite("Parts of sweeps")
struct SweepPartTests {
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
  private static func plan(halves: Bool = false) throws -> SweepPlan {
    let halving = halves ? "halving: {least: 1, factor: 2}, " : ""
    let text = "{name: s, recipe: a.yml, \(halving)seeds: [1, 2], keys: {optimizer.rate: [0.0001, 0.01, 0.05]}}"
    return try SweepPlan(yaml: text, at: "sweep.yml") { _ in recipe }
  }

  private func sweep(_ plan: SweepPlan, _ folder: String, origin: String? = nil) -> Sweep {
    Sweep(plan, folder: scratch.file(folder), root: root, workers: 1, origin: origin)
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

  @Test("parts one after the other, one of them stopped, and then all: the table of one run, nothing trained again")
  func parts() throws {
    let plan = try Self.plan(), whole = try sweep(plan, "whole").run().table
    let asked = Atomic(0)
    let first = try sweep(plan, "parts").run(
      WorkPart(parsing: "1/3"), shouldStop: { asked.add(1, ordering: .relaxed).oldValue >= 20 })
    #expect(first == .stopped)
    let endings = try ["1/3", "2/3", "3/3"].map { try sweep(plan, "parts").run(WorkPart(parsing: $0)) }
    #expect(endings == [.done, .done, .whole])
    let files = try FileManager.default.contentsOfDirectory(atPath: scratch.file("parts"))
    #expect(files.count { $0.hasPrefix("point") && $0.hasSuffix(".json") } == 6 && files.count == 7)
    let merged = try sweep(plan, "parts").run(shouldStop: { true })
    #expect(try merged.isWhole && facts(merged.table) == facts(whole))
  }

  @Test("between rounds of halving parts wait for each other, and end in the table of one run")
  func halving() async throws {
    let plan = try Self.plan(halves: true), whole = try sweep(plan, "whole").run().table
    let endings = try await withThrowingTaskGroup(of: Sweep.PartEnding.self) { group in
      for part in ["1/2", "2/2"] {
        let sweep = sweep(plan, "parts")
        group.addTask {
          try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try sweep.run(WorkPart(parsing: part)) }) }
            thread.stackSize = 4 << 20
            thread.start()
          }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(endings.count == 2 && endings.contains(.whole))
    let merged = try sweep(plan, "parts").run()
    #expect(try merged.isWhole && facts(merged.table) == facts(whole))
  }

  @Test("a part that nobody works beside gives up after its patience, with its share of the round done")
  func alone() throws {
    let plan = try Self.plan(halves: true)
    let ending = try sweep(plan, "alone").run(WorkPart(parsing: "1/2"), patience: .milliseconds(50))
    #expect(ending == .waited)
    let files = try FileManager.default.contentsOfDirectory(atPath: scratch.file("alone"))
    #expect(files.count { $0.hasPrefix("point") && $0.hasSuffix(".json") } == 3)
  }

  @Test("results of another program are refused with the remedy, and one that has changed by its name")
  func refused() throws {
    let plan = try Self.plan()
    _ = try sweep(plan, "mine", origin: "one").run(WorkPart(parsing: "1/6"))
    #expect { try sweep(plan, "mine", origin: "two").run() } throws: {
      "\($0)".contains("go on with that program") && "\($0)".contains("--out")
    }
    let path = scratch.file("mine/point0-seed1.json")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let digits = try #require(text.firstMatch(of: /"seconds" : [0-9.e-]+/))
    try text.replacing(digits.0, with: #""seconds" : 7.125"#).write(toFile: path, atomically: true, encoding: .utf8)
    #expect { try sweep(plan, "mine", origin: "one").run() } throws: { "\($0)".contains("point0-seed1.json") }
  }
}

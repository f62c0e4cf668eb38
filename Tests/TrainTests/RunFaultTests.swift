import DitherBasics
import DitherDatasets
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// A run that goes wrong: it says where, and what was kept.
@Suite("A run that goes wrong")
struct RunFaultTests {
  private static let text = """
    name: a
    data: iris
    model: {kind: mlp, hidden: [8]}
    epochs: 3
    batch: 32
    """
  let scratch: Scratch
  let root: DataRoot

  init() throws {
    scratch = try Scratch()
    root = DataRoot(URL(filePath: scratch.file("data")))
    try Flowers.write(to: root)
  }

  private func run(_ text: String, in folder: String? = nil) throws -> TrainRun {
    try TrainRun(Recipe(yaml: text, at: "own.yml"), root: root, folder: folder ?? scratch.file("out"), threads: 1)
  }

  @Test(
    "what data and network say of a recipe's key has its file and line",
    arguments: [
      ("validation: 200", "own.yml, line 6, 'validation'"), ("examples: 121", "own.yml, line 6, 'examples'"),
      ("noise:\n  - {site: input, sigma: 0.1}\n  - {site: weights, sigma: 0.1, layers: x}", "own.yml, line 8, noise"),
      ("noise: [{site: after_normalization, sigma: 0.1}]", "own.yml, line 6, noise"),
      ("augment: [flip]", "own.yml, line 6, 'augment'"), ("views: [flip]", "own.yml, line 6, 'views'"),
      ("resizing: {from: 0.5}", "own.yml, line 6, 'resizing'"),
      ("parameter_groups: [{parameters: none}]", "own.yml, line 6, 'parameter_groups'"),
      ("posterior: {kind: snapshots, members: 60}", "own.yml, line 6, 'posterior'"),
    ])
  func located(_ line: String, _ place: String) throws {
    let error = #expect(throws: TrainError.self) { try run(Self.text + "\n" + line).run() }
    #expect(error.map { "\($0)".hasPrefix(place) } == true, "\(error.map { "\($0)" } ?? "nothing")")
    #expect(throws: TrainError.self) { try run(Self.text + "\n" + line).forecast() }
  }

  @Test("a run that diverges leaves the checkpoint of the epoch before, and says so")
  func diverges() throws {
    // Steps that move nothing, under noise that grows until the square of what six layers make is beyond a float.
    let noise = "noise: [{site: weights, sigma: 20, schedule: {kind: exponential, final: 1000}}]"
    let deep = Self.text.replacing("hidden: [8]", with: "hidden: [8, 8, 8, 8, 8]")
    let training = try run(deep + "\nlr: 1.0e-37\n\(noise)")
    let error = #expect(throws: TrainError.self) { try training.run() }
    #expect(
      error?.code == .diverged && error?.advice?.contains(training.checkpointPath) == true,
      "\(String(describing: error))")
    #expect(try Checkpoint(file: training.checkpointPath).position.epoch >= 1)
  }

  @Test(
    "a disk that is full leaves the last whole checkpoint, and says so; with room the run goes on from it",
    .enabled(if: TinyDisk.isPossible, "needs root"))
  func fullDisk() throws {
    let disk = try TinyDisk(bytes: 4 << 20), training = try run(Self.text, in: disk.path + "/out")
    let error = #expect(throws: TrainError.self) {
      try training.run(progress: { if $0.endsEpoch, $0.epoch == 2 { try? disk.fill() } })
    }
    let words = error.map { "\($0)" } ?? ""
    // A sentence, not the library's dump of its own error.
    #expect(error?.code == .output && !words.contains("Error Domain"), "\(words)")
    #expect(error?.advice?.contains("--resume") == true, "\(words)")
    #expect(try Checkpoint(file: training.checkpointPath).position.epoch == 1)
    disk.clear()
    var again = training
    again.resumes = true
    guard case .finished(let card, _) = try again.run() else { throw CancellationError() }
    guard case .finished(let whole, _) = try run(Self.text).run() else { throw CancellationError() }
    #expect(card.digest == whole.digest)
  }
}

import DitherTestSupport
import Foundation
import Testing

@Suite(
  "dither train", .serialized,
  .enabled(if: Program.isBuilt && Program.hasFashionMnist, "dither or Debian's dataset-fashion-mnist is absent"))
struct TrainTests {
  @Test("Ctrl-C or a full disk leaves a checkpoint, and --resume gives the bytes of an undisturbed run")
  func interruptedEqualsUndisturbed() throws {
    let scratch = try Scratch()
    let recipe = scratch.file("tiny.yml")
    try Data(
      """
      name: tiny
      data: fashion-mnist
      model: {kind: mlp, hidden: [16]}
      optimizer: {kind: sgd, rate: 0.05}
      noise: [{site: input, sigma: 0.1}]
      epochs: 3
      batch: 128
      seed: 1
      """.utf8
    ).write(to: URL(filePath: recipe))
    let whole = try Program.run("train", recipe, "--out", scratch.file("whole"), "--threads", "1", "--json")
    #expect(whole.status == 0, "\(whole.errors)")
    #expect((try whole.json()["card"] as? [String: Any])?["digest"] != nil)

    let disk = TinyDisk.isPossible ? try TinyDisk(bytes: 8 << 20) : nil
    let parts = (disk?.path ?? scratch.path) + "/parts"
    let stopped = try interrupt(["train", recipe, "--out", parts, "--threads", "1"], scratch)
    #expect(stopped.status == 130 && stopped.errors.contains("--resume"), "\(stopped.errors)")
    #expect(FileManager.default.fileExists(atPath: parts + "/tiny.checkpoint"))
    if let disk {
      // A disk that is full at the next line of the log or checkpoint ends the run, and leaves the one that is there.
      try disk.fill()
      let full = try Program.run("train", recipe, "--out", parts, "--resume", "--threads", "1")
      #expect(full.status == 5 && full.errors.contains("expected a file"), "\(full.errors)")
      disk.clear()
      let left = try FileManager.default.contentsOfDirectory(atPath: parts).sorted()
      #expect(left == ["tiny.checkpoint", "tiny.log.csv", "tiny.log.jsonl"])
    }
    let resumed = try Program.run("train", recipe, "--out", parts, "--resume", "--threads", "1")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let expected = FileManager.default.contents(atPath: scratch.file("whole/tiny.onnx"))
    #expect(expected != nil && FileManager.default.contents(atPath: parts + "/tiny.onnx") == expected)
  }

  /// Ends a run in its course: at its first line of progress.
  private func interrupt(_ arguments: [String], _ scratch: Scratch) throws -> Program.Result {
    let output = URL(filePath: scratch.file("o")), errors = URL(filePath: scratch.file("e"))
    let process = try Program.start(arguments, output: output, errors: errors, environment: [:])
    while process.isRunning, try String(contentsOf: errors, encoding: .utf8).isEmpty { usleep(1000) }
    process.interrupt()
    process.waitUntilExit()
    return Program.Result(
      status: process.terminationStatus, output: "", errors: try String(contentsOf: errors, encoding: .utf8))
  }

  @Test("a recipe with an unknown key is refused with the nearest")
  func unknownKey() throws {
    let scratch = try Scratch()
    let recipe = scratch.file("wrong.yml")
    try Data("name: x\ndata: fashion-mnist\nmodel: {kind: mlp}\nepoch: 3\n".utf8).write(to: URL(filePath: recipe))
    let result = try Program.run("train", recipe)
    #expect(result.status == 2 && result.errors.contains("epochs"), "\(result.errors)")
  }
}

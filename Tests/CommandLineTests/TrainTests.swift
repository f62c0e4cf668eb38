import DitherBasics
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
      epochs: 12
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
      #expect(left == ["runs", "tiny.checkpoint"])
    }
    let resumed = try Program.run("train", recipe, "--out", parts, "--resume", "--threads", "1")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let expected = FileManager.default.contents(atPath: scratch.file("whole/tiny.onnx"))
    #expect(expected != nil && FileManager.default.contents(atPath: parts + "/tiny.onnx") == expected)
    let again = try Program.run("train", recipe, "--out", parts)
    #expect(again.status == 2 && again.errors.contains("--force"), "\(again.errors)")
  }

  @Test("settings stand above the recipe; a line an epoch where nobody watches; what was kept is the last word")
  func settings() throws {
    let scratch = try Scratch(), recipe = scratch.file("small.yml")
    try Data("name: small\ndata: fashion-mnist\nexamples: 300\nvalidation: 100\n".utf8).write(to: URL(filePath: recipe))
    let common = ["train", recipe, "--out", scratch.path, "--threads", "1", "--set", "model.hidden=[8]"]
    let result = try Program.run(
      common + ["--set", "lr=0.03", "--set", "patience=1", "--epochs", "3", "--name", "named"])
    #expect(result.status == 0, "\(result.errors)")
    let epochs = result.errors.split(separator: "\n").filter { $0.contains("validation accuracy") }
    #expect((2...3).contains(epochs.count) && epochs[0].hasPrefix("epoch 1 of 3"), "\(result.errors)")
    let last = try #require(result.output.split(separator: "\n").last)
    #expect(last.hasPrefix("kept") && last.contains("epoch") && last.contains("validation accuracy"), "\(last)")
    let text = try String(contentsOfFile: scratch.file("runs/named-seed1/recipe.yml"), encoding: .utf8)
    #expect(text.contains("rate: 0.03") && text.contains("patience: 1") && text.contains("epochs: 3"))

    let dry = try Program.run(common + ["--dry-run", "--json", "--set", "noise.0={site: input, sigma: 0.1}"])
    let forecast = try dry.json(), rows = try #require(forecast["rows"] as? [String: Int])
    #expect(rows == ["training": 300, "validation": 100, "test": 10_000] && forecast["count"] as? Int == 6370)
    let words = try Program.run(common + ["--dry-run"])
    #expect(words.status == 0 && words.output.contains("dense0.weight") && words.output.contains("time"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter { $0.hasPrefix("small") } == [
        "small.yml"
      ])

    let wrong = try Program.run(common + ["--set", "optimizer.rat=0.03"])
    #expect(wrong.status == 2 && wrong.errors.contains("--set optimizer.rat: "), "\(wrong.errors)")
    #expect(wrong.errors.contains("did you mean 'rate'?"), "\(wrong.errors)")
  }

  /// Ends a run in its course: at its first line of progress.
  private func interrupt(_ arguments: [String], _ scratch: Scratch) throws -> Program.Result {
    let output = URL(filePath: scratch.file("o")), errors = URL(filePath: scratch.file("e"))
    let process = try Program.start(arguments, output: output, errors: errors, environment: [:])
    while process.isRunning, try String(contentsOf: errors, encoding: .utf8).isEmpty { usleep(1000) }
    process.signal(SIGINT)
    return Program.Result(
      status: process.end(), output: "", errors: try String(contentsOf: errors, encoding: .utf8))
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

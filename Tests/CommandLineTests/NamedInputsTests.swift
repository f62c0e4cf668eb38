import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite(
  "Models of several inputs on the command line", .serialized, .enabled(if: Program.isBuilt, "dither is not built"))
struct NamedInputsTests {
  /// The text classifier, and 48 texts as arrays of their own and in one archive with their classes.
  private static func files(_ body: (Scratch, String) throws -> Void) throws {
    let scratch = try Scratch()
    try write(to: scratch)
    try body(scratch, scratch.file("texts.onnx"))
  }

  /// `texts.onnx`, `ids.npy`, `mask.npy`, `y.npy`, and the arrays in `texts.npz`.
  static func write(to scratch: Scratch) throws {
    let (ids, mask) = TextNet.texts(48)
    try Data(TextNet.onnx()).write(to: URL(filePath: scratch.file("texts.onnx")))
    func bytes(_ rows: [[Int]]) -> [UInt8] {
      Npy([rows.count, rows[0].count], .int64(rows.joined().map(Int64.init))).bytes
    }
    let labels = Npy([48], .int64(TextNet.labels(48).map(Int64.init))).bytes
    let arrays = [("mask.npy", bytes(mask)), ("ids.npy", bytes(ids)), ("y.npy", labels)]
    for (name, content) in arrays { try Data(content).write(to: URL(filePath: scratch.file(name))) }
    try Data(StoredZip.archive(arrays)).write(to: URL(filePath: scratch.file("texts.npz")))
  }

  @Test("run takes each by its name, or all from an archive")
  func run() throws {
    try Self.files { scratch, file in
      let named = ["--input", "ids=\(scratch.file("ids.npy"))", "--input", "mask=\(scratch.file("mask.npy"))"]
      let ways = [("a", named), ("b", ["--input", scratch.file("texts.npz")])]
      for (folder, inputs) in ways {
        let result = try Program.run(["run", file, "--output-dir", scratch.file(folder)] + inputs)
        #expect(result.status == 0, "\(result.errors)")
      }
      let found = try ways.map { try Npy([UInt8](Data(contentsOf: URL(filePath: scratch.file("\($0.0)/logits.npy"))))) }
      #expect(found[0] == found[1])
      let (ids, mask) = TextNet.texts(48), expected = zip(ids, mask).flatMap { TextNet.logits($0.0, $0.1) }
      #expect(zip(found[0].tensor.elements, expected).allSatisfy { abs(Double($0) - $1) < 1e-4 })
      let check = try Program.run("run", file, "--check")
      #expect(check.status == 0 && !check.output.contains("refused"), "\(check.output)")
      let noisy = try Program.run(
        ["run", file, "--output-dir", scratch.file("c"), "--noise", "embeddings:gaussian,sigma=0.1", "--samples", "4"]
          + named)
      #expect(noisy.status == 0, "\(noisy.errors)")
      for (inputs, says) in [
        (["--input", "ids=\(scratch.file("ids.npy"))"], "mask=FILE"),
        (named + ["--input", "masks=\(scratch.file("mask.npy"))"], "did you mean 'mask'?"),
        (named + ["--input", scratch.file("texts.npz")], "each input once"),
      ] {
        let refused = try Program.run(["run", file, "--output-dir", scratch.file("d")] + inputs)
        #expect(refused.status == 2 && refused.errors.contains(says), "\(refused.errors)")
      }
    }
  }

  @Test("a server is asked by name or by archive; audits and tuning read the archive")
  func served() throws {
    try Self.files { scratch, file in
      let server = try LiveServer(state: scratch)
      #expect(try server.dither("upload", file, "--name", "texts").status == 0)
      let shown = try server.dither("models", "show", "texts")
      #expect(shown.output.contains("ids int64") && shown.output.contains("mask int64"), "\(shown.output)")
      let ways = [
        ["--input", "mask=\(scratch.file("mask.npy"))", "ids=\(scratch.file("ids.npy"))"],
        ["--input", scratch.file("texts.npz")], ["--data", scratch.file("texts.npz:10")],
      ]
      for (way, arguments) in ways.enumerated() {
        let result = try Program.run(["predict", "texts", "--json"] + arguments, environment: server.environment)
        #expect(result.status == 0, "\(result.errors)")
        let rows = try #require(result.json()["predictions"] as? [[String: Any]])
        #expect(rows.count == (way == 2 ? 10 : 48))
        if way < 2 { #expect(rows.map { $0["label"] as? Int } == TextNet.labels(48)) }
      }
      for (arguments, says) in [
        (["--input", scratch.file("ids.npy")], "NAME=FILE"),
        (["--input", "ids=\(scratch.file("ids.npy"))"], "mask=FILE"),
        (["--input", "ids=\(scratch.file("ids.npy"))", "mask=\(scratch.file("y.npy"))"], "mask"),
      ] {
        let refused = try Program.run(["predict", "texts"] + arguments, environment: server.environment)
        #expect(refused.status == 2 && refused.errors.contains(says), "\(refused.errors)")
      }
      let examples = ["--data", scratch.file("texts.npz"), "--probe", "clean", "--probe", "calibration", "--json"]
      let local = try Program.run(["audit", file] + examples)
      let served = try Program.run(["audit", "texts"] + examples, environment: server.environment)
      #expect(local.status == 0 && served.status == 0, "\(local.errors) \(served.errors)")
      let (own, other) = (try local.json(), try served.json())
      #expect(
        own["data_digest"] as? String == other["data_digest"] as? String && own["n"] as? Int == other["n"] as? Int)
      let attacked = try Program.run(
        ["audit", file, "--data", scratch.file("texts.npz"), "--probe", "pgd:epsilon=0.3,steps=5"])
      #expect(attacked.status == 0 && attacked.output.contains("pgd"), "\(attacked.errors)")
    }
  }
}

/// An archive of members as they are, as numpy.savez writes it.
enum StoredZip {
  static func archive(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
    func little(_ value: Int, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(value >> (8 * $0) & 0xFF) } }
    var file: [UInt8] = [], directory: [UInt8] = []
    for (name, content) in members {
      let size = little(content.count, 4),
        head = little(0, 4) + little(Int(Deflate.checksum(content[...], after: 0)), 4) + size + size
      let name = Array(name.utf8), start = little(file.count, 4)
      file += [0x50, 0x4B, 3, 4] + little(20, 2) + little(0, 4) + head + little(name.count, 2) + little(0, 2) + name
      file += content
      directory += [0x50, 0x4B, 1, 2] + little(20, 2) + little(20, 2) + little(0, 4) + head + little(name.count, 2)
      directory += little(0, 2) + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) + start + name
    }
    let end = little(0, 4) + little(members.count, 2) + little(members.count, 2)
    return file + directory + [0x50, 0x4B, 5, 6] + end + little(directory.count, 4) + little(file.count, 4)
      + little(0, 2)
  }
}

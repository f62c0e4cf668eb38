import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Models of any size on the command line", .serialized, .enabled(if: Program.isBuilt, "dither is not built"))
struct AnySizeTests {
  /// `any.onnx`, and pictures of two sizes as `small.npy` and `large.npy`.
  private static func files(_ body: (Scratch, String) throws -> Void) throws {
    let scratch = try Scratch(), file = scratch.file("any.onnx")
    try Data(AnySizeNet.onnx()).write(to: URL(filePath: file))
    for (name, side) in [("small", 6), ("large", 11)] {
      let x = AnySizeNet.pictures(2, height: side, width: side)
      try Data(Npy(x).bytes).write(to: URL(filePath: scratch.file("\(name).npy")))
    }
    try body(scratch, file)
  }

  @Test("run takes the size of what comes, and --shape pins it")
  func run() throws {
    try Self.files { scratch, file in
      for (name, side) in [("small", 6), ("large", 11)] {
        let result = try Program.run(
          "run", file, "--input", scratch.file("\(name).npy"), "--output-dir", scratch.file(name))
        #expect(result.status == 0, "\(result.errors)")
        let found = try Npy([UInt8](Data(contentsOf: URL(filePath: scratch.file("\(name)/logits.npy"))))).tensor
        let wanted = try AnySizeNet.logits(AnySizeNet.pictures(2, height: side, width: side))
        #expect(found.isClose(to: Tensor([2, 3], wanted), absolute: 1e-5))
      }
      let check = try Program.run("run", file, "--check")
      #expect(check.output.contains("[-1, 2, -1, -1]") && !check.output.contains("refused"), "\(check.output)")
      for shape in ["2x6x6", "image=2x6x6"] {
        let pinned = try Program.run("run", file, "--check", "--shape", shape)
        #expect(pinned.output.contains("[-1, 2, 6, 6]"), "\(pinned.output)\(pinned.errors)")
      }
      let out = ["--output-dir", scratch.file("none")]
      for (arguments, says) in [
        (["--input", scratch.file("large.npy"), "--shape", "2x6x6"] + out, "expected shape [2, 2, 6, 6]"),
        (["--check", "--shape", "3x6x6"], "[batch, 2, height, width]"), (["--check", "--shape", "2x6xsix"], "--shape"),
        (["--check", "--shape", "imago=2x6x6"], "did you mean 'image'?"),
      ] {
        let refused = try Program.run(["run", file] + arguments)
        #expect(refused.status != 0 && refused.errors.contains(says), "\(refused.output)\(refused.errors)")
      }
    }
  }

  @Test("a server is asked for pictures of several sizes in one command; an audit takes its data's size")
  func served() throws {
    try Self.files { scratch, file in
      let server = try LiveServer(state: scratch)
      #expect(try server.dither("upload", file, "--name", "any").status == 0)
      let shown = try server.dither("models", "show", "any")
      #expect(shown.output.contains("-1"), "\(shown.output)")
      let asked = try Program.run(
        ["predict", "any", "--json", "--input", scratch.file("small.npy"), scratch.file("large.npy")],
        environment: server.environment)
      #expect(try (asked.json()["predictions"] as? [Any])?.count == 4, "\(asked.errors)")
      let resized = try Program.run(
        ["predict", "any", "--resize", "--input", scratch.file("small.npy")], environment: server.environment)
      #expect(resized.status == 2 && resized.errors.contains("[2, any, any]"), "\(resized.errors)")
      try Data(Npy([2], .int64([0, 1])).bytes).write(to: URL(filePath: scratch.file("y.npy")))
      let audit = try Program.run(
        "audit", file, "--data", scratch.file("large.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean",
        "--json")
      #expect(try audit.json()["n"] as? Int == 2, "\(audit.errors)")
    }
  }

  @Test("pictures are brought to a model whose channels are last, and the share of their middle that is asked for")
  func channelsLast() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), file = scratch.file("last.onnx")
    let builder = GraphBuilder(name: "last"), x = builder.input("image", [28, 28, 3])
    let flatten = try Catalog<any OnnxOp.Type>.ops.entry(named: "Flatten").init(
      OnnxNode(name: "flat", type: "Flatten", opset: 17))
    let flat = try builder.apply(flatten, [x])[0]
    let logits = try builder.dense(flat, builder.parameter("w", .random([3, 28 * 28 * 3], seed: 4)), nil)
    try Data(builder.finish(outputs: [("logits", logits)]).onnx()).write(to: URL(filePath: file))
    #expect(try server.dither("upload", file, "--name", "last").status == 0)
    let path = Program.package.appending(path: "examples/ankle-boot.png").path
    let picture = try PictureFile([UInt8](Data(contentsOf: URL(filePath: path))), channels: 3, at: path)
    func probabilities(_ arguments: [String]) throws -> [Double] {
      let result = try Program.run(
        ["predict", "last", "--json", "--input"] + arguments, environment: server.environment)
      let rows = try #require(result.json()["predictions"] as? [[String: Any]], "\(result.errors)")
      return try #require(rows[0]["probabilities"] as? [Double])
    }
    /// The picture's pixels, one after the other.
    func pixels(_ picture: PictureFile) -> Npy {
      var bytes: [UInt8] = []
      for at in 0..<28 * 28 { for channel in 0..<3 { bytes.append(picture.planes[channel * 28 * 28 + at]) } }
      return Npy([1, 28, 28, 3], .uint8(bytes))
    }
    for (name, shown, options) in [
      ("whole", picture, [String]()),
      ("middle", picture.resized(width: 28, height: 28, keeping: 0.5), ["--resize", "--crop", "0.5"]),
    ] {
      let array = scratch.file("\(name).npy")
      try Data(pixels(shown).bytes).write(to: URL(filePath: array))
      #expect(try probabilities([path] + options) == probabilities([array]))
    }
    let alone = try Program.run("predict", "last", "--input", path, "--crop", "0.5")
    #expect(alone.status == 2 && alone.errors.contains("--resize"))
  }

  /// y = x + w, w in bytes 4 to 15 of parts/w.bin beside it, as onnx 1.17 wrote it.
  private static let external =
    "CAg6fgoOCgF4CgF3EgF5IgNBZGQSAWcqPQgDEAFCAXdqFwoIbG9jYXRpb24SC3BhcnRzL3cuYmluagsKBm9mZnNldBIBNGoMCgZsZW5ndGgSAjEy"
    + "cAFaFAoBeBIPCg0IARIJCgMSAU4KAggDYhQKAXkSDwoNCAESCQoDEgFOCgIIA0IECgAQEQ=="

  @Test("data beside a file is read with it, from its folder and no link")
  func externalData() throws {
    let scratch = try Scratch(), file = scratch.file("model/add.onnx"), manager = FileManager.default
    try manager.createDirectory(atPath: scratch.file("model/parts"), withIntermediateDirectories: true)
    try #require(Data(base64Encoded: Self.external)).write(to: URL(filePath: file))
    let part = scratch.file("model/parts/w.bin"), numbers: [Float] = [9, 1, 2, 3]
    let x = scratch.file("x.npy")
    try Data(Npy(Tensor([1, 3], [0, 0, 10])).bytes).write(to: URL(filePath: x))
    func run() throws -> Program.Result {
      try Program.run("run", file, "--input", x, "--output-dir", scratch.file("out"))
    }
    func refused(_ says: String, status: Int32 = 2) throws {
      let result = try run()
      #expect(result.status == status && result.errors.contains("parts/w.bin") && result.errors.contains(says))
      #expect(!manager.fileExists(atPath: scratch.file("out")), "\(result.errors)")
    }
    try refused("No such file", status: 3)
    // Its digest would be another than a server has.
    let key = scratch.file("key.pem"), signature = scratch.file("add.sig")
    _ = try Ed25519.PrivateKey(openOrMake: key)
    let sign = ["models", "sign", "--sign-key", key, "--file", file, "--out", signature]
    let unsigned = try Program.run(sign)
    #expect(unsigned.status == 3 && unsigned.errors.contains("parts/w.bin"), "\(unsigned.errors)")
    #expect(!manager.fileExists(atPath: signature))
    try numbers.withUnsafeBytes { Data($0) }.prefix(12).write(to: URL(filePath: part))
    try refused("a file of 12")
    try numbers.withUnsafeBytes { Data($0) }.write(to: URL(filePath: scratch.file("elsewhere.bin")))
    try manager.removeItem(atPath: part)
    try manager.createSymbolicLink(atPath: part, withDestinationPath: scratch.file("elsewhere.bin"))
    try refused("a link")
    try manager.removeItem(atPath: part)
    try manager.createDirectory(atPath: part, withIntermediateDirectories: true)
    try refused("something else")
    try manager.removeItem(atPath: part)
    try numbers.withUnsafeBytes { Data($0) }.write(to: URL(filePath: part))
    let result = try run()
    #expect(result.status == 0, "\(result.errors)")
    let found = try Npy([UInt8](Data(contentsOf: URL(filePath: scratch.file("out/y.npy"))))).tensor
    #expect(found.elements == [1, 2, 13])
  }
}

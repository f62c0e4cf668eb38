import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Mistakes in files, and what of a file a model does not see.
@Suite("Mistakes in files", .serialized, .enabled(if: Program.isBuilt, "dither is not built"))
struct FileMistakeTests {
  /// Two by two pixels: red, green, blue and transparency; and gray.
  private static let colored =
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAYAAABytg0kAAAAEUlEQVR42mNwaBBoAGEGGAMALrIFQT2dhLgAAAAASUVORK5CYII="
  private static let gray =
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR42mNwaGBwaAAABEYBgZbEhBkAAAAASUVORK5CYII="

  private static func write(_ base64: String, to path: String) throws {
    try #require(Data(base64Encoded: base64)).write(to: URL(filePath: path))
  }

  /// A model of gray pictures of two by two, whose classes have names.
  private static func onnx() throws -> [UInt8] {
    let builder = GraphBuilder(name: "net"), x = try builder.flatten(builder.input("x", [1, 2, 2]))
    let weight = builder.parameter("w", Tensor([3, 4], NoiseAddress(seed: 1).normals(12)))
    var graph = builder.finish(outputs: [("logits", try builder.dense(x, weight, nil, name: "fc"))])
    graph.metadata["dither.labels"] = #"["shoe", "bag", "coat"]"#
    return try graph.onnx()
  }

  @Test("a picture that loses its colors is told of once") func colors() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), model = scratch.file("net.onnx")
    try Data(Self.onnx()).write(to: URL(filePath: model))
    #expect(try server.dither("upload", model, "--name", "net").status == 0)
    let paths = ["a.png", "b.png"].map(scratch.file)
    for path in paths { try Self.write(Self.colored, to: path) }
    let told = try server.dither("predict", "net", "--input", paths[0], paths[1])
    #expect(told.status == 0, "\(told.errors)")
    let words = "\(paths[0]) and 1 more: colors became gray, transparency became black, as this model takes it\n"
    #expect(told.errors == words, "\(told.errors)")
    try Self.write(Self.gray, to: paths[0])
    let silent = try server.dither("predict", "net", "--input", paths[0])
    #expect(silent.status == 0 && silent.errors.isEmpty, "\(silent.errors)")
  }

  @Test("sets name their classes") func sets() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), model = scratch.file("net.onnx")
    var graph = try Graph(onnx: TestNet.onnx())
    graph.metadata["dither.labels"] = #"["shoe", "bag", "coat"]"#
    graph.noise = nil
    try Data(graph.onnx()).write(to: URL(filePath: model))
    let x = scratch.file("x.npy"), y = scratch.file("y.npy")
    try TestNet.writeLabels(120, by: model, inputs: x, labels: y)
    #expect(try server.dither("upload", model, "--name", "net").status == 0)
    let calibrated = try server.dither("calibrate", "net", "--data", x, "--labels", y)
    #expect(calibrated.status == 0, "\(calibrated.errors)")
    let told = try server.dither("predict", "net", "--input", x, "--coverage", "0.95", "--never-empty")
    #expect(told.status == 0, "\(told.errors)")
    let sets = told.output.matches(of: /\{([^}]*)\}/).flatMap { $0.1.split(separator: ", ") }
    #expect(sets.count >= 120 && Set(sets).isSubset(of: ["shoe", "bag", "coat"]), "\(told.output)")
  }

  @Test("a file that is another is told by its name") func named() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), model = scratch.file("net.onnx")
    try Data(Self.onnx()).write(to: URL(filePath: model))
    #expect(try server.dither("upload", model, "--name", "net").status == 0)
    let text = scratch.file("text.png")
    try Data("hello".utf8).write(to: URL(filePath: text))
    let rows: [([String], String)] = [
      (["predict", "net", "--input", text], "neither PNG nor JPEG"), (["run", text, "--check"], "text.png: expected"),
      (["upload", text, "--name", "other"], "text.png: expected"), (["verify", text], "text.png: expected"),
      (["compare", text, text], "text.png: expected"),
      (["predict", "net@live", "--input", text], "an alias is written net:ALIAS"),
    ]
    for (arguments, words) in rows {
      let result = try Program.run(arguments, environment: server.environment)
      #expect(result.status == 2 && result.errors.contains(words), "\(arguments): \(result.status) \(result.errors)")
    }
  }

  @Test("audits are listed with the probes that were named") func probes() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), model = scratch.file("net.onnx")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    let x = scratch.file("x.npy"), y = scratch.file("y.npy")
    try TestNet.writeExamples(6, inputs: x, labels: y)
    #expect(try server.dither("upload", model, "--name", "net").status == 0)
    let audit = try server.dither(
      "audit", "net", "--data", x, "--labels", y, "--probe", "clean", "--probe", "fgsm:epsilon=0.1", "--probe",
      "pgd:epsilon=0.1,steps=2")
    #expect(audit.status == 0 && audit.output.contains("union of 2; ") && audit.output.contains(" alone "))
    #expect(try server.dither("audits", "list").output.contains("clean, fgsm, pgd"))
    let listed = try #require(server.dither("audits", "list", "--json").json()["audits"] as? [[String: Any]])
    #expect(listed.first?["probes"] as? [String] == ["clean", "fgsm", "pgd"])
  }

  @Test("what a command writes goes through a link; a place that cannot be written to is named") func outputs() throws {
    let scratch = try Scratch(), x = scratch.file("x.npy"), link = scratch.file("link.npy")
    try Data(Npy([2, 1, 8, 8], .uint8([UInt8](repeating: 99, count: 128))).bytes).write(to: URL(filePath: x))
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: scratch.file("real.npy"))
    let command = ["corrupt", "gaussian_noise:severity=2", "--data", x, "--out"]
    for path in [scratch.file("plain.npy"), link] {
      let made = try Program.run(command + [path])
      #expect(made.status == 0, "\(made.errors)")
    }
    let plain = try Data(contentsOf: URL(filePath: scratch.file("plain.npy")))
    let real = try Data(contentsOf: URL(filePath: scratch.file("real.npy")))
    #expect(plain == real)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == scratch.file("real.npy"))
    let refused = try Program.run(command + [scratch.file("no/x.npy")])
    #expect(refused.status == 3 && refused.errors.contains("no/x.npy: expected a file that can be written"))
  }
}

import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// One meaning of a file for every command.
@Suite("What a file of inputs means", .enabled(if: Program.isBuilt, "dither is not built"))
struct MeaningTests {
  /// Right only where inputs come to it as they should: the class is the darkest of three pixels.
  private static func onnx(normalized: Bool) throws -> [UInt8] {
    let builder = GraphBuilder(name: "net"), x = try builder.flatten(builder.input("x", [3, 1, 1]))
    let weight = Tensor([3, 3], [-4, 0, 0, 0, -4, 0, 0, 0, -4])
    var graph = builder.finish(outputs: [
      ("logits", try builder.dense(x, builder.parameter("w", weight), nil, name: "fc"))
    ])
    if normalized {
      graph.metadata[ModelSignature.normalizationKey] = #"{"mean":[0.2,0.4,0.6],"deviation":[0.1,0.3,0.9]}"#
    }
    return try graph.onnx()
  }

  private static let bytes = NoiseAddress(seed: 4).uniforms(90).map { UInt8($0 * 255) }

  private static func labels(_ x: [Float], normalized: Bool) -> [Int] {
    (0..<x.count / 3).map { row in
      let z = (0..<3).map { c -> Float in
        let value = x[3 * row + c]
        return normalized ? (value - [0.2, 0.4, 0.6][c]) / [0.1, 0.3, 0.9][c] : value
      }
      return z.indices.reduce(0) { z[$1] < z[$0] ? $1 : $0 }
    }
  }

  private static func write(_ file: Npy, to path: String) throws {
    try Data(file.bytes).write(to: URL(filePath: path))
  }

  @Test("audit, run and corrupt take bytes, floats and truth values alike", arguments: [false, true])
  func locally(_ normalized: Bool) throws {
    let scratch = try Scratch(), shape: Shape = [30, 3, 1, 1]
    try Data(Self.onnx(normalized: normalized)).write(to: URL(filePath: scratch.file("net.onnx")))
    let truths = Self.bytes.map { $0 > 127 }
    let contents: [(String, Npy, [Float])] = [
      ("bytes", Npy(shape, .uint8(Self.bytes)), Self.bytes.map { Float($0) / 255 }),
      ("floats", Npy(shape, .float32(Self.bytes.map { Float($0) / 255 })), Self.bytes.map { Float($0) / 255 }),
      ("truths", Npy(shape, .bool(truths)), truths.map { $0 ? 1 : 0 }),
    ]
    for (name, file, floats) in contents {
      let labels = Self.labels(floats, normalized: normalized)
      try Self.write(file, to: scratch.file("x.npy"))
      try Self.write(Npy([30], .int64(labels.map(Int64.init))), to: scratch.file("y.npy"))
      let audit = try Program.run(
        "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"),
        "--probe",
        "clean", "--json")
      #expect(audit.status == 0, "\(audit.errors)")
      let probes = try #require(audit.json()["probes"] as? [[String: Any]])
      #expect(probes[0]["clean_accuracy"] as? Double == 1, "\(name)")
      let run = try Program.run(
        "run", scratch.file("net.onnx"), "--input", "x=\(scratch.file("x.npy"))", "--output-dir", scratch.file("out"))
      #expect(run.status == 0, "\(run.errors)")
      let logits = try Npy([UInt8](Data(contentsOf: URL(filePath: scratch.file("out/logits.npy"))))).tensor
      #expect(logits.labels() == labels, "\(name)")
      let corrupt = try Program.run(
        "corrupt", "gaussian_noise:sigma=0.000001", "--data", scratch.file("x.npy"), "--out", scratch.file("o.npy"))
      #expect(corrupt.status == 0, "\(corrupt.errors)")
      let changed = try Npy([UInt8](Data(contentsOf: URL(filePath: scratch.file("o.npy")))))
      let units: Float = if case .uint8 = changed.content { 255 } else { 1 }
      for (a, b) in zip(changed.tensor.elements, floats) { #expect(abs(a / units - b) < 1.5 / 255, "\(name)") }
    }
  }

  @Test("predict takes them as audit does")
  func served() throws {
    let state = try Scratch(), server = try LiveServer(state: state), file = state.file("net.onnx")
    try Data(Self.onnx(normalized: true)).write(to: URL(filePath: file))
    #expect(try server.dither("upload", file, "--name", "net").status == 0)
    let floats = Self.bytes.map { Float($0) / 255 }, labels = Self.labels(floats, normalized: true)
    let truths = Self.bytes.map { $0 > 127 }
    let contents: [(Npy, [Int])] = [
      (Npy([30, 3, 1, 1], .uint8(Self.bytes)), labels), (Npy([30, 3], .float32(floats)), labels),
      (Npy([30, 3, 1, 1], .bool(truths)), Self.labels(truths.map { $0 ? 1 : 0 }, normalized: true)),
    ]
    for (content, wanted) in contents {
      try Self.write(content, to: state.file("x.npy"))
      let result = try server.dither("predict", "net", "--input", state.file("x.npy"), "--json")
      #expect(result.status == 0, "\(result.errors)")
      let predictions = try #require(result.json()["predictions"] as? [[String: Any]])
      #expect(predictions.compactMap { $0["label"] as? Int } == wanted)
    }
    // Axes of extent 1 are nothing.
    try Self.write(Npy([30, 1, 3, 1], .float32(floats)), to: state.file("x.npy"))
    #expect(try server.dither("predict", "net", "--input", state.file("x.npy"), "--json").status == 0)
  }

  @Test("examples of another layout are refused by predict and by audit")
  func layout() throws {
    let state = try Scratch(), server = try LiveServer(state: state), file = state.file("net.onnx")
    let builder = GraphBuilder(name: "net"), x = try builder.flatten(builder.input("x", [4, 4, 3]))
    let logits = try builder.dense(
      x, builder.parameter("w", Tensor([3, 48], NoiseAddress(seed: 1).normals(144))), nil, name: "fc")
    try Data(builder.finish(outputs: [("logits", logits)]).onnx()).write(to: URL(filePath: file))
    #expect(try server.dither("upload", file, "--name", "net").status == 0)
    try Self.write(Npy(Tensor([5, 3, 4, 4], NoiseAddress(seed: 2).uniforms(240))), to: state.file("x.npy"))
    try Self.write(Npy([5], .int64([0, 1, 2, 0, 1])), to: state.file("y.npy"))
    let predicted = try server.dither("predict", "net", "--input", state.file("x.npy"), "--json")
    #expect(
      predicted.status != 0 && predicted.errors.contains("[4, 4, 3]") && predicted.errors.contains("[5, 3, 4, 4]"))
    let audited = try Program.run(
      "audit", file, "--data", state.file("x.npy"), "--labels", state.file("y.npy"), "--probe", "clean")
    #expect(audited.status != 0 && audited.errors.contains("x.transpose(0, 2, 3, 1)"), "\(audited.errors)")
  }

  @Test("ood takes a file of one's own")
  func foreign() throws {
    let scratch = try Scratch()
    try Data(Self.onnx(normalized: false)).write(to: URL(filePath: scratch.file("net.onnx")))
    try Self.write(Npy([30, 3, 1, 1], .uint8(Self.bytes)), to: scratch.file("x.npy"))
    try Self.write(
      Npy([30], .int64(Self.labels(Self.bytes.map { Float($0) / 255 }, normalized: false).map(Int64.init))),
      to: scratch.file("y.npy"))
    try Self.write(Npy([30, 3, 1, 1], .uint8([UInt8](repeating: 0, count: 90))), to: scratch.file("other.npy"))
    let result = try Program.run(
      "audit", scratch.file("net.onnx"), "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe",
      "ood:data=\(scratch.file("other.npy"))", "--json")
    #expect(result.status == 0, "\(result.errors)")
    let probes = try #require(result.json()["probes"] as? [[String: Any]])
    let summary = try #require(probes[0]["summary"] as? [String: Any])
    let measures = try #require(summary["measures"] as? [[String: Any]])
    #expect(measures.contains { $0["name"] as? String == "auroc_energy" })
  }
}

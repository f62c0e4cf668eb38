import DitherGraph
import DitherTestSupport
import Foundation
import Testing

@Suite("Names from files on a terminal", .enabled(if: Program.isBuilt, "dither is not built"))
struct TerminalTests {
  /// Sets a window's title, clears the screen, colors, and turns the direction of what follows.
  static let hostile = "\u{1B}]0;owned\u{7}\u{1B}[2Jred\u{9B}31m\u{202E}"

  @Test("labels, cards and nodes of a hostile file are shown, not obeyed, in every form of output")
  func labels() throws {
    let scratch = try Scratch(), file = scratch.file("net.onnx")
    var graph = try Graph(onnx: TestNet.onnx())
    let names = try JSONEncoder().encode([Self.hostile, "b", "c"])
    graph.metadata["dither.labels"] = String(decoding: names, as: UTF8.self)
    try Data(graph.onnx()).write(to: URL(filePath: file))
    try TestNet.writeExamples(6, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    let server = try LiveServer(state: scratch)
    let results = try [
      server.dither("upload", file, "--name", "net"), server.dither("models", "show", "net"),
      server.dither("models", "show", "net", "--json"),
      server.dither("predict", "net", "--input", scratch.file("x.npy")),
      server.dither("predict", "net", "--input", scratch.file("x.npy"), "--json"), server.dither("models", "list"),
      server.dither("predict", Self.hostile, "--input", scratch.file("x.npy")),
      Program.run(
        "audit", file, "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean", "--json"),
      Program.run("run", file, "--input", "\(Self.hostile)=\(scratch.file("x.npy"))"),
    ]
    for (at, result) in results.enumerated() {
      for scalar in (result.output + result.errors).unicodeScalars where scalar != "\n" {
        #expect(
          ![.control, .format].contains(scalar.properties.generalCategory),
          "\(at): U+\(String(scalar.value, radix: 16))")
      }
    }
    #expect(results[1].output.contains("\\u{1b}]0;owned\\u{7}"))
    #expect(results[3].output.contains("\\u{202e}") || results[1].output.contains("\\u{202e}"))
    let labels = try #require((try results[2].json()["signature"] as? [String: Any])?["label_names"] as? [String])
    #expect(labels.first == Self.hostile)
  }

  @Test("names of characters that are made of several are whole in a table, and its columns stand below each other")
  func combined() throws {
    let scratch = try Scratch(), file = scratch.file("net.onnx"), named = scratch.file("e\u{301}e\u{301}e\u{301}.npy")
    let names = ["e\u{301}te\u{301}s a\u{300}", "👩‍👩‍👧👩‍👩‍👧 👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", "n\u{303}n\u{303}n\u{303} u\u{308}"]
    var graph = try Graph(onnx: TestNet.onnx())
    graph.metadata["dither.labels"] = String(decoding: try JSONEncoder().encode(names), as: UTF8.self)
    try Data(graph.onnx()).write(to: URL(filePath: file))
    try TestNet.writeExamples(12, inputs: named, labels: scratch.file("y.npy"))
    let server = try LiveServer(state: scratch)
    #expect(try server.dither("upload", file, "--name", "net").status == 0)
    let found = try server.dither("predict", "net", "--input", named, "--seed", "1").output
    let lines = found.split(separator: "\n").dropFirst(), head = try #require(lines.first)
    let place = try #require(head.firstRange(of: "probability")).lowerBound,
      column = head.distance(from: head.startIndex, to: place)
    #expect(lines.count == 13)
    for line in lines.dropFirst() {
      #expect(line.hasPrefix("\(named)["), "\(line)")
      #expect(names.contains { line.contains("  \($0)  ") }, "\(line)")
      let behind = Array(line)[column...]
      #expect(line.count > column && behind.prefix(2) == ["0", "."], "\(line)")
    }
  }
}

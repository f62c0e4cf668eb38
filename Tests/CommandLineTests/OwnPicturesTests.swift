import DitherTestSupport
import Foundation
import Testing

/// The document that goes from a folder of pictures to a served model, as a reader follows it.
@Suite("From a folder of pictures to a served model", .enabled(if: Program.isBuilt, "dither is not built"))
struct OwnPicturesTests {
  static let document = "docs/own-pictures.md"

  /// Its files by their names, with as little to do as they allow.
  private static func files() throws -> [String: String] {
    let text = try #require(ShownCommand.documents.first { $0.name == document }?.text)
    let blocks = text.matches(of: /(?s)```yaml\n(.*?)```/).map { String($0.1) }
    let names = text.matches(of: /`([a-z-]+\.yml)`/).map { String($0.1) }
    try #require(blocks.count == 2 && names.count >= 2)
    return Dictionary(uniqueKeysWithValues: zip(names, blocks)).mapValues { text in
      [
        ("validation: 100", "validation: 6"), ("epochs: 20", "epochs: 2"), ("seeds: [1, 2, 3]", "seeds: [1]"),
      ].reduce(text) { $0.replacing($1.0, with: $1.1) }
    }
  }

  @Test("its six commands do what it says, one after the other, on pictures of two sizes")
  func session() throws {
    let commands = ShownCommand.blocks.filter { $0.document == Self.document }
    #expect(commands.map(\.command) == ["train", "sweep", "train", "serve", "predict", "audit"])
    let scratch = try Scratch(), folder = URL(filePath: scratch.file("work"))
    for (kind, pictures) in [("boot", ["ankle-boot", "checkerboard"]), ("face", ["smiley", "smiley"])] {
      let own = folder.appending(path: "photos/\(kind)")
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      for number in 0..<12 {
        try FileManager.default.copyItem(
          at: Program.package.appending(path: "examples/\(pictures[number % 2]).png"),
          to: own.appending(path: "\(number).png"))
      }
    }
    try FileManager.default.copyItem(
      at: Program.package.appending(path: "examples/smiley.png"), to: folder.appending(path: "owl.png"))
    for (name, text) in try Self.files() { try Data(text.utf8).write(to: folder.appending(path: name)) }
    var server: LiveServer?
    for shown in commands {
      if shown.command == "serve" {
        let place = try #require(shown.words.last)
        server = try LiveServer(
          state: scratch, arguments: ["--models", folder.appending(path: place).path])
        continue
      }
      let result = try Program.run(shown.words, environment: server?.environment ?? [:], in: folder)
      #expect(result.status == 0, "\(shown): \(result.status) \(result.errors)")
      // The sweep says the next command, but for what it found.
      if shown.command == "sweep" {
        let line = try #require(result.output.split(separator: "\n").last.map(String.init))
        let next = commands[2].words.joined(separator: " ").replacing("noise.0.sigma=0.03", with: "")
        let said = try #require(line.split(separator: "dither ").last).replacing("'", with: "")
          .replacing(/noise\.0\.sigma=[0-9.]+/, with: "").replacing("--seed 2", with: "--seed 4")
        #expect(said == next, "\(line)")
      }
      if shown.command == "predict" { #expect(result.output.contains("owl.png")) }
    }
    // Without the flag the picture is refused, and told how to be taken.
    let refused = try Program.run(
      ["predict", "my-photos-best", "--input", "owl.png"], environment: server?.environment ?? [:], in: folder)
    #expect(refused.status == 2 && refused.errors.contains("--resize"), "\(refused.errors)")
    let again = try Program.run(["predict", "my-photos-best", "--data", "./photos?size=32:1", "--resize"], in: folder)
    #expect(again.status != 0 && again.errors.contains("--resize"), "\(again.errors)")
  }
}

import DitherTestSupport
import Foundation
import Testing

/// A command that a document shows.
struct ShownCommand: Sendable, CustomStringConvertible {
  var document: String
  /// Without `dither`.
  var words: [String]
  /// It takes what Python wrote in a block above it: those sections are walked whole, by `Tests/Conformance/walks.py`.
  var followsPython = false
  var description: String { "\(document): dither \(words.joined(separator: " "))" }
  var command: String { words.first ?? "" }

  /// Those in blocks of commands; `inline` ones stand within sentences, where words in capitals stand for the reader's own.
  static let blocks = documents.flatMap { name, text -> [ShownCommand] in
    // By lines: the end of a block of another language is not the beginning of one of commands.
    var isOpen = false, isOfCommands = false, followsPython = false, found: [ShownCommand] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") { followsPython = false }
      if line.hasPrefix("```") {
        isOpen.toggle()
        if line == "```python" { followsPython = true }
        isOfCommands = ["", "sh", "bash", "console", "text"].contains(line.dropFirst(3))
      } else if isOpen, isOfCommands, var shown = ShownCommand(name, String(line)) {
        shown.followsPython = followsPython
        found.append(shown)
      }
    }
    return found
  }
  static let inline = documents.flatMap { name, text in
    text.matches(of: /`(dither [^`\n]+)`/).compactMap { ShownCommand(name, String($0.1)) }
  }

  static let documents: [(name: String, text: String)] = {
    let docs = Program.package.appending(path: "docs")
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: docs.path)) ?? []).filter { $0.hasSuffix(".md") }
    return (["README.md", "CONTRIBUTING.md"] + names.sorted().map { "docs/\($0)" }).compactMap { name in
      (try? String(contentsOf: Program.package.appending(path: name), encoding: .utf8)).map { (name, $0) }
    }
  }()

  init?(_ document: String, _ line: String) {
    var words = Self.split(line)
    guard words.first == "dither", words.count > 1 else { return nil }
    words.removeFirst()
    self.document = document
    self.words = words
  }

  /// As a shell does it, as far as documents go: quotes, a comment's beginning, and the file that output goes to.
  private static func split(_ line: String) -> [String] {
    var words: [String] = [], word = "", quote: Character?, hasWord = false
    for character in line {
      if let open = quote {
        if character == open { quote = nil } else { word.append(character) }
      } else if character == "'" || character == "\"" {
        (quote, hasWord) = (character, true)
      } else if character == " " {
        if hasWord || !word.isEmpty { words.append(word) }
        (word, hasWord) = ("", false)
      } else if character == "#" && word.isEmpty {
        break
      } else {
        word.append(character)
      }
    }
    if hasWord || !word.isEmpty { words.append(word) }
    return Array(words.prefix { $0 != ">" && $0 != "|" && $0 != "&&" })
  }
}

@Suite("Commands in documents", .enabled(if: Program.isBuilt, "dither is not built"))
struct DocumentTests {
  static let hasData =
    ProcessInfo.processInfo.environment["DITHER_DATA"].map {
      FileManager.default.fileExists(atPath: "\($0)/mnist")
    } ?? false

  @Test("commands and flags exist", arguments: ShownCommand.blocks + ShownCommand.inline)
  func flags(_ shown: ShownCommand) throws {
    guard !shown.command.hasPrefix("-") else { return }
    let known = try Self.flags(of: shown.words)
    for flag in shown.words where flag.hasPrefix("--") {
      let name = flag.prefix { $0 != "=" }
      #expect(known.contains(String(name)) || name == "--help", "\(shown): \(name) is none of \(known.sorted())")
    }
  }

  @Test(
    "flags that documents name are some command's",
    arguments: ShownCommand.documents.map(\.name).filter { !["CONTRIBUTING.md", "docs/decisions.md"].contains($0) })
  func flagsInText(_ document: String) throws {
    let commands = [
      ["audit"], ["compare"], ["audits", "report"], ["audits", "open"], ["audits", "list"], ["bench"], ["env"],
      ["login"], ["calibrate"], ["corrupt"],
      ["data", "get"],
      ["models", "list"],
      ["models", "alias"], ["models", "card"], ["models", "remove"], ["models", "describe"], ["models", "sign"],
      ["models", "download"], ["models", "rollout"], ["trail", "check"],
      ["trail", "list"], ["predict"],
      ["run"], ["serve"], ["study"], ["sweep"], ["tokens", "create"], ["tokens", "rotate"], ["train"],
      ["tune"], ["upload"],
      ["verify"], ["work"],
    ]
    let known = try commands.reduce(into: Set<String>()) { $0.formUnion(try Self.flags(of: $1)) }
    let text = try #require(ShownCommand.documents.first { $0.name == document }?.text)
    // Other programs' flags stand with their names.
    for match in text.matches(of: /`(--[a-z][a-z-]+)[^`]*`/) {
      #expect(known.contains(String(match.1)), "\(document): no command has \(match.1)")
    }
  }

  @Test(
    "each command runs, with little data", .enabled(if: hasData, "data sets absent"),
    arguments: ShownCommand.blocks.filter {
      !["serve", "predict", "work", "database"].contains($0.command) && !$0.followsPython
        && !["README.md", OwnPicturesTests.document, RegistryTests.document].contains($0.document)
    })
  func runs(_ shown: ShownCommand) throws {
    let scratch = try Scratch()
    var words = try Self.ready(shown.words, scratch)
    // No model for pictures of three channels is shipped.
    guard !words.contains(where: { $0.hasPrefix("cifar10:") && shown.command == "audit" }) else { return }
    // What takes minutes is planned: everything is read, found and checked, nothing is computed.
    let isDear = ["standard", "full"].contains { words.contains($0) }
    switch shown.command {
    case "audit" where isDear && !words.contains("--plan"):
      words = Self.without(["--report", "--protobuf", "--json", "--budget", "--sign-key"], words) + ["--plan"]
    case "bench": words = ["bench", "--list"]
    case "sweep", "study": words = Self.without(["--out", "--dry-run", "--quick"], words) + ["--dry-run"]
    case "tokens":
      if shown.words.contains("revoke") || shown.words.contains("rotate") {
        let made = try Program.run(
          "tokens", "create", "--state", scratch.file("state"), "--name", "app", "--role", "predict")
        #expect(made.status == 0)
      }
    case "train" where !words.contains("--out"): words += ["--out", scratch.file("trained")]
    case "verify": try Self.makeReport(scratch, "r.html")
    case "compare": for name in ["before.html", "after.html"] { try Self.makeReport(scratch, name) }
    case "tune": words = words.map { $0.hasPrefix("mnist:") ? "mnist:40" : $0 } + ["--folds", "2", "--samples", "2"]
    default: break
    }
    let result = try Program.run(words)
    // A gate that is not kept ends with 1, as it says.
    let isGated = shown.words.contains("--gate")
    #expect(result.status == 0 || isGated && result.status == 1, "\(shown): \(result.status) \(result.errors)")
  }

  @Test(
    "the first session works, and what operations starts", .enabled(if: Program.hasFashionMnist, "data sets absent"))
  func session() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch, arguments: ["--models", "models"])
    let commands = ShownCommand.blocks.filter { $0.document == "README.md" && $0.command != "serve" }
    #expect(commands.map(\.command) == ["predict", "audit"])
    for shown in commands {
      let words = try Self.ready(shown.words, scratch)
      let result = try Program.run(words, environment: server.environment)
      #expect(result.status == 0, "\(shown): \(result.errors)")
    }
  }

  @Test("scripts and targets that documents name are there")
  func scripts() throws {
    let makefile = try String(contentsOf: Program.package.appending(path: "Makefile"), encoding: .utf8)
    for (name, text) in ShownCommand.documents {
      for match in text.matches(of: /(?m)(?:^|`)make ([a-z-]+)/) {
        #expect(makefile.contains("\n\(match.1):"), "\(name): make \(match.1)")
      }
      for match in text.matches(of: /\bscripts\/([a-z-]+)/) {
        let path = Program.package.appending(path: "scripts/\(match.1)").path
        #expect(FileManager.default.isExecutableFile(atPath: path), "\(name): scripts/\(match.1)")
      }
    }
  }

  // MARK: a reader's own words

  /// With models, files and folders that are there, and few examples.
  private static func ready(_ words: [String], _ scratch: Scratch) throws -> [String] {
    let own = [
      "MODEL": "models/mnist-mlp-noise.onnx", "OTHER": "models/mnist-mlp-baseline.onnx",
      "THIRD": "models/mnist-mlp-baseline.onnx", "DIR": scratch.file("state"),
      "model.onnx": "models/mnist-mlp-noise.onnx",
      "OTHER+THIRD": "models/mnist-mlp-baseline.onnx+models/mnist-mlp-baseline.onnx",
      "mnist-mlp-noise": "models/mnist-mlp-noise.onnx",
    ]
    if words.contains("texts.onnx") { try NamedInputsTests.write(to: scratch) }
    return try words.map { word in
      if let found = own[word] { return found }
      if ["texts.onnx", "out"].contains(word) { return scratch.file(word) }
      if let match = try /(ids|mask)=(.*)/.wholeMatch(in: word) { return "\(match.1)=\(scratch.file(String(match.2)))" }
      if ["tuned.onnx", "r.html", "report.html", "r.pb", "key.pem", "key.pub.pem", "r.json"].contains(word)
        || ["before.html", "after.html", "difference.html", "gates.xml", "gates.sarif"].contains(word)
      {
        return scratch.file(word)
      }
      // Batteries that are planned only cost nothing more with more data.
      if let match = try /((?:fashion-)?mnist|cifar-?10):\d+/.wholeMatch(in: word) { return "\(match.1):4" }
      return word
    }
  }

  private static func without(_ flags: [String], _ words: [String]) -> [String] {
    var kept: [String] = [], skips = false
    for word in words {
      if skips && !word.hasPrefix("--") { skips = false; continue }
      skips = flags.contains(word) && word != "--json"
      if !flags.contains(word) { kept.append(word) }
    }
    return kept
  }

  private static func makeReport(_ scratch: Scratch, _ name: String) throws {
    let made = try Program.run(
      "audit", "models/mnist-mlp-noise.onnx", "--data", "mnist:4", "--probe", "clean", "--sign-key",
      scratch.file("key.pem"),
      "--report", scratch.file(name))
    #expect(made.status == 0, "\(made.errors)")
  }

  private static func flags(of words: [String]) throws -> Set<String> {
    // A command, and its own command where it has some.
    let path = words.prefix { $0.allSatisfy { $0.isLowercase } && !$0.hasPrefix("-") }.prefix(2)
    var help = try Program.run(Array(path) + ["--help"])
    if help.status != 0 || path.count == 2 && !help.output.contains("USAGE: dither \(path.joined(separator: " "))") {
      help = try Program.run(Array(path.prefix(1)) + ["--help"])
    }
    #expect(help.status == 0, "no command \(path.joined(separator: " "))")
    return Set(help.output.matches(of: /--[a-z][a-z-]*/).map { String($0.0) })
  }
}

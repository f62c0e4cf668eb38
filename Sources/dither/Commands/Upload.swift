import ArgumentParser
import DitherBasics
import DitherClient
import DitherGraph
import DitherInference
import DitherProto
import DitherStore
import Foundation

/// `dither upload`: a new version of a model.
struct UploadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upload",
    abstract: "Send an ONNX file to a server, which checks and tries it before it becomes visible.",
    discussion: """
      An upload that was cut goes on where it stopped: run the same command again.

      Example: dither upload model.onnx --name shoes --card shoes.card.json --alias best
      Example: dither upload model.onnx --name shoes --noise weights:gaussian,sigma=0.03
      Example: dither upload model.onnx --name shoes --noise auto --data held-out.npz
      """)

  @Argument(help: "The ONNX file.")
  var file: String
  @Option(help: "The model's name in the registry. (default: the file's name)")
  var name: String?
  @Option(
    help: """
      What the model is: Markdown behind facts in YAML (.md), as Hugging Face has it, or JSON. (default: the file beside it \
      that ends in .card.md, else in .card.json)
      """)
  var card: String?
  @Option(name: .customLong("alias"), help: "An alias that shall point at the new version; repeat.")
  var aliases: [String] = []
  @Option(help: "Sign what is sent: PEM file of an Ed25519 private key.")
  var signKey: String?
  @Option(
    name: .customLong("signature"), help: "File of signatures of what is sent, as 'dither models sign --out' writes it."
  )
  var signatureFile: String?
  @Option(
    help: """
      What the model's outputs are, written into the file's metadata: \(OutputKind.allCases.map(\.rawValue).joined(separator: ", ")). \
      (default: what its nodes, a trial and its metadata say)
      """)
  var outputKind: OutputKind?
  @Option(
    help: """
      The name of the output that is the answer, written into the file's metadata, where it has several. (default: what its \
      metadata says, or the one whose name and form are those of classes)
      """)
  var output: String?
  @Option(
    help: """
      What the model answers, written into the file's metadata: \(ModelTask.names.joined(separator: ", ")). \
      (default: what its metadata says, or the form of its output)
      """)
  var task: String?
  @OptionGroup var shape: ShapeOptions
  @OptionGroup(title: "Noise (--noise auto: chosen on --data, as 'dither tune' does)") var noise: NoiseOptions
  @OptionGroup var tuning: TuneOptions
  @Flag(help: "Print one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  /// Whether the noise is to be chosen on data.
  private var isTuned: Bool { noise.specs.contains("auto") }

  func validate() throws {
    if isTuned, noise.specs.count > 1 { throw ValidationError("--noise auto stands alone") }
    if isTuned, tuning.data == nil { throw ValidationError("--noise auto chooses on data: say --data too") }
    if !isTuned, tuning.isSaid { throw ValidationError("--data, --candidate and --folds go with --noise auto") }
    guard let task, !ModelTask.names.contains(task) else { return }
    let advice = nearest(to: task, among: ModelTask.names).map { "; did you mean '\($0)'?" } ?? ""
    throw ValidationError("--task: expected one of \(ModelTask.names.joined(separator: ", "))\(advice)")
  }

  func run() async throws {
    let path = self.file
    var card = try cardText(), bytes = try ReadFile.naming(path) { try shape.laid(over: ModelFile.read(path)) }
    if isTuned {
      let tuned = try TunedFile(bytes, tuning, samples: nil, seed: 0)
      if !json { tuned.show() }
      (bytes, card) = (tuned.bytes, try tuned.card(from: card))
    } else {
      bytes = try noise.laid(over: bytes)
    }
    let words = [
      (Graph.outputKey, output), (Graph.outputKindKey, outputKind?.rawValue), (ModelSignature.taskKey, task),
    ]
    for (key, word) in words {
      if let word { bytes = OnnxMetadata.adding(word, for: key, to: bytes) }
    }
    let file = bytes, description = card
    let hash = Sha256.hash(file), signatures = try signatures(of: hash)
    let name = name ?? URL(filePath: self.file).deletingPathExtension().lastPathComponent
    let response = try await server.withClient { client in
      try await Self.retrying(path) {
        try await client.upload(
          file, as: name, sha256: hash.hex, card: description, aliases: aliases, signatures: signatures,
          progress: { sent in
            if Console.isTerminal { Console.write("\r\u{1B}[Ksent \(byteText(sent)) of \(byteText(file.count))") }
          })
      }
    }
    if Console.isTerminal { Console.write("\n") }
    if json {
      try Json.print(
        Answer(existed: response.existed, model: ModelDescription(response.model), warnings: response.warnings))
    } else {
      for warning in response.warnings { print("warning: \(warning)") }
      let model = response.model
      print("\(model.name)@\(model.version)  \(model.digest)\(response.existed ? "  (was there already)" : "")")
      let signature = ModelDescription.Signature(model.signature)
      if let note = signature.taskNote, signature.task != "classification" { print("\(signature.task): \(note)") }
    }
  }

  /// Another upload of the same file may take over, or move the place where to go on: then again, for some seconds.
  private static func retrying<Result>(_ path: String, _ body: () async throws -> Result) async throws -> Result {
    var attempt = 1
    while true {
      do { return try await body() } catch let error as CallError {
        guard attempt < 8, [.aborted, .outOfRange].contains(error.code) else { throw ReadFile.naming(path, in: error) }
        try await Task.sleep(for: .milliseconds(100 << attempt))
      }
      attempt += 1
    }
  }

  private func signatures(of hash: Sha256.Digest) throws -> [Dither_V1_FileSignature] {
    var found: [FileSignature] = []
    if let signatureFile {
      let text = String(decoding: try FileArray.read(signatureFile), as: UTF8.self)
      found = try ReadFile.naming(signatureFile) { try FileSignature.lines(text) }
    }
    if let signKey { found.append(try SigningKey(signKey).signature(of: hash.description)) }
    return found.map { .init($0) }
  }

  private func cardText() throws -> String {
    let stem = URL(filePath: file).deletingPathExtension()
    let beside = ["card.md", "card.json"].map { stem.appendingPathExtension($0).path }
    guard let path = card ?? beside.first(where: { FileManager.default.fileExists(atPath: $0) }) else { return "" }
    return try CardFile.json(of: path)
  }

  private struct Answer: Encodable {
    var existed: Bool
    var model: ModelDescription
    var warnings: [String]
  }
}

import ArgumentParser
import DitherClient
import DitherProto
import DitherReports
import DitherService
import Foundation

/// `dither models`: what the registry holds.
struct ModelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "List, show, describe, name, sign, watch, download, remove and restore the models of a server.",
    discussion: "Example: dither models list",
    subcommands: [
      List.self, Show.self, Card.self, Describe.self, Revisions.self, Alias.self, Rollout.self, Rollouts.self,
      ModelDrift.self, Sign.self,
      Download.self,
      Remove.self, Restore.self,
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List every version, newest first.", discussion: "Example: dither models list fashion --json")
    @Argument(help: "Only names that begin so.")
    var prefix = ""
    @Option(name: .customLong("tag"), help: "Only those that have this tag: KEY, or KEY=VALUE; repeat.")
    var tags: [String] = []
    @Flag(help: "Those that were removed and can be restored.")
    var removed = false
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let models = try await server.withClient {
        removed
          ? try await $0.listRemovedModels(prefix: prefix, tags: tags)
          : try await $0.listModels(prefix: prefix, tags: tags)
      }
      if json { return try Json.print(["models": models.map(ModelDescription.init)]) }
      if removed {
        let rows = models.map {
          [
            "\($0.name)@\($0.version)", byteText($0.bytes), timeText($0.removal.removedMs), $0.removal.removedBy,
            timeText($0.removal.keptUntilMs),
          ]
        }
        return print(table([["model", "size", "removed", "by", "kept until"]] + rows))
      }
      let rows = models.map { model in
        [
          "\(model.name)@\(model.version)", model.aliases.joined(separator: ","),
          "\(model.signature.inputShape.dropFirst()) → \(ModelDescription.Signature(model.signature).answer)",
          model.noiseJson.isEmpty ? "" : "noise", byteText(model.bytes), String(model.digest.prefix(19)),
        ]
      }
      print(table([["model", "aliases", "shape", "noise", "size", "digest"]] + rows))
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one version with its card.", discussion: "Example: dither models show mnist-mlp-noise:best")
    @Argument(help: "name, name@version or name:alias.")
    var model: String
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let found = try await server.withClient { try await $0.model(model) }
      if json { try Json.print(ModelDescription(found)) } else { ModelDescription(found).show() }
    }
  }

  struct Alias: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Point an alias at a version.", discussion: "Example: dither models alias mnist-mlp-noise@2 best")
    @Argument(help: "name@version.")
    var model: String
    @Argument(help: "The alias, then used as name:alias.")
    var alias: String
    @Option(help: "Move it only from this version; 0: only if there is no such alias yet.")
    var expectedVersion: UInt64?
    @Flag(
      help:
        "Wait until every live server that shares the database has it; end with 5 and their names where some have not.")
    var everywhere = false
    @Option(help: "Move it only if this audit of the version is done and all of its gates are kept.")
    var requireGates: String?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let found = try await server.withClient(patience: nil) {
        try await $0.setAlias(
          alias, to: model, expectedVersion: expectedVersion, everywhere: everywhere, requiringGatesOf: requireGates)
      }
      if json { return try Json.print(ModelDescription(found)) }
      print("\(found.name):\(alias) is \(found.name)@\(found.version)")
    }
  }
}

/// A model as `--json` prints it.
struct ModelDescription: Encodable {
  private enum CodingKeys: String, CodingKey {
    case name, version, digest, aliases, bytes, created, createdBy, defaultSamples, signature, card, noise, tags
    case revision, signedBy, calibration, removed, removedBy, keptUntil
  }
  struct Signature: Encodable {
    struct Input: Encodable {
      var name: String
      var type: String
      var shape: [Int64]
    }
    var inputName: String
    var inputShape: [Int64]
    /// All that it takes; nil: the server does not say.
    var inputs: [Input]?
    var outputName: String
    var outputShape: [Int64]
    var classes: UInt32
    var labelNames: [String]
    var task: String
    /// How the task was told, where the file does not say it.
    var taskNote: String?
    /// As `logits`, with how it was told.
    var outputKind: String?
    var outputKindNote: String?

    init(_ message: Dither_V1_Signature) {
      inputName = message.inputName
      inputShape = message.inputShape
      inputs =
        message.inputs.isEmpty
        ? nil
        : message.inputs.map { input in
          let type =
            switch input.type {
            case .float32: "float32"
            case .int64: "int64"
            case .uint8: "bool"
            case .unspecified, .UNRECOGNIZED: "other"
            }
          return Input(name: input.name, type: type, shape: input.shape)
        }
      outputName = message.outputName
      outputShape = message.outputShape
      classes = message.classes
      labelNames = message.labelNames
      task = message.task.isEmpty ? "classification" : message.task
      taskNote = message.taskNote.isEmpty ? nil : message.taskNote
      outputKind = message.outputKind.isEmpty ? nil : message.outputKind
      outputKindNote = message.outputKindNote.isEmpty ? nil : message.outputKindNote
    }

    /// "10 classes", "1 value".
    var answer: String {
      let width = classes > 0 ? Int64(classes) : outputShape.last ?? 0
      return "\(width) " + (classes > 0 ? "classes" : width == 1 ? "value" : "values")
    }
  }
  struct Signer: Encodable {
    /// In base64.
    var key: String
    var signature: String
    var created: String
    var createdBy: String
    var trusted: Bool

    init(_ message: Dither_V1_Model.SignedBy) {
      key = message.signature.publicKey
      signature = message.signature.signature.base64EncodedString()
      created = timeText(message.createdMs)
      createdBy = message.createdBy
      trusted = message.trusted
    }
  }
  var name: String
  var version: UInt64
  var digest: String
  var aliases: [String]
  var bytes: UInt64
  var created: String
  var createdBy: String
  var defaultSamples: UInt32
  var signature: Signature
  var card: JsonValue?
  var noise: JsonValue?
  var tags: [String: String]
  /// The number of its card and tags.
  var revision: UInt64
  var signedBy: [Signer]
  /// The newest; nil: it has none.
  var calibration: CalibrationDescription?
  /// Its calibration in words.
  private var calibrated: [[String]] = []
  /// Said of a version that can be restored.
  var removed: String?
  var removedBy: String?
  var keptUntil: String?

  init(_ model: Dither_V1_Model) {
    name = model.name
    version = model.version
    digest = model.digest
    aliases = model.aliases
    bytes = model.bytes
    created = timeText(model.createdMs)
    createdBy = model.createdBy
    defaultSamples = model.defaultSamples
    signature = Signature(model.signature)
    card = JsonValue(text: model.cardJson)
    noise = JsonValue(text: model.noiseJson)
    tags = model.tags
    revision = model.revision
    signedBy = model.signedBy.map(Signer.init)
    if model.hasCalibration {
      let names = model.signature.labelNames
      calibration = CalibrationDescription(model.calibration, names: names)
      calibrated = model.calibration.facts(names: names).map { [$0.name, $0.words] }
    }
    guard model.hasRemoval else { return }
    removed = timeText(model.removal.removedMs)
    removedBy = model.removal.removedBy
    keptUntil = timeText(model.removal.keptUntilMs)
  }

  func show() {
    var rows = [
      ["model", "\(name)@\(version)"], ["digest", digest], ["aliases", aliases.joined(separator: ", ")],
      ["size", "\(bytes) bytes"], ["created", createdBy.isEmpty ? created : "\(created) by \(createdBy)"],
      [
        "input",
        signature.inputs?.map { "\($0.name) \($0.type == "float32" ? "" : "\($0.type) ")\($0.shape)" }
          .joined(separator: ", ") ?? "\(signature.inputName) \(signature.inputShape)",
      ],
      ["output", "\(signature.outputName) \(signature.outputShape), \(signature.answer)"],
      ["task", "\(signature.task)\(signature.taskNote.map { ": \($0)" } ?? "")"],
      ["output is", signature.outputKind.map { "\($0): \(signature.outputKindNote ?? "")" } ?? ""],
      ["labels", signature.labelNames.joined(separator: ", ")],
      ["samples", "\(defaultSamples) unless asked otherwise"],
    ]
    if let noise { rows.append(["noise", noise.text]) }
    rows += calibrated
    rows.append(["tags", tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")])
    for signer in signedBy {
      rows.append(["signed", "ed25519:\(signer.key)\(signer.trusted ? ", a key of the server's keyring" : "")"])
    }
    if revision > 0 { rows.append(["revision", "\(revision): dither models revisions \(name)@\(version)"]) }
    if let card, let written = ModelCard(json: card.text) {
      rows += written.shown.map { [$0.key, $0.words] }
      rows.append(["card", "\(written.text.split(separator: "\n").count) lines: dither models card \(name)@\(version)"])
    } else if let card {
      rows.append(["card", card.text])
    }
    print(table(rows.filter { !$0[1].isEmpty }))
  }
}

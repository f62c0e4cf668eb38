import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import DitherReports
import Foundation

extension ModelsCommand {
  /// `dither models card`: a version's card as Markdown.
  struct Card: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a version's card as Hugging Face has it: Markdown behind facts in YAML.",
      discussion: """
        A card that was uploaded as Markdown comes back as it was. Of any other it is made: from the record of the training, \
        the signature, and the newest finished audit of that version, with the digest of its report.

        Example: dither models card mnist-mlp-noise --license apache-2.0 --out README.md
        """)
    @Argument(help: "name, name@version or name:alias.")
    var model: String
    @Option(help: "An audit of this version. (default: its newest that is done)")
    var audit: String?
    @Option(help: "The license, as SPDX and Hugging Face write it: apache-2.0. (default: unknown)")
    var license: String?
    @Flag(help: "Make it anew where one was uploaded as Markdown.")
    var anew = false
    @Option(help: "Where to write it. (default: standard output)")
    var out: String?
    @Flag(help: "Print the facts and the text as one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let card = try await server.withClient { client in
        let found = try await client.model(model)
        if !anew, license == nil, audit == nil, let kept = ModelCard(json: found.cardJson) { return kept }
        var draft = CardDraft(
          name: found.name, record: found.cardJson,
          inputShape: found.signature.inputShape.dropFirst().map { Int(clamping: $0) })
        draft.task = found.signature.task.isEmpty ? nil : found.signature.task
        draft.license = license
        draft.digest = found.digest
        draft.audit = try await Self.figures(of: found, audit, client)
        return draft.card
      }
      if let out { try OutputFile.write(card.markdown.utf8, to: out) }
      if json { return Json.show(card.json.utf8) }
      guard out == nil else { return }
      // As it is into a file or a pipe; what is shown acts on no terminal.
      guard isatty(STDOUT_FILENO) == 1 else {
        return try FileHandle.standardOutput.write(contentsOf: Data(card.markdown.utf8))
      }
      print(card.markdown.shown(keepsLines: true), terminator: "")
    }

    private static func figures(
      of model: Dither_V1_Model, _ audit: String?, _ client: DitherClient
    ) async throws -> AuditFigures? {
      let audits = try await client.listAudits(of: model.name).filter { $0.version == model.version }
      let chosen: Dither_V1_AuditState?
      if let audit {
        chosen = audits.first { $0.audit == audit }
        guard chosen?.state == .done else {
          throw CommandError(
            .badOption, at: "--audit", expected: "a finished audit of \(model.name)@\(model.version)",
            got: "'\(audit.clipped())'", advice: "see 'dither audits list'")
        }
      } else {
        chosen = audits.filter { $0.state == .done }.max { $0.createdMs < $1.createdMs }
      }
      guard let chosen else { return nil }
      let report = try await client.report(of: chosen.audit, .json)
      return AuditFigures(
        id: chosen.audit, battery: chosen.battery, date: timeText(chosen.createdMs), report: Array(report.json))
    }
  }
}

import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import Foundation

extension ModelsCommand {
  /// `dither models describe`: other tags, another card.
  struct Describe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change the tags and the card of a version; what they were stays on record.",
      discussion: "Example: dither models describe shoes@2 --tag stage=trial --drop-tag owner --card shoes.card.md")
    @Argument(help: "name, name@version or name:alias.")
    var model: String
    @Option(name: .customLong("tag"), help: "KEY=VALUE that it shall have; repeat.")
    var tags: [String] = []
    @Option(name: .customLong("drop-tag"), help: "The key of a tag that shall go; repeat.")
    var droppedTags: [String] = []
    @Option(help: "Its new card: Markdown behind facts in YAML (.md), or JSON.")
    var card: String?
    @Option(help: "Change it only where it is at this revision; 0: as it was published.")
    var expectedRevision: UInt64?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func validate() throws {
      if tags.isEmpty, droppedTags.isEmpty, card == nil {
        throw ValidationError("nothing to change: say --tag, --drop-tag or --card")
      }
      _ = try pairs
    }

    private var pairs: [String: String] {
      get throws {
        var pairs: [String: String] = [:]
        for tag in tags {
          let parts = tag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
          guard parts.count == 2, pairs.updateValue(parts[1], forKey: parts[0]) == nil else {
            throw ValidationError("--tag: expected KEY=VALUE, each key once, got '\(tag.clipped())'")
          }
        }
        return pairs
      }
    }

    func run() async throws {
      var request = Dither_V1_DescribeModelRequest()
      request.model = model
      request.tags = try pairs
      request.droppedTags = droppedTags
      if let card { request.cardJson = try CardFile.json(of: card) }
      request.expected = expectedRevision.map { .expectedRevision($0) }
      let asked = request
      let found = try await server.withClient { try await $0.describe(asked) }
      if json { return try Json.print(ModelDescription(found)) }
      print("\(found.name)@\(found.version) is at revision \(found.revision)")
    }
  }

  /// `dither models revisions`: the cards and tags that a version has had.
  struct Revisions: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the cards and tags that a version has had, newest first.",
      discussion: "With --json the cards are whole. Example: dither models revisions shoes@2")
    @Argument(help: "name, name@version or name:alias.")
    var model: String
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      let revisions = try await server.withClient { try await $0.listRevisions(of: model) }.map(Revision.init)
      if json { return try Json.print(["revisions": revisions]) }
      print(
        table(
          [["revision", "at", "by", "card", "tags"]]
            + revisions.map { revision in
              [
                "\(revision.number)", revision.created, revision.createdBy, revision.isCardNew ? "new" : "",
                revision.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", "),
              ]
            }))
    }

    private struct Revision: Encodable {
      var number: UInt64
      var created: String
      var createdBy: String
      /// nil: as in the one before, or none.
      var card: JsonValue?
      var isCardNew: Bool
      var tags: [String: String]

      init(_ revision: Dither_V1_ListRevisionsResponse.Revision) {
        number = revision.number
        created = timeText(revision.createdMs)
        createdBy = revision.createdBy
        if case .cardJson(let text)? = revision.card { card = JsonValue(text: text) }
        isCardNew = revision.card != nil
        tags = revision.tags
      }
    }
  }
}

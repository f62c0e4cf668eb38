import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import DitherStore
import Foundation

/// `dither trail`: who did what to models and tokens.
struct TrailCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trail", abstract: "Show who did what to a server's models and tokens, and check that record.",
    discussion: "Takes a token of the role admin. Example: dither trail list --subject shoes",
    subcommands: [List.self, Check.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List entries, newest first.",
      discussion: "Example: dither trail list --subject shoes --action alias.move")
    @Option(help: "Of this caller alone: the name of a token.")
    var who: String?
    @Option(help: "Of this action alone: \(TrailAction.allCases.map(\.rawValue).joined(separator: ", ")).")
    var action: String?
    @Option(help: "Of this subject alone: a model with its versions and aliases, name@version, name:alias, a token.")
    var subject: String?
    @Option(help: "The newest so many; 0: all.")
    var most = 50
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func validate() throws {
      if most < 0 { throw ValidationError("--most: expected 0 or more, got \(most)") }
    }

    func run() async throws {
      var request = Dither_V1_ListTrailRequest()
      request.who = who ?? ""
      request.action = action ?? ""
      request.subject = subject ?? ""
      var entries: [Entry] = []
      let most = most == 0 ? Int.max : most, asked = request
      try await server.withClient { client in
        try await TrailCommand.each(asked, most: most, client) { entries.append(Entry($0)) }
      }
      if json { return try Json.print(["entries": entries]) }
      print(
        table(
          [["", "at", "who", "action", "subject", ""]]
            + entries.map { ["\($0.number)", $0.at, $0.who, $0.action, $0.subject, $0.detail] }))
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check that no entry was changed, taken out or put between.",
      discussion: """
        Reads the whole trail and makes each entry's hash anew. The end that it prints, NUMBER:HASH, is to be noted elsewhere: \
        given as --head later, it shows that the trail was not made anew or cut off since. Ends with 1 where the trail is broken.

        Example: dither trail check
        """)
    @Option(help: "The end that an earlier check printed: NUMBER:HASH.")
    var head: String?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var server: ServerOptions

    func run() async throws {
      var check = TrailCheck(noted: try head.map { try TrailHead($0) })
      var request = Dither_V1_ListTrailRequest()
      request.oldestFirst = true
      let asked = request
      try await server.withClient { client in
        try await TrailCommand.each(asked, most: .max, client) { try check.follow($0.entry) }
      }
      try check.finish()
      let end = TrailHead(check).map { "\($0)" }
      if json { return try Json.print(Answer(entries: check.number, head: end)) }
      print(end.map { "\(check.number) entries, a whole chain; its end: \($0)" } ?? "no entries")
    }

    private struct Answer: Encodable {
      var entries: Int64
      var head: String?
    }
  }

  /// Gives the entries of all pages to `body`, one by one.
  private static func each(
    _ request: Dither_V1_ListTrailRequest, most: Int, _ client: DitherClient,
    _ body: (Dither_V1_TrailEntry) throws -> Void
  ) async throws {
    var request = request, left = most
    repeat {
      request.pageSize = Int32(clamping: min(left, 1000))
      let page = try await client.listTrail(request)
      for entry in page.entries.prefix(left) { try body(entry) }
      left -= page.entries.count
      // A page of none gets nobody further.
      request.pageToken = page.entries.isEmpty ? "" : page.nextPageToken
    } while left > 0 && !request.pageToken.isEmpty
  }

  /// An entry as `--json` prints it.
  private struct Entry: Encodable {
    var number: Int64
    var at: String
    var atMs: Int64
    var who: String
    var action: String
    var subject: String
    var detail: String
    var hash: String

    init(_ entry: Dither_V1_TrailEntry) {
      number = entry.number
      at = timeText(entry.atMs)
      atMs = entry.atMs
      who = entry.who
      action = entry.action
      subject = entry.subject
      detail = entry.detail
      hash = entry.hash
    }
  }
}

extension Dither_V1_TrailEntry {
  fileprivate var entry: TrailEntry {
    TrailEntry(
      number: number, milliseconds: atMs, who: who, action: action, subject: subject, detail: detail, hash: hash)
  }
}

import ArgumentParser
import DitherBasics
import DitherStore
import Foundation

/// `dither tokens`: who may call. Works on the state directory, beside a server that may be running.
struct TokensCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens",
    abstract: "Make, list and revoke the tokens of a server, in its state directory or its database.",
    discussion: "Example: dither tokens create --name app --role predict",
    subcommands: [Create.self, List.self, Revoke.self])

  enum Role: String, CaseIterable, ExpressibleByArgument { case predict, audit, publish, admin }

  struct State: ParsableArguments {
    @Option(name: .customLong("state"), help: "The server's state directory.")
    var path = StateDirectory.standard
    @OptionGroup var store: StoreOptions

    func tokens() async throws -> any TokenRecords {
      try await store.open(in: path).tokens(by: "local:\(NSUserName().clipped(to: 64))")
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token and print it, this once.",
      discussion: "Example: dither tokens create --name app --role predict --role audit")
    @Option(help: "What to call it.")
    var name: String
    @Option(
      name: .customLong("role"), help: "predict, audit, publish (uploads, aliases, removal) or admin (all); repeat.")
    var roles: [Role] = [.predict]
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var state: State

    func run() async throws {
      let secret = try await state.tokens().create(name, roles: roles.map(\.rawValue))
      if json { return try Json.print(Answer(name: name, roles: roles.map(\.rawValue), token: secret)) }
      print(secret)
      Console.note("'\(name)' may \(roles.map(\.rawValue).joined(separator: ", ")); this token is not shown again")
    }

    private struct Answer: Encodable {
      var name: String
      var roles: [String]
      var token: String
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the tokens, the revoked included.", discussion: "Example: dither tokens list --json")
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var state: State

    func run() async throws {
      let tokens = try await state.tokens().list().map(Answer.init)
      if json { return try Json.print(["tokens": tokens]) }
      print(
        table(
          [["name", "roles", "created", "revoked"]]
            + tokens.map { [$0.name, $0.roles.joined(separator: ","), $0.created, $0.revoked ?? ""] }))
    }

    private struct Answer: Encodable {
      var name: String
      var roles: [String]
      var created: String
      var revoked: String?

      init(_ token: Token) {
        name = token.name
        roles = token.roles
        created = timeText(token.createdMilliseconds)
        revoked = token.revokedMilliseconds.map(timeText)
      }
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token worthless, at once.", discussion: "Example: dither tokens revoke app")
    @Argument(help: "Its name.")
    var name: String
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var state: State

    func run() async throws {
      try await state.tokens().revoke(name)
      if json { return try Json.print(["revoked": name]) }
      print("revoked \(name)")
    }
  }
}

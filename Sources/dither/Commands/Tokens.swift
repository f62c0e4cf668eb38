import ArgumentParser
import DitherBasics
import DitherStore
import Foundation

/// `dither tokens`: who may call. Works on the state directory, beside a server that may be running.
struct TokensCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens",
    abstract: "Make, list, rotate and revoke the tokens of a server, in its state directory or its database.",
    discussion: "Example: dither tokens create --name app --role predict --model 'fashion-*' --expires 30d",
    subcommands: [Create.self, List.self, Rotate.self, Revoke.self])

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
      discussion: "Example: dither tokens create --name app --role predict --role audit --expires 90d")
    @Option(help: "What to call it.")
    var name: String
    @Option(
      name: .customLong("role"), help: "predict, audit, publish (uploads, aliases, removal) or admin (all); repeat.")
    var roles: [Role] = [.predict]
    @Option(
      name: .customLong("model"),
      help: "A pattern of the names of models that it is for, as 'fashion-*'; repeat. (default: all models)")
    var models: [String] = []
    @Option(help: "How long it is good (\(TimeSpan.form)). (default: until it is revoked)")
    var expires: TimeSpan?
    @Option(help: "Calls that it may make in each second; 0: no bound. (default: the server's setting)")
    var callsPerSecond: Int?
    @Option(
      help: "Draws of rows that it may have predicted in each second; 0: no bound. (default: the server's setting)")
    var samplesPerSecond: Int?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var state: State

    func run() async throws {
      let grant = TokenGrant(
        roles: roles.map(\.rawValue), models: models, lifetime: expires?.duration, callsPerSecond: callsPerSecond,
        samplesPerSecond: samplesPerSecond)
      let secret = try await state.tokens().create(name, grant)
      if json {
        return try Json.print(
          Answer(name: name, roles: grant.roles, models: models.isEmpty ? nil : models, token: secret))
      }
      print(secret)
      let scope = models.isEmpty ? "" : " with \(models.joined(separator: ", "))"
      Console.note("'\(name)' may \(grant.roles.joined(separator: ", "))\(scope); this token is not shown again")
    }

    private struct Answer: Encodable {
      var name: String
      var roles: [String]
      var models: [String]?
      var token: String
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the tokens, those included that are revoked or have expired.",
      discussion: "Example: dither tokens list --json")
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var state: State

    func run() async throws {
      let tokens = try await state.tokens().list().map(Answer.init)
      if json { return try Json.print(["tokens": tokens]) }
      print(
        table(
          [["name", "roles", "models", "calls/s", "samples/s", "created", "rotated", "expires", "revoked"]]
            + tokens.map { token in
              [
                token.name, token.roles.joined(separator: ","), token.models?.joined(separator: ",") ?? "",
                Self.rate(token.callsPerSecond), Self.rate(token.samplesPerSecond), token.created,
                token.rotated ?? "", token.expires ?? "", token.revoked ?? "",
              ]
            }))
    }

    /// Without one the server's setting holds.
    private static func rate(_ bound: Int?) -> String { bound.map { $0 == 0 ? "any" : "\($0)" } ?? "" }

    private struct Answer: Encodable {
      var name: String
      var roles: [String]
      var models: [String]?
      var callsPerSecond: Int?
      var samplesPerSecond: Int?
      var created: String
      /// When its secret was made, where that is not its first.
      var rotated: String?
      /// The end of the secret before it, while that is to come.
      var previousUntil: String?
      var expires: String?
      var revoked: String?

      init(_ token: Token) {
        name = token.name
        roles = token.roles
        models = token.models.isEmpty ? nil : token.models
        callsPerSecond = token.callsPerSecond
        samplesPerSecond = token.samplesPerSecond
        created = timeText(token.createdMilliseconds)
        if token.issuedMilliseconds != token.createdMilliseconds { rotated = timeText(token.issuedMilliseconds) }
        previousUntil = token.previousUntilMilliseconds.flatMap { $0 > millisecondsNow() ? timeText($0) : nil }
        expires = token.expiresMilliseconds.map(timeText)
        revoked = token.revokedMilliseconds.map(timeText)
      }
    }
  }

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a token a new secret and print it, this once; the old one goes on for a while.",
      discussion: """
        Roles, models and bounds stay. A token that expires lives as long from now on as it did from its last secret, \
        unless --expires says otherwise. Of three secrets only the last two are good.

        Example: dither tokens rotate app --overlap 1h
        """)
    @Argument(help: "Its name.")
    var name: String
    @Option(help: "How long the old secret goes on, 0s to 30d (\(TimeSpan.form)).")
    var overlap = TimeSpan.day
    @Option(help: "How long the new secret is good. (default: as long as the old one was)")
    var expires: TimeSpan?
    @Flag(help: "Print one JSON object.")
    var json = false
    @OptionGroup var state: State

    func run() async throws {
      let secret = Token.secret()
      let token = try await state.tokens().rotate(
        name, secret: secret, overlap: overlap.duration, lifetime: expires?.duration)
      let until = timeText(token.previousUntilMilliseconds ?? token.issuedMilliseconds)
      let end = token.expiresMilliseconds.map(timeText)
      if json { return try Json.print(Answer(name: name, token: secret, previousUntil: until, expires: end)) }
      print(secret)
      Console.note(
        "the old secret of '\(name)' is good until \(until)\(end.map { ", this one until \($0)" } ?? ""); "
          + "it is not shown again")
    }

    private struct Answer: Encodable {
      var name: String
      var token: String
      var previousUntil: String
      var expires: String?
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

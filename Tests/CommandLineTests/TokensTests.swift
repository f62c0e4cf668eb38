import DitherTestSupport
import Foundation
import Testing

@Suite("dither tokens", .enabled(if: Program.isBuilt, "dither is not built"))
struct TokensTests {
  private static func token(_ result: Program.Result) -> String {
    result.output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  @Test("what a token was given is listed; a rotation and an end too")
  func listed() throws {
    let scratch = try Scratch(), state = ["--state", scratch.file("state")]
    let made = try Program.run(
      [
        "tokens", "create", "--name", "app", "--role", "predict", "--role", "audit", "--model", "fashion-*", "--model",
        "net", "--expires", "30d", "--calls-per-second", "5", "--samples-per-second", "0",
      ] + state)
    #expect(made.status == 0 && Self.token(made).hasPrefix("dither_"), "\(made.errors)")
    #expect(made.errors.contains("predict, audit with fashion-*, net"))
    let rotated = try Program.run(["tokens", "rotate", "app", "--overlap", "1h", "--json"] + state)
    let answer = try rotated.json()
    #expect(rotated.status == 0 && answer["token"] as? String != Self.token(made), "\(rotated.errors)")
    #expect(answer["previous_until"] != nil && answer["expires"] != nil)
    let tokens = try Program.run(["tokens", "list", "--json"] + state).json()["tokens"] as? [[String: Any]]
    let token = try #require(tokens?.first)
    #expect(token["models"] as? [String] == ["fashion-*", "net"] && token["calls_per_second"] as? Int == 5)
    #expect(token["samples_per_second"] as? Int == 0 && token["rotated"] != nil && token["expires"] != nil)
    let table = try Program.run(["tokens", "list"] + state)
    #expect(table.output.contains("fashion-*,net") && !table.output.contains(Self.token(made)))
  }

  @Test(
    "mistakes are told before anything is made",
    arguments: [
      (["create", "--name", "a", "--expires", "soon"], "soon"), (["create", "--name", "a", "--expires", "3w"], "3w"),
      (["create", "--name", "a", "--model", "x y"], "'x y'"),
      (["create", "--name", "a", "--expires", "0s"], "lifetime"),
      (["create", "--name", "a", "--calls-per-second=-1"], "calls per second"), (["rotate", "a"], "live token"),
      (["rotate", "a", "--overlap", "31d"], "30 days"),
    ])
  func mistakes(_ row: (arguments: [String], says: String)) throws {
    let scratch = try Scratch(), state = ["--state", scratch.file("state")]
    let result = try Program.run(["tokens"] + row.arguments + state)
    #expect([2, 3].contains(result.status) && result.errors.contains(row.says), "\(result.status) \(result.errors)")
    let tokens = try Program.run(["tokens", "list", "--json"] + state).json()["tokens"] as? [[String: Any]]
    #expect(tokens?.isEmpty == true)
  }

  @Test("a server holds callers to their models and their pace, and knows rotated secrets without a restart")
  func served() throws {
    let scratch = try Scratch()
    let server = try LiveServer(
      state: scratch, arguments: ["--models", "models", "--calls-per-second", "1000"])
    let state = ["--state", scratch.file("state")]
    func dither(_ token: String, _ arguments: String...) throws -> Program.Result {
      try Program.run(arguments, environment: server.environment.merging(["DITHER_TOKEN": token]) { $1 })
    }
    let made = try Program.run(["tokens", "create", "--name", "app", "--model", "mnist-*"] + state)
    let first = Self.token(made)
    let listed = try dither(first, "models", "list")
    #expect(listed.status == 0 && listed.output.contains("mnist-mlp-noise") && !listed.output.contains("fashion"))
    let refused = try dither(first, "models", "show", "fashion-mlp-noise")
    #expect(refused.status == 4 && refused.errors.contains("dither tokens create --model"), "\(refused.errors)")
    let second = Self.token(try Program.run(["tokens", "rotate", "app", "--overlap", "0s"] + state))
    usleep(600_000)
    let ended = try dither(first, "models", "list")
    #expect(ended.status == 4 && ended.errors.contains("dither tokens rotate app"), "\(ended.errors)")
    #expect(try dither(second, "models", "list").status == 0)
    let slow = Self.token(try Program.run(["tokens", "create", "--name", "slow", "--calls-per-second", "1"] + state))
    // Who waits long enough between two gets both.
    let statuses = try (0..<12).map { _ in try dither(slow, "models", "list").status }
    #expect(statuses[0] == 0 && statuses.allSatisfy { [0, 6].contains($0) })
  }

  @Test("the first token is not in a journal, but in a file of its owner's")
  func firstToken() throws {
    let scratch = try Scratch(), path = scratch.file("state/first-token")
    let server = try LiveServer(state: scratch)
    // It is told with the addresses, which come behind the ready file.
    for _ in 0..<600 where !FileManager.default.fileExists(atPath: path) { usleep(50_000) }
    let token = try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(token.hasPrefix("dither_") && mode == 0o600)
    let listed = try Program.run(
      ["models", "list"], environment: server.environment.merging(["DITHER_TOKEN": token]) { $1 })
    #expect(listed.status == 0, "\(listed.errors)")
    for file in ["server.out", "server.log"] {
      let text = try String(contentsOfFile: scratch.file(file), encoding: .utf8)
      #expect(!text.contains("dither_") && (file != "server.out" || text.contains("first-token")), "\(text)")
    }
  }
}

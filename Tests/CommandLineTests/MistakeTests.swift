import DitherTestSupport
import Foundation
import Testing

/// Mistakes of a first hour: one sentence with the remedy, no library's words, no "defect".
@Suite("Mistakes", .serialized, .enabled(if: Program.isBuilt, "dither is not built"))
struct MistakeTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32
    var says: [String]
    var testDescription: String { arguments.joined(separator: " ") }
  }

  private static func isForPeople(_ text: String) -> Bool {
    let words = ["NIO", "BoringSSL", "checkouts", "errno", "Cocoa", "could not be completed", "\\u{"]
    return words.allSatisfy { !text.contains($0) } && text.split(separator: "\n").count == 1
  }

  @Test("of addresses, certificates and tokens") func connections() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), all = server.environment
    let plain = "dither+plain://127.0.0.1:"
    let framed = try #require(all["DITHER_ADDRESS"]?.split(separator: ":").last.map(String.init))
    let rows: [(String, [String: String], Int32, String)] = [
      ("no authority", ["DITHER_CA": ""], 2, "--ca"),
      ("an authority's file that is not there", ["DITHER_CA": scratch.file("none.pem")], 2, "no such file"),
      ("gRPC's port", ["DITHER_ADDRESS": "dither://127.0.0.1:\(server.grpcPort)"], 2, "prints as framed"),
      ("the console's port", ["DITHER_ADDRESS": "dither://127.0.0.1:\(server.httpPort)"], 2, "does not speak TLS"),
      ("no TLS", ["DITHER_ADDRESS": plain + framed], 5, "dither://127.0.0.1:\(framed)"),
      ("no server", ["DITHER_ADDRESS": "dither://127.0.0.1:1"], 5, "is `dither serve` running there?"),
      ("no scheme", ["DITHER_ADDRESS": "127.0.0.1:\(framed)"], 2, "did you mean 'dither://127.0.0.1:\(framed)'"),
      ("no token", ["DITHER_TOKEN": ""], 4, "dither login"), ("another token", ["DITHER_TOKEN": "x"], 4, "--token"),
    ]
    for (name, changes, status, words) in rows {
      let result = try Program.run(["models", "list"], environment: all.merging(changes) { $1 })
      #expect(result.status == status && result.errors.contains(words), "\(name): \(result.status) \(result.errors)")
      #expect(Self.isForPeople(result.errors), "\(name): \(result.errors)")
    }
  }

  @Test("of a start, after which the next one still shows its token") func starts() throws {
    let scratch = try Scratch(), other = try LiveServer(state: try Scratch())
    let taken = try #require(other.environment["DITHER_ADDRESS"]?.split(separator: ":").last.map(String.init))
    let state = scratch.file("state")
    let ports = ["--grpc-port", "0", "--http-port", "0"]
    let rows: [([String], Int32, String)] = [
      (["--framed-port", taken] + ports, 5, "--framed-port"),
      (["--listen", "127.0.0.1:\(taken)"], 5, "--listen"),
      (["--models", scratch.file("nothere"), "--framed-port", "0"] + ports, 2, "nothere"),
      (["--ready-file", scratch.file("no/ready.json"), "--framed-port", "0"] + ports, 2, "--ready-file"),
    ]
    for (arguments, status, words) in rows {
      let result = try Program.run(["serve", "--state", state] + arguments)
      #expect(result.status == status && result.errors.contains(words), "\(arguments): \(result.errors)")
      #expect(Self.isForPeople(result.errors), "\(arguments): \(result.errors)")
      let tokens = try Program.run("tokens", "list", "--state", state, "--json").json()
      #expect((tokens["tokens"] as? [Any])?.isEmpty == true, "\(arguments)")
    }
    let server = try LiveServer(state: scratch), shown = try Self.announced(scratch)
    #expect(shown.contains("first-token"), "\(shown)")
    server.kill()
    let next = try LiveServer(state: scratch), again = try Self.announced(scratch)
    #expect(again.contains("dither tokens create --state \(state)"), "\(again)")
    withExtendedLifetime(next) {}
  }

  /// All that a server says where it serves, which is a moment behind its ready file.
  private static func announced(_ scratch: Scratch) throws -> String {
    var text = ""
    for _ in 0..<500 where !text.contains("report key") {
      text = try String(contentsOfFile: scratch.file("server.out"), encoding: .utf8)
      usleep(10_000)
    }
    return text
  }

  @Test(
    "of words on the command line",
    arguments: [
      Row(arguments: ["serve", "--tls-certificate", "x"], status: 2, says: ["did you mean '--tls-cert'?"]),
      Row(arguments: ["pedict", "x"], status: 2, says: ["did you mean 'dither predict'?"]),
      Row(arguments: ["audits", "lst"], status: 2, says: ["did you mean 'dither audits list'?"]),
      Row(arguments: ["serve", "--framed-prot", "5"], status: 2, says: ["--framed-port"]),
      Row(arguments: ["trail", "--subject", "x", "--most-entries", "5"], status: 2, says: ["did you mean '--most'?"]),
    ])
  func words(_ row: Row) throws {
    let result = try Program.run(row.arguments)
    for words in row.says { #expect(result.errors.contains(words), "\(result.errors)") }
    #expect(result.status == row.status)
  }

  @Test("with --json an error is one object, on the last line of standard error, and the status is the same")
  func json() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch)
    let rows: [([String], Int32, [String: String])] = [
      (["models", "show", "nope"], 3, ["code": "NOT_FOUND", "place": "model", "got": "'nope'"]),
      (["run", "no-such.onnx", "--check"], 3, ["code": "NOT_FOUND", "place": "no-such.onnx", "got": "no such file"]),
      (["models", "list", "--token", "x"], 4, ["code": "UNAUTHENTICATED"]),
      (["models", "list", "--address", "dither://127.0.0.1:1"], 5, ["code": "UNAVAILABLE"]),
      (["predict", "m", "--samples", "x"], 2, ["code": "USAGE"]),
      (["audits", "lst"], 2, ["code": "USAGE", "advice": "did you mean 'dither audits list'?"]),
    ]
    for (arguments, status, wanted) in rows {
      let told = try Program.run(arguments + ["--json"], environment: server.environment)
      let plain = try Program.run(arguments, environment: server.environment)
      #expect(told.status == status && plain.status == status && told.output.isEmpty, "\(arguments): \(told.errors)")
      let line = try #require(told.errors.split(separator: "\n").last)
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      for (key, value) in wanted { #expect(object[key] as? String == value, "\(arguments), \(key): \(line)") }
      let hasWords = !((object["message"] as? String) ?? "").isEmpty
      #expect(object["status"] as? Int == Int(status) && hasWords, "\(line)")
    }
  }
}

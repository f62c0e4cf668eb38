import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// The registry as a team uses it, by commands.
@Suite("The registry", .enabled(if: Program.isBuilt, "dither is not built"))
struct RegistryTests {
  /// Its commands are run here, one behind the other.
  static let document = "docs/registry.md"

  private static let hasOpenssl = FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")

  @Test("the document's commands work, in their order", .enabled(if: hasOpenssl, "the openssl program is absent"))
  func document() throws {
    let scratch = try Scratch(), server = try LiveServer(state: try Scratch())
    try Data(TestNet.onnx()).write(to: URL(filePath: scratch.file("model.onnx")))
    // As it makes them.
    try Self.openssl("genpkey", "-algorithm", "ed25519", "-out", scratch.file("key.pem"))
    try Self.openssl("pkey", "-in", scratch.file("key.pem"), "-pubout", "-out", scratch.file("keyring.pem"))
    let commands = ShownCommand.blocks.filter { $0.document == Self.document }
    #expect(commands.count > 3)
    for shown in commands {
      let result = try Program.run(shown.words, environment: server.environment, in: URL(filePath: scratch.path))
      #expect(result.status == 0, "\(shown): \(result.errors)")
    }
  }

  /// A server with the model "net" of two versions, the second of which is "best".
  private static func server(_ scratch: Scratch, arguments: [String] = []) throws -> LiveServer {
    let server = try LiveServer(state: try Scratch(), arguments: arguments), model = scratch.file("net.onnx")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    for (version, aliases) in [(1, []), (2, ["--alias", "best"])] {
      try Data("{\"version\": \(version), \"trainedBy\": 7}".utf8).write(
        to: URL(filePath: scratch.file("net.card.json")))
      let up = try Program.run(["upload", model] + aliases, environment: server.environment)
      try #require(up.status == 0, "\(up.errors)")
    }
    return server
  }

  private static func names(_ server: LiveServer, _ arguments: String...) throws -> [String] {
    let found = try Program.run(["models", "list", "--json"] + arguments, environment: server.environment).json()
    return try #require(found["models"] as? [[String: Any]]).map { "\($0["name"] ?? "")@\($0["version"] ?? "")" }
  }

  @Test("a version that an alias names is refused, and a removal is taken back")
  func removal() throws {
    let scratch = try Scratch(), server = try Self.server(scratch)
    let refused = try server.dither("models", "remove", "net")
    #expect(refused.status == 2 && refused.errors.contains("'best'"), "\(refused.errors)")
    #expect(try server.dither("models", "remove", "net", "--force", "--json").json()["removed"] as? Int == 2)
    #expect(try Self.names(server).isEmpty)
    #expect(try Self.names(server, "--removed") == ["net@2", "net@1"])
    #expect(try server.dither("models", "list", "--removed").output.contains("kept until"))
    #expect(try server.dither("models", "restore", "net@1").output == "restored net@1\n")
    #expect(try Self.names(server) == ["net@1"])
    #expect(try server.dither("models", "remove", "net", "--purge").status == 0)
    let gone = try server.dither("models", "restore", "net")
    #expect(gone.status == 3 && gone.errors.contains("none is kept"), "\(gone.errors)")
  }

  @Test("who did what is on record, in a chain that is checked")
  func trail() throws {
    let scratch = try Scratch(), server = try Self.server(scratch)
    let listed = try server.dither("trail", "list", "--subject", "net", "--json").json()["entries"] as? [[String: Any]]
    #expect(
      listed?.map { "\($0["action"] ?? "") \($0["subject"] ?? "")" } == [
        "alias.move net:best", "model.upload net@2", "model.upload net@1",
      ])
    #expect(try server.dither("trail").output.contains("token.make"))
    let checked = try server.dither("trail", "check", "--json").json()
    let head = try #require(checked["head"] as? String)
    #expect(checked["entries"] as? Int == 4 && head.hasPrefix("4:"))
    #expect(try server.dither("models", "remove", "net@1").status == 0)
    #expect(try server.dither("trail", "check", "--head", head).output.hasPrefix("5 entries"))
    let other = "4:" + String(repeating: "0", count: 64)
    let broken = try server.dither("trail", "check", "--head", other)
    #expect(broken.status == 1 && broken.errors.contains("was noted"), "\(broken.errors)")
    #expect(try server.dither("trail", "check", "--head", "4").status == 2)
    let made = try server.dither("tokens", "create", "--name", "pub", "--role", "publish", "--state", server.folder)
    #expect(made.status == 0, "\(made.errors)")
    let token = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(try server.dither("trail", "--token", token).status == 4)
    let last = try server.dither("trail", "list", "--most", "1", "--json").json()["entries"] as? [[String: Any]]
    #expect(last?.count == 1 && (last?.first?["who"] as? String)?.hasPrefix("local:") == true)
    #expect(last?.first?["detail"] as? String == "roles=publish")
  }

  @Test("tags and cards change, are listed, and keep their history")
  func descriptions() throws {
    let scratch = try Scratch(), server = try Self.server(scratch)
    let described = try server.dither("models", "describe", "net@2", "--tag", "stage=live", "--tag", "team=a=b")
    #expect(described.output == "net@2 is at revision 1\n", "\(described.errors)")
    try Data("---\nlicense: mit\n---\n\n# net\n".utf8).write(to: URL(filePath: scratch.file("new.card.md")))
    let carded = try server.dither(
      "models", "describe", "net:best", "--card", scratch.file("new.card.md"), "--drop-tag", "team",
      "--expected-revision", "1", "--json"
    ).json()
    #expect(carded["revision"] as? Int == 2 && carded["tags"] as? [String: String] == ["stage": "live"])
    #expect(try server.dither("models", "card", "net@2").output == "---\nlicense: mit\n---\n\n# net\n")
    #expect(try Self.names(server, "--tag", "stage=live") == ["net@2"])
    #expect(try server.dither("models", "show", "net@2").output.contains("stage=live"))
    let revisions = try server.dither("models", "revisions", "net@2", "--json").json()["revisions"] as? [[String: Any]]
    #expect(revisions?.map { $0["number"] as? Int } == [2, 1, 0])
    #expect(revisions?[1]["tags"] as? [String: String] == ["stage": "live", "team": "a=b"])
    #expect((revisions?[2]["card"] as? [String: Int]) == ["version": 2, "trainedBy": 7])
    let late = try server.dither("models", "describe", "net@2", "--tag", "a=b", "--expected-revision", "1")
    #expect(late.status == 2 && late.errors.contains("revision"), "\(late.errors)")
    for wrong in [[], ["--tag", "stage"], ["--tag", "a=1", "--tag", "a=2"]] {
      #expect(try Program.run(["models", "describe", "net"] + wrong, environment: server.environment).status == 2)
    }
  }

  @Test("a version comes back as it was sent")
  func download() throws {
    let scratch = try Scratch(), server = try Self.server(scratch), out = scratch.file("copy.onnx")
    let result = try server.dither("models", "download", "net:best", "--out", out, "--json")
    #expect(result.status == 0, "\(result.errors)")
    let (sent, came) = (scratch.file("net.onnx"), out)
    #expect(try Data(contentsOf: URL(filePath: sent)) == Data(contentsOf: URL(filePath: came)))
    #expect(try server.dither("models", "download", "net@9", "--out", out).status == 3)
  }

  @Test(
    "signed models alone, from keys that openssl makes to a download that is checked",
    .enabled(if: hasOpenssl, "the openssl program is absent"))
  func signatures() throws {
    let scratch = try Scratch(), model = scratch.file("net.onnx"), key = scratch.file("key.pem")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    let keyring = scratch.file("key.pub.pem")
    try Self.openssl("genpkey", "-algorithm", "ed25519", "-out", key)
    try Self.openssl("pkey", "-in", key, "-pubout", "-out", keyring)
    let server = try LiveServer(state: try Scratch(), arguments: ["--require-signed", keyring])
    let refused = try server.dither("upload", model)
    #expect(refused.status == 2 && refused.errors.contains("keyring"), "\(refused.errors)")
    let out = scratch.file("net.sig")
    #expect(try server.dither("models", "sign", "--sign-key", key, "--file", model, "--out", out).status == 0)
    #expect(try server.dither("upload", model, "--signature", out).status == 0)
    let shown = try server.dither("models", "show", "net", "--json").json()["signed_by"] as? [[String: Any]]
    #expect(shown?.count == 1 && shown?.first?["trusted"] as? Bool == true)
    // Another key signs too, and is not of the keyring.
    let other = scratch.file("other.pem")
    try Self.openssl("genpkey", "-algorithm", "ed25519", "-out", other)
    #expect(try server.dither("models", "sign", "net@1", "--sign-key", other, "--file", model).status == 0)
    let wrong = try server.dither("models", "sign", "net@1", "--sign-key", other, "--file", key)
    #expect(wrong.status == 1 && wrong.errors.contains("sha256:"), "\(wrong.errors)")
    let copy = scratch.file("copy.onnx")
    #expect(try server.dither("models", "download", "net", "--keyring", keyring, "--out", copy).status == 0)
    let strangers = scratch.file("stranger.pub.pem"), stranger = scratch.file("stranger.pem")
    try Self.openssl("genpkey", "-algorithm", "ed25519", "-out", stranger)
    try Self.openssl("pkey", "-in", stranger, "-pubout", "-out", strangers)
    let unknown = try server.dither("models", "download", "net", "--keyring", strangers, "--out", copy)
    #expect(unknown.status == 1 && unknown.errors.contains("has signed"), "\(unknown.errors)")
    // What openssl signs is good, byte for byte: the words are those of the document.
    let message = scratch.file("message"), raw = scratch.file("raw")
    let digest = try #require(try server.dither("models", "show", "net", "--json").json()["digest"] as? String)
    try Data("dither model \(digest)".utf8).write(to: URL(filePath: message))
    try Self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message, "-out", raw)
    let line = try String(contentsOfFile: out, encoding: .utf8)
    #expect(line.hasSuffix(" \(try Data(contentsOf: URL(filePath: raw)).base64EncodedString())\n"))
    for (sign, signatures, named) in [(model, out, "net.onnx, private key"), (key, key, "key.pem, signature")] {
      let result = try server.dither("models", "sign", "--sign-key", sign, "--file", model, "--out", signatures)
      #expect(result.status == 2 && result.errors.contains("\(named): expected"), "\(result.errors)")
    }
    for wrong in [["net", "--out", out], [], ["--out", out]] {
      let result = try Program.run(["models", "sign", "--sign-key", key] + wrong, environment: server.environment)
      #expect(result.status == 2, "\(result.errors)")
    }
  }

  private static func openssl(_ arguments: String...) throws {
    let (status, words) = try ChildProcess.run(["/usr/bin/openssl"] + arguments)
    try #require(status == 0, "openssl \(arguments.joined(separator: " ")): \(words)")
  }

  @Test("an alias moves after an audit whose gates are kept")
  func gates() throws {
    let scratch = try Scratch(), server = try Self.server(scratch, arguments: ["--owner-versions", "2"])
    try TestNet.writeExamples(8, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    func audit(_ gate: String) throws -> String {
      _ = try server.dither(
        "audit", "net@1", "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean",
        "--gate",
        gate, "--seed", "1")
      let audits = try server.dither("audits", "list", "--most", "1", "--json").json()["audits"] as? [[String: Any]]
      return try #require(audits?.first?["audit"] as? String)
    }
    let (good, bad) = (try audit("clean>=0"), try audit("clean>=2"))
    let refused = try server.dither("models", "alias", "net@1", "live", "--require-gates", bad)
    #expect(refused.status == 2 && refused.errors.contains("does not keep"), "\(refused.errors)")
    #expect(try server.dither("models", "alias", "net@1", "live", "--require-gates", good).status == 0)
    #expect(try server.dither("models", "alias", "net@2", "live", "--require-gates", good).status == 0)
    #expect(try server.dither("models", "alias", "net@1", "live", "--require-gates", "none").status == 3)
    let full = try server.dither("upload", scratch.file("net.onnx"), "--name", "third")
    #expect(full.status == 6 && full.errors.contains("2 versions"), "\(full.errors)")
  }

  @Test("a candidate of an alias is set, seen and ended")
  func rollouts() throws {
    let scratch = try Scratch(), server = try Self.server(scratch)
    #expect(try server.dither("models", "rollout", "net:best", "net@1", "--share", "1").status == 0)
    try TestNet.writeExamples(8, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    let answer = try server.dither("predict", "net:best", "--input", scratch.file("x.npy"), "--json").json()
    #expect(answer["version"] as? Int == 1)
    let trials = try server.dither("models", "rollouts", "--json").json()["rollouts"] as? [[String: Any]]
    #expect(trials?.count == 1 && trials?.first?["candidate_requests"] as? Int == 1)
    #expect(try server.dither("models", "rollouts").output.contains("canary"))
    #expect(try server.dither("models", "rollout", "net:best", "net@1", "--shadow").output.contains("computes 1.0"))
    #expect(try server.dither("models", "rollout", "net:best", "--end").status == 0)
    #expect(try server.dither("models", "rollout", "net:best", "--end").status == 3)
    for wrong in [
      ["net@1"], ["net@1", "--share", "2"], ["net@1", "--end"], ["--end", "--shadow"], ["other@1", "--share", "0.5"],
      [],
    ] {
      let result = try Program.run(["models", "rollout", "net:best"] + wrong, environment: server.environment)
      #expect(result.status == 2, "\(wrong) \(result.errors)")
    }
  }

  @Test("lists of audits have the newest alone where that is asked")
  func audits() throws {
    let scratch = try Scratch(), server = try Self.server(scratch)
    #expect(try server.dither("audits", "list", "--most", "3", "--json").json()["audits"] as? [String] == [])
    #expect(try server.dither("audits", "list", "--most", "0").status == 2)
  }
}

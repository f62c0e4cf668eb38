import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// How a user comes from a server that serves to commands that reach it.
@Suite("Env, login and open", .serialized, .enabled(if: Program.isBuilt, "dither is not built"))
struct LoginTests {
  /// A user with folders of their own, who has said nothing.
  private static func home(_ scratch: Scratch, _ more: [String: String] = [:]) -> [String: String] {
    ["XDG_CONFIG_HOME": scratch.file("config"), "XDG_CACHE_HOME": scratch.file("cache")].merging(more) { $1 }
  }
  private static func kept(_ scratch: Scratch) -> String { scratch.file("config/dither/login.json") }

  @Test("env prints what clients need, for the shell and as JSON, of the ready file where serve writes it")
  func env() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), file = scratch.file("ready.json")
    let told = try Program.run("env", "--ready-file", file)
    #expect(told.status == 0, "\(told.errors)")
    var found: [String: String] = [:]
    for line in told.output.split(separator: "\n") {
      let match = try #require(line.wholeMatch(of: /export (DITHER_[A-Z]+)='?([^']*)'?/))
      found[String(match.1)] = String(match.2)
    }
    #expect(found == server.environment)
    #expect(try Program.run(["models", "list"], environment: found).status == 0)
    let json = try Program.run("env", "--ready-file", file, "--json").json()
    #expect(json["address"] as? String == server.environment["DITHER_ADDRESS"] && json.count == 3)
    // In the state, where nobody has said another place.
    let empty = try Program.run(["env"], environment: Self.home(scratch, ["DITHER_STATE": scratch.file("nothing")]))
    #expect(empty.status == 2 && empty.errors.contains("nothing/ready.json") && empty.errors.contains("--ready-file"))
    let printed = try Program.run(["serve", "--print-config"], environment: ["DITHER_STATE": "/s"])
    #expect(printed.output.contains("# ready-file:  # ready.json in the state"), "\(printed.output)")
  }

  @Test("a login is checked, kept for its owner alone, used by later commands, and forgotten")
  func login() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), home = Self.home(scratch)
    let address = try #require(server.environment["DITHER_ADDRESS"]), ca = try #require(server.environment["DITHER_CA"])
    let wrong = try Program.run(["login", "--address", address, "--token", "wrong", "--ca", ca], environment: home)
    #expect(wrong.status == 4 && wrong.errors.contains("dither tokens create"), "\(wrong.errors)")
    // The environment wins over a ready file that is there by itself, a flag over both.
    let ready = scratch.file("ready.json"), other = home.merging(["DITHER_TOKEN": "wrong"]) { $1 }
    let meant = try Program.run(["login"], environment: other.merging(["DITHER_READY_FILE": ready]) { $1 })
    #expect(meant.status == 4, "\(meant.output)")
    #expect(!FileManager.default.fileExists(atPath: Self.kept(scratch)))
    let token = try #require(server.environment["DITHER_TOKEN"])
    let made = try Program.run(["login", "--address", address, "--token", token, "--ca", ca], environment: home)
    #expect(made.status == 0 && made.output.contains(address) && !made.output.contains(token), "\(made.errors)")
    let facts = try FileManager.default.attributesOfItem(atPath: Self.kept(scratch))
    #expect(facts[.posixPermissions] as? Int == 0o600)
    #expect(try Program.run(["models", "list"], environment: home).status == 0)
    // A shell of another tool gets the same.
    let env = try Program.run(
      ["env"], environment: home.merging(["DITHER_STATE": scratch.file("nothing")]) { $1 })
    #expect(env.output.contains("DITHER_TOKEN=\(token)"), "\(env.output)\(env.errors)")
    // What is said wins.
    let said = try Program.run(["models", "list", "--token", "wrong"], environment: home)
    #expect(said.status == 4)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: Self.kept(scratch))
    let open = try Program.run(["models", "list"], environment: home)
    #expect(open.status == 2 && open.errors.contains("chmod 600"), "\(open.errors)")
    let named = try Program.run(["login", "--ready-file", ready], environment: other)
    #expect(named.status == 0, "\(named.errors)")
    #expect(try Program.run(["logout"], environment: home).output == "forgotten\n")
    #expect(try Program.run(["logout"], environment: home).output == "no login was kept\n")
  }

  @Test("a token that is kept goes to no other server") func otherServer() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), other = try LiveServer(state: try Scratch())
    let home = Self.home(scratch), ready = scratch.file("ready.json")
    #expect(try Program.run(["login", "--ready-file", ready], environment: home).status == 0)
    var elsewhere = other.environment
    elsewhere["DITHER_TOKEN"] = nil
    let result = try Program.run(["models", "list"], environment: home.merging(elsewhere) { $1 })
    #expect(result.status == 4 && result.errors.contains("no caller"), "\(result.errors)")
    withExtendedLifetime(server) {}
  }

  /// Starts `login` on a terminal of its own, presses Ctrl-C at the prompt, and prints whether what is typed was hidden,
  /// how the program ended, and whether it is shown again.
  private static let atPrompt = #"""
    import fcntl, os, pty, subprocess, sys, termios, time

    master, slave = pty.openpty()


    def echoes():
        return bool(termios.tcgetattr(slave)[3] & termios.ECHO)


    def terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


    program = subprocess.Popen(
        [sys.argv[1], "login", "--address", "dither://127.0.0.1:1"], stdin=slave, stdout=slave, stderr=slave, preexec_fn=terminal)
    end = time.monotonic() + 60
    while echoes() and time.monotonic() < end:
        time.sleep(0.01)
    hidden = not echoes()
    os.write(master, b"\x03")
    print(hidden, program.wait(60), echoes())
    """#

  @Test("Ctrl-C at the hidden prompt leaves a terminal that shows what is typed") func hiddenPrompt() throws {
    let (_, words) = try ChildProcess.run(
      ["/usr/bin/python3", "-c", Self.atPrompt, Program.url.path],
      environment: ["XDG_CONFIG_HOME": "/nonexistent", "DITHER_STATE": "/nonexistent"])
    #expect(words == "True 130 True\n", "\(words)")
  }

  @Test("with a client certificate a login takes no token, and later commands show the certificate")
  func certificate() throws {
    let scratch = try Scratch(), home = Self.home(scratch)
    let folder = scratch.file("clients")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    for arguments in [
      "req -x509 \(key) -keyout ca.key -out ca.pem -days 2 -subj /CN=clients",
      "req -x509 \(key) -keyout server.key -out server.pem -days 2 -subj /CN=server -addext subjectAltName=IP:127.0.0.1",
      "req \(key) -keyout robot.key -out robot.csr -subj /CN=robot",
      "x509 -req -in robot.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out robot.pem -days 2",
    ] {
      let command = ["/usr/bin/openssl"] + arguments.split(separator: " ").map(String.init)
      let (status, words) = try ChildProcess.run(command, in: folder)
      try #require(status == 0, "\(words)")
    }
    let server = try LiveServer(
      state: scratch,
      arguments: [
        "--tls-cert", folder + "/server.pem", "--tls-key", folder + "/server.key", "--client-ca", folder + "/ca.pem",
        "--clients", "[{cn: robot, roles: [predict, audit]}]",
      ])
    let address = try #require(server.environment["DITHER_ADDRESS"])
    let asked = ["login", "--address", address, "--ca", folder + "/server.pem"]
    let shown = ["--certificate", folder + "/robot.pem", "--key", folder + "/robot.key"]
    let without = try Program.run(asked + ["--token", "x"], environment: home)
    #expect(without.status == 2 && without.errors.contains("--certificate"), "\(without.errors)")
    let made = try Program.run(asked + shown, environment: home)
    #expect(made.status == 0, "\(made.errors)")
    let listed = try Program.run(["models", "list"], environment: home)
    #expect(listed.status == 0, "\(listed.errors)")
    let env = try Program.run(["env"], environment: home.merging(["DITHER_STATE": scratch.file("nothing")]) { $1 })
    #expect(env.output.contains("DITHER_CERTIFICATE=\(folder)/robot.pem") && !env.output.contains("TOKEN"))
    // Another pair than the one that is kept.
    let other = home.merging(["DITHER_CERTIFICATE": folder + "/robot.pem"]) { $1 }
    #expect(try Program.run(["models", "list"], environment: other).status == 2)
  }

  @Test("open writes the report's page and hands it to the browser, or says where it is") func open() throws {
    let scratch = try Scratch(), server = try LiveServer(state: scratch), model = scratch.file("net.onnx")
    try Data(TestNet.onnx()).write(to: URL(filePath: model))
    try TestNet.writeExamples(6, inputs: scratch.file("x.npy"), labels: scratch.file("y.npy"))
    #expect(try server.dither("upload", model, "--name", "net").status == 0)
    let audit = try server.dither(
      "audit", "net", "--data", scratch.file("x.npy"), "--labels", scratch.file("y.npy"), "--probe", "clean")
    #expect(audit.status == 0, "\(audit.errors)")
    let listed = try server.dither("audits", "list", "--json").json()
    let audits = try #require(listed["audits"] as? [[String: Any]]),
      id = try #require(audits.first?["audit"] as? String)
    let script = scratch.file("browser")
    try Data("#!/bin/sh\necho \"$1\" > \(scratch.file("address"))\n".utf8).write(to: URL(filePath: script))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
    let page = scratch.file("cache/dither/\(id).html")
    let user = Self.home(scratch, server.environment)
    let opened = try Program.run(
      ["audits", "open", id], environment: user.merging(["BROWSER": "/none:\(script)"]) { $1 })
    #expect(opened.status == 0 && opened.output == "\(page)\n", "\(opened.output)\(opened.errors)")
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("</html>"))
    let address = try String(contentsOfFile: scratch.file("address"), encoding: .utf8)
    #expect(address.hasPrefix("file:///") && address.hasSuffix("\(id).html\n"))
    let none = try Program.run(
      ["audits", "open", id, "--json", "--out", scratch.file("r.html")],
      environment: user.merging(["BROWSER": "/none"]) { $1 })
    let json = try none.json()
    #expect(json["opened"] as? Bool == false && json["path"] as? String == scratch.file("r.html"), "\(none.errors)")
    let outside = try Program.run(["audits", "open", "../x"], environment: user)
    #expect(outside.status != 0)
  }
}

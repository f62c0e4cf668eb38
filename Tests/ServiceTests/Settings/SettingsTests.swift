import DitherBasics
import DitherGraph
import DitherService
import DitherStore
import DitherTestSupport
import DitherTransport
import Foundation
import Logging
import Testing

@Suite("Settings")
struct SettingsTests {
  private static let base = ServerConfiguration(stateDirectory: "/base")

  private func settings(
    flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
  ) throws -> ServerConfiguration {
    let scratch = try Scratch()
    var path: String?
    if let file {
      path = scratch.file("dither.yml")
      try Data(file.utf8).write(to: URL(filePath: scratch.file("dither.yml")))
    }
    return try SettingsReader(flags: flags, environment: environment, file: path).configuration(over: Self.base)
  }

  @Test("nothing said: the values of a configuration that nobody has changed")
  func standard() throws {
    let read = try settings(), base = Self.base
    #expect(read.stateDirectory == "/base" && read.modelsDirectory == nil && read.readyFile == nil)
    #expect(read.host == base.host && read.framedPort == base.framedPort && read.grpcPort == base.grpcPort)
    #expect(
      read.httpPort == base.httpPort && read.sharedPort == nil && read.tls == base.tls && read.grace == base.grace)
    #expect(
      read.logLevel == base.logLevel && read.precision == base.precision && read.lameDuck == base.lameDuck
        && read.lease == base.lease)
    #expect(read.clients.isEmpty && read.tlsMinimum == .tls13 && read.callerRates == RateBounds())
    #expect(read.database == nil && read.blobs == nil && read.instructions == nil)
    #expect(read.computeThreads == base.computeThreads && read.auditThreads == base.auditThreads)
  }

  @Test("a flag wins over the environment, that over the file, that over the standard value")
  func precedence() throws {
    let file = "grace: 3\nhost: ::1\n", environment = ["DITHER_GRACE": "2", "DITHER_HOST": ""]
    #expect(try settings(file: file).grace == .seconds(3))
    let second = try settings(environment: environment, file: file)
    // An empty variable says nothing.
    #expect(second.grace == .seconds(2) && second.host == "::1")
    #expect(try settings(flags: ["grace": "1"], environment: environment, file: file).grace == .seconds(1))
    // Where it is off already, off wins over on.
    #expect(try settings(flags: ["insecure": "false"], environment: ["DITHER_INSECURE": "yes"]).tls == .generated)
  }

  @Test("every setting, by every way, does what a configuration can be told")
  func all() throws {
    let values = [
      "state": "/s", "models": "/m", "runs": "/u", "ready-file": "/r", "report-key": "/k", "host": "127.0.0.2",
      "framed-port": "1",
      "grpc-port": "2", "http-port": "3", "tls-cert": "/c", "tls-key": "/y", "client-ca": "/a", "log-level": "trace",
      "threads": "3", "precision": "bfloat16", "grace": "0.5", "lame-duck": "7", "lease": "9", "isa": "avx2",
      "access-log": "/l", "slow-call": "0.25", "keep-removed": "60", "require-signed": "/q",
      "alias-gates": "/g", "owner-versions": "5", "owner-bytes": "6", "database": "postgresql://d@h/n",
      "blobs": "s3://b/p?endpoint=http://h:1", "tls-minimum": "1.2",
      "calls-per-second": "20", "samples-per-second": "0", "clients": "[{cn: a, roles: [predict]}]",
    ]
    let variables = Dictionary(
      uniqueKeysWithValues: values.map { ("DITHER_\($0.key.uppercased().replacing("-", with: "_"))", $0.value) })
    let file = values.map { "\($0.key): \($0.value)\n" }.joined()
    for read in [try settings(flags: values), try settings(environment: variables), try settings(file: file)] {
      #expect(read.stateDirectory == "/s" && read.modelsDirectory == "/m" && read.runsDirectory == "/u")
      #expect(
        read.readyFile == "/r" && read.reportKey == "/k" && read.host == "127.0.0.2" && read.framedPort == 1
          && read.grpcPort == 2)
      #expect(read.httpPort == 3 && read.tls == .files(certificate: "/c", key: "/y", clientCA: "/a"))
      #expect(read.logLevel == .trace && read.computeThreads == 3 && read.auditThreads == 3)
      #expect(read.precision == .bfloat16 && read.grace == .seconds(0.5) && read.lameDuck == .seconds(7))
      #expect(read.lease == .seconds(9))
      #expect(read.accessLog == "/l" && read.slowCall == .seconds(0.25) && read.traces == nil)
      #expect(read.instructions == "avx2" && read.database == "postgresql://d@h/n")
      #expect(read.blobs == "s3://b/p?endpoint=http://h:1" && read.limits.removedKept == .seconds(60))
      #expect(read.requireSigned == "/q" && read.aliasGates == "/g")
      #expect(read.quota == OwnerQuota(versions: 5, bytes: 6) && read.tlsMinimum == .tls12)
      #expect(read.callerRates == RateBounds(calls: 20))
      #expect(read.clients == [ClientRule(.commonName("a"), roles: [.predict])])
    }
    #expect(try settings(environment: ["DITHER_INSECURE": "on"]).tls == .insecure)
    let other = Set(ServerSettings.all.map(\.name)).subtracting(values.keys)
    #expect(other == ["listen", "insecure"])
  }

  @Test(
    "one address",
    arguments: [
      ("127.0.0.2:80", "127.0.0.2", 80), ("[::1]:0", "::1", 0), ("7447", "127.0.0.1", 7447),
      ("localhost:1", "localhost", 1),
    ])
  func listen(_ row: (text: String, host: String, port: Int)) throws {
    let read = try settings(flags: ["listen": row.text])
    #expect(read.host == row.host && read.sharedPort == row.port)
  }

  @Test("none is no address: a file's is taken back")
  func noAddress() throws {
    let read = try settings(flags: ["listen": "none", "grpc-port": "5"], file: "listen: 127.0.0.2:80\n")
    #expect(read.sharedPort == nil && read.grpcPort == 5 && read.host == "127.0.0.1")
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    var flags: [String: String] = [:]
    var environment: [String: String] = [:]
    var file: String?
    /// Words of the message.
    var says: [String]
    var testDescription: String { "\(flags) \(environment) \(file ?? "")" }
  }
  static let faults = [
    Fault(flags: ["grace": "-1"], says: ["--grace", "0 to 86400 seconds", "'-1'"]),
    Fault(flags: ["grace": "nan"], says: ["--grace"]), Fault(flags: ["threads": "257"], says: ["1 to 256 threads"]),
    Fault(environment: ["DITHER_GRPC_PORT": "70000"], says: ["DITHER_GRPC_PORT", "0 to 65535"]),
    Fault(flags: ["framed-port": "7447 "], says: ["--framed-port"]),
    Fault(flags: ["lame-duck": "3601"], says: ["--lame-duck", "0 to 3600 seconds"]),
    Fault(flags: ["lease": "0"], says: ["--lease", "1 to 3600 seconds"]),
    Fault(flags: ["isa": "avx3"], says: ["--isa", "did you mean 'avx"]),
    Fault(file: "database: mysql://u:secret@h/d\n", says: ["line 1", "postgresql://…", "'mysql://u:…@h/d'"]),
    Fault(environment: ["DITHER_BLOBS": "/folder"], says: ["DITHER_BLOBS", "s3://…"]),
    Fault(flags: ["precision": "bfloat61"], says: ["did you mean 'bfloat16'"]),
    Fault(flags: ["log-level": "loud"], says: ["trace, debug, info"]),
    Fault(flags: ["insecure": "maybe"], says: ["--insecure", "true or false"]),
    Fault(flags: ["listen": "::1:80"], says: ["--listen", "[HOST]:PORT"]),
    Fault(flags: ["listen": "a b:80"], says: ["--listen"]), Fault(flags: ["listen": "host:"], says: ["--listen"]),
    Fault(flags: ["listen": ":80"], says: ["--listen"]), Fault(flags: ["listen": "h:65536"], says: ["--listen"]),
    Fault(file: "host: ::1\ngrace: soon\n", says: ["dither.yml, line 2", "'soon'"]),
    Fault(file: "\nframed_port: 1\n", says: ["dither.yml, line 2", "did you mean 'framed-port'"]),
    Fault(file: "grce: 1\n", says: ["line 1", "did you mean 'grace'"]),
    Fault(file: "grace: [1, 2]\n", says: ["line 1", "several values"]),
    Fault(file: "- a\n", says: ["keys with values"]),
    Fault(file: "grace: 1\nhost: a\ngrace: 2\n", says: ["line 3", "line 1"]),
    Fault(file: "grace: 'x\n", says: ["dither.yml", "YAML"]),
    Fault(file: "? [a]\n: 1\n", says: ["keys that are words"]),
    Fault(file: String(repeating: "# long\n", count: 10_000), says: ["at most 65536 bytes"]),
    Fault(flags: ["tls-cert": "/c"], says: ["--tls-cert", "'tls-key'"]),
    Fault(environment: ["DITHER_TLS_KEY": "/c"], says: ["DITHER_TLS_KEY", "'tls-cert'"]),
    Fault(file: "client-ca: /a\n", says: ["line 1", "'tls-cert'"]),
    Fault(
      flags: ["insecure": "true"], environment: ["DITHER_TLS_CERT": "/c", "DITHER_TLS_KEY": "/k"],
      says: ["--insecure", "DITHER_TLS_CERT too"]),
    Fault(flags: ["clients": "[{cn: a, roles: [predict]}]"], says: ["--clients", "'client-ca'"]),
    Fault(flags: ["clients": "a"], says: ["--clients", "a list of clients"]),
    Fault(flags: ["clients": "[]"], says: ["--clients", "1 to 256"]),
    Fault(flags: ["clients": "[{cn: a"], says: ["--clients", "a list of clients"]),
    Fault(flags: ["clients": "[{cn: a}]"], says: ["--clients, client 1, 'roles'", "at least one"]),
    Fault(flags: ["clients": "[{roles: [predict]}]"], says: ["client 1", "either cn or uri"]),
    Fault(flags: ["clients": "[{cn: a, uri: b, roles: [predict]}]"], says: ["either cn or uri", "2 names"]),
    Fault(
      file: "clients:\n- {cn: a, roles: [predict]}\n- {cn: b, roles: [pedict]}\n",
      says: ["line 1, client 2, 'roles'", "did you mean 'predict'"]),
    Fault(file: "clients:\n- {cn: a, role: predict}\n", says: ["'role'", "did you mean 'roles'"]),
    Fault(file: "clients:\n- {cn: a, roles: predict, models: ['a b']}\n", says: ["client 1, 'models'", "1 to 64"]),
    Fault(file: "clients:\n- {cn: a, roles: predict, calls-per-second: -1}\n", says: ["'calls-per-second'", "'-1'"]),
    Fault(file: "clients:\n- {cn: a, roles: {a: b}}\n", says: ["client 1, 'roles'", "words"]),
    Fault(flags: ["tls-minimum": "1.1"], says: ["--tls-minimum", "1.2, 1.3"]),
    Fault(flags: ["calls-per-second": "-1"], says: ["--calls-per-second", "0 to 1000000000"]),
    Fault(flags: ["framed-port": "1"], file: "listen: 7447\n", says: ["line 1", "--framed-port too"]),
  ]

  @Test("a mistake is told with its place, its bounds and the nearest name", arguments: faults)
  func mistakes(_ fault: Fault) {
    #expect {
      _ = try settings(flags: fault.flags, environment: fault.environment, file: fault.file)
    } throws: { error in
      fault.says.allSatisfy { "\(error)".contains($0) }
    }
  }

  @Test("clients stand in a file as YAML has lists, and read back as they are printed")
  func clients() throws {
    let file = """
      tls-cert: /c
      tls-key: /k
      client-ca: /a
      clients:
        - cn: robot-*
          roles: [predict, audit]
          models: [fashion-*, net]
          calls-per-second: 100
        - uri: spiffe://example.org/ops/*
          roles: admin
          samples-per-second: 0
      """
    let expected = [
      ClientRule(
        .commonName("robot-*"), roles: [.predict, .audit], scope: NameScope(["fashion-*", "net"]), callsPerSecond: 100),
      ClientRule(.uri("spiffe://example.org/ops/*"), roles: [.admin], samplesPerSecond: 0),
    ]
    #expect(try settings(file: file).clients == expected)
    let scratch = try Scratch()
    try Data(file.utf8).write(to: URL(filePath: scratch.file("dither.yml")))
    let printed = try SettingsReader(flags: [:], environment: [:], file: scratch.file("dither.yml"))
      .yaml(over: Self.base)
    #expect(try settings(file: printed).clients == expected)
  }

  @Test("the list of clients that the document shows is read as it says")
  func shownClients() throws {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: package.appending(path: "docs/security.md"), encoding: .utf8)
    let block = try #require(text.firstMatch(of: /(?s)```yaml\n(.*?)```/)?.1)
    let read = try settings(file: String(block))
    #expect(
      read.clients == [
        ClientRule(
          .commonName("robot-*"), roles: [.predict, .audit], scope: NameScope(["fashion-*"]), callsPerSecond: 100),
        ClientRule(.uri("spiffe://example.org/ops/*"), roles: [.admin]),
      ])
    let line = try #require(text.firstMatch(of: /--clients '([^']*)'/)?.1)
    let flags = ["client-ca": "/a", "tls-cert": "/c", "tls-key": "/k", "clients": String(line)]
    #expect(try settings(flags: flags).clients == [ClientRule(.commonName("robot-*"), roles: [.predict])])
  }

  @Test("files that are none", arguments: ["/nowhere/dither.yml", "/", "/dev/zero"])
  func noFile(_ path: String) {
    #expect {
      _ = try SettingsReader(flags: [:], environment: [:], file: path)
    } throws: {
      "\($0)".contains("--config \(path)")
    }
  }

  @Test("what is printed reads back as what holds, and says where each was said")
  func printed() throws {
    let flags = ["state": "/with space/#", "tls-cert": "/c:x", "tls-key": "/k"]
    let reader = try SettingsReader(flags: flags, environment: ["DITHER_GRACE": "4"], file: nil)
    let text = reader.yaml(over: Self.base)
    #expect(text.contains("grace: 4  # DITHER_GRACE\n") && text.contains("host: 127.0.0.1  # standard\n"))
    #expect(text.contains("# models:  # none\n"))
    let again = try settings(file: text.replacing("framed-port: 7447  # standard\n", with: ""))
    #expect(again.stateDirectory == "/with space/#" && again.grace == .seconds(4))
    #expect(again.tls == .files(certificate: "/c:x", key: "/k"))
    #expect(
      try SettingsReader(flags: [:], environment: [:], file: nil).yaml(over: Self.base).hasPrefix("state: /base  #"))
  }

  @Test(
    "a password in a URL is not printed",
    arguments: [
      ("postgresql://u:hush:w@h1:5,h2:6/d", "postgresql://u:…@h1:5,h2:6/d"),
      ("postgresql://u@h/d?password=hush&sslmode=require", "postgresql://u@h/d?password=…&sslmode=require"),
      ("postgres://u@h:5432/d", "postgres://u@h:5432/d"),
    ])
  func password(_ row: (text: String, printed: String)) throws {
    let settings = try SettingsReader(flags: ["database": row.text], environment: [:], file: nil)
    #expect(settings.yaml(over: Self.base).contains("database: \"\(row.printed)\"  # --database\n"))
    #expect(settings.configuration(over: Self.base).database == row.text)
    // Nobody opens it, and SQLite takes its place in silence for no one.
    #expect { try settings.configuration(over: Self.base).check() } throws: {
      "\($0)".contains("database") && !"\($0)".contains("hush")
    }
  }

  @Test("the document has the table's rows, and no others")
  func document() throws {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: package.appending(path: "docs/configuration.md"), encoding: .utf8)
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
    let expected = ServerSettings.all.map {
      "| `\($0.name)` | `\($0.variable)` | \($0.kind.words) | \($0.absence) | \($0.summary) |"
    }
    for (row, setting) in zip(rows, expected) { #expect(row == setting) }
    #expect(rows.count == expected.count, "expected:\n\(expected.joined(separator: "\n"))")
  }
}

import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import Foundation
import SwiftProtobuf
import Testing

/// Servers of one PostgreSQL database, as they see each other.
@Suite(
  "Replicas", .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed: apt-get install postgresql"))
struct ReplicaTests {
  private static func move(
    _ server: InProcess, _ model: String, everywhere: Bool = true, within time: Duration? = nil
  ) async throws -> Dither_V1_Model {
    let caller = Caller(name: "tester", deadline: time.map { ContinuousClock.now + $0 })
    return try await SetAliasCall(server.services).answer(
      .with {
        $0.model = model
        $0.alias = "best"
        $0.everywhere = everywhere
      }, caller)
  }

  private static func best(_ server: InProcess) async throws -> UInt64 {
    try await GetModelCall(server.services).answer(.with { $0.model = "net:best" }, server.caller).version
  }

  private static func replicas(_ server: InProcess) async throws -> [Dither_V1_Replica] {
    try await ListReplicasCall(server.services).answer(.init(), server.caller).replicas
  }

  @Test("an alias that was moved everywhere is everywhere")
  func everywhere() async throws {
    let scratch = try Scratch()
    let one = try await InProcess(in: scratch, over: .postgres), two = try await InProcess(in: scratch, over: .postgres)
    for seed: UInt64 in 1...2 { _ = try await one.upload(TestModels.mlp(seed: seed), as: "net") }
    for version: UInt64 in [1, 2, 1, 2] {
      _ = try await Self.move(one, "net@\(version)")
      #expect(try await Self.best(two) == version)
    }
    let known = try await Self.replicas(two)
    #expect(known.count == 2 && known.count { $0.isSelf } == 1 && known.allSatisfy { $0.kind == .server })
    #expect(Set(known.map(\.id)).count == 2 && known.allSatisfy { !$0.computeClass.isEmpty && !$0.code.isEmpty })
  }

  @Test("a server that is live and does not follow is named, and the alias is moved all the same")
  func behind() async throws {
    let one = try await InProcess(over: .postgres, models: ["net": TestModels.mlp()])
    let records = one.services.store.replicas
    let stuck = Replica(id: "stuck", kind: .server, code: "c", computeClass: "x")
    let worker = Replica(id: "hand", kind: .worker, code: "c", computeClass: "x")
    for replica in [stuck, worker] { try await records.beat(replica, for: .seconds(60)) }
    await #expect {
      _ = try await Self.move(one, "net@1", within: .seconds(1))
    } throws: {
      // Workers have no aliases.
      isFault($0, .deadlineExceeded, "stuck, silent for") && !"\($0)".contains("hand")
    }
    #expect(try await Self.best(one) == 1)
    let listed = try await Self.replicas(one)
    let found = try #require(listed.first { $0.id == "stuck" })
    #expect(found.changesBehind > 0 && listed.first { $0.id == "hand" }?.kind == .worker)
    // Nobody waits for one that has gone.
    try await records.leave("stuck")
    #expect(try await Self.move(one, "net@1").version == 1)
  }

  @Test("a version that another server has just taken is found, and a name that is nowhere is not")
  func justTaken() async throws {
    let scratch = try Scratch()
    let one = try await InProcess(in: scratch, over: .postgres), two = try await InProcess(in: scratch, over: .postgres)
    for seed: UInt64 in 1...5 {
      let version = try await one.upload(TestModels.mlp(seed: seed), as: "net").model.version
      // At once: nobody has told the other yet.
      #expect(try await two.predict("net@\(version)", rows(1, of: 6)).version == version)
      #expect(try await Self.move(two, "net@\(version)", everywhere: false).version == version)
    }
    await #expect { _ = try await two.predict("nets", rows(1, of: 6)) } throws: { isFault($0, .notFound, "net") }
  }

  @Test("servers that start with keys of their own sign reports with the first one's")
  func oneKey() async throws {
    let scratch = try Scratch(), first = scratch.file("first"), second = scratch.file("second")
    func start(_ folder: String) async throws -> InProcess {
      try await InProcess(over: .sqlite) { configuration in
        configuration.stateDirectory = folder
        configuration.openStore = { uploads in try await StoreKind.postgres.open(scratch.path, uploads: uploads) }
      }
    }
    for folder in [first, second] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    let one = try await start(first), own = try Ed25519.PrivateKey(openOrMake: second + "/report-key.pem").publicKey.pem
    let two = try await start(second)
    func content(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
    let shared = try content(first + "/report-key.pub.pem")
    #expect(try content(second + "/report-key.pub.pem") == shared && own != shared)
    #expect(try content(second + "/report-key.pub.pem.own") == own)
    let mode = try FileManager.default.attributesOfItem(atPath: second + "/report-key.pem")[.posixPermissions] as? Int
    #expect(mode == 0o600)
    withExtendedLifetime((one, two)) {}
  }
}

@Suite("Replicas in the store") struct ReplicaRecordTests {
  @Test("who is heard of is live until its lease ends, and is behind what it has not seen", arguments: StoreKind.all)
  func live(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path), records = store.replicas
    var one = Replica(id: "a", kind: .server, code: "c 1", computeClass: "avx2"), two = one
    (two.id, two.kind) = ("b", .worker)
    try await records.beat(one, for: .seconds(3600))
    try await records.beat(two, for: .milliseconds(1))
    try await Task.sleep(for: .milliseconds(20))
    #expect(try await records.live().map(\.id) == ["a"])
    _ = try await store.tokens.create("ci", roles: [])
    #expect(try await records.live().first?.behind == 1)
    one.seen = try await store.changes(since: 0).newest
    try await records.beat(one, for: .seconds(3600))
    try await records.beat(two, for: .seconds(3600))
    let live = try await records.live()
    #expect(live.map(\.id) == ["a", "b"] && live.map(\.kind) == [.server, .worker] && live.map(\.behind) == [0, 1])
    #expect(live[0].code == "c 1" && live[0].computeClass == "avx2" && live[0].seen == one.seen)
    #expect(live[0].startedMilliseconds == one.startedMilliseconds && live[0].silentMilliseconds < 600_000)
    try await records.leave("a")
    try await records.forget(silentFor: -7200)
    #expect(try await records.live().isEmpty)
  }
}

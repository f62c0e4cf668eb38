import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite struct StoreKindTests {
  @Test(
    "every suite over all kinds of stores runs over a bucket",
    .enabled(if: S3Server.isPresent, "no S3 server: scripts/test-servers installs one"))
  func bucketsAreAmongThem() { #expect(StoreKind.all.map(\.testDescription).contains("SQLite, and files in a bucket")) }

  @Test(
    "every suite over all kinds of stores runs over PostgreSQL",
    .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed: apt-get install postgresql"))
  func postgresIsAmongThem() { #expect(StoreKind.all.map(\.testDescription).contains("PostgreSQL and files")) }
}

/// A model of some content.
func model(_ name: String, _ content: String, card: String = "{}") -> NewModel {
  NewModel(
    name: name, blob: BlobID(Sha256.hash(content.utf8)), bytes: content.utf8.count, card: card, signature: "{}",
    noise: "", defaultSamples: 0)
}

func job(_ id: String, spec: [UInt8] = []) -> Job {
  Job(id: id, kind: "audit", subject: "net@1", spec: spec, createdBy: "ann")
}

/// Whether an error is a store's, of this kind.
func isFault(_ error: any Error, _ code: StoreFault, _ words: String = "") -> Bool {
  (error as? StoreError).map { $0.code == code && (words.isEmpty || $0.description.contains(words)) } ?? false
}

@Suite struct EveryStoreTests {
  @Test("changes say what was changed, in order, and since when", arguments: StoreKind.all)
  func changes(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    let start = try await store.changes(since: 0)
    #expect(start.changes == [])
    _ = try await store.models.publish(model("net", "a"), aliases: ["best"], by: "")
    _ = try await store.tokens.create("ci", roles: [])
    try await store.jobs.create(job("j"))
    let news = try await store.changes(since: start.newest)
    let names = try #require(news.changes).map { "\($0.kind) \($0.name)" }
    #expect(names.first == "model net" && names.suffix(2) == ["token ci", "job j"] && Set(names).count == 3)
    let again = try await store.changes(since: news.newest)
    #expect(again.newest == news.newest && again.changes == [])
    // What changes nothing is no change: the same file again, an alias where it stands, shards.
    _ = try await store.models.publish(model("net", "a"), aliases: ["best"], by: "")
    _ = try await store.models.setAlias("best", of: "net", to: 1, by: "")
    try await store.jobs.put([1], for: 0, of: "j")
    try await store.jobs.setSpent(milliseconds: 5, of: "j")
    #expect(try await store.changes(since: news.newest).changes == [])
    let steps: [(String, @Sendable () async throws -> Void)] = [
      ("model net", { _ = try await store.models.calibrate("net", version: 1, [1], by: "") }),
      ("model net", { _ = try await store.models.remove("net", version: 1, by: "") }),
      ("token ci", { try await store.tokens.revoke("ci") }),
      ("job j", { try await store.jobs.setState(.running, of: "j") }),
      ("job j", { _ = try await store.jobs.finish("j", json: [], html: []) }),
    ]
    for (name, step) in steps {
      let before = try await store.changes(since: 0).newest
      try await step()
      let found = try #require(try await store.changes(since: before).changes)
      #expect(!found.isEmpty && found.allSatisfy { "\($0.kind) \($0.name)" == name }, "\(name)")
    }
  }

  @Test("who asks from long ago is told to read all again", arguments: StoreKind.all)
  func forgottenChanges(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    _ = try await store.models.publish(model("net", "a"), aliases: [], by: "")
    _ = try await store.models.publish(model("net", "b"), aliases: [], by: "")
    let from = try await store.changes(since: 0).newest
    let moves = 10_050
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<50 {
        group.addTask {
          for at in stride(from: worker, to: moves, by: 50) {
            _ = try await store.jobs.create(job("j\(at)"))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await store.changes(since: from).changes == nil)
    let newest = try await store.changes(since: from).newest
    #expect(try await store.changes(since: newest).changes == [])
  }

  @Test("garbage goes by age and reference", arguments: StoreKind.all)
  func garbage(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    let blobs = try await ["a", "b", "c", "d"].asyncMap { try await store.blobs.insert(Array($0.utf8)) }
    _ = try await store.models.publish(model("net", "a"), aliases: [], by: "")
    try await store.jobs.create(job("j"), blobs: [blobs[1]])
    try await store.jobs.create(job("k"), blobs: [blobs[2]])
    try await store.collectGarbage(olderThan: 60)
    #expect(try await blobs.asyncMap { try await store.blobs.contains($0) } == [true, true, true, true])
    try await store.jobs.setState(.failed, of: "k")
    try await store.collectGarbage(olderThan: -1)
    #expect(try await blobs.asyncMap { try await store.blobs.contains($0) } == [true, true, false, false])
    #expect(try await store.release(Set(blobs)).isEmpty)
    let gone = try await store.models.remove("net", version: nil, by: "")
    #expect(try await store.release(Set(gone.map(\.blob))) == [blobs[0]])
    #expect(try await blobs.asyncMap { try await store.blobs.contains($0) } == [false, true, false, false])
    #expect(try await store.unknownFiles() == 0)
  }
}

extension Sequence {
  func asyncMap<T>(_ body: (Element) async throws -> T) async rethrows -> [T] {
    var results: [T] = []
    for element in self { results.append(try await body(element)) }
    return results
  }
}

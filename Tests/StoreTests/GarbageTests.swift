import DitherBasics
import DitherStore
import DitherStorePostgres
import DitherTestSupport
import Foundation
import Synchronization
import Testing

@Suite struct GarbageTests {
  @Test("who places a file while it is removed finds it there", arguments: StoreKind.all)
  func placedWhileRemoved(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    try await race(removing: store, placing: store)
  }

  @Test(
    "and at another server of the database",
    .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed: apt-get install postgresql"))
  func placedElsewhere() async throws {
    let scratch = try Scratch(), kind = StoreKind.postgres
    try await race(removing: kind.open(scratch.path), placing: kind.open(scratch.path))
  }

  private func race(removing: any Store, placing: any Store) async throws {
    // Longer than it takes from a file that is placed to its record.
    let age = Duration.seconds(5).asBuilt.seconds, contents = (0..<20).map { "old \($0)" }
    for content in contents { try await removing.blobs.insert(Array(content.utf8)) }
    try await Task.sleep(for: .seconds(age + 0.2))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await removing.collectGarbage(olderThan: age) }
      for content in contents {
        group.addTask {
          try await placing.blobs.insert(Array(content.utf8))
          _ = try await placing.models.publish(model("net", content), aliases: [], by: "")
        }
      }
      try await group.waitForAll()
    }
    for content in contents {
      let isThere = try await placing.blobs.contains(BlobID(Sha256.hash(content.utf8)))
      #expect(isThere, "\(content)")
    }
    #expect(try await placing.unknownFiles() == 0)
  }

  @Test("the record of a file goes before the file, and comes back where that could not be removed")
  func recordsGoFirst() async throws {
    let scratch = try Scratch(), isRemovable = Mutexed(false)
    let store = try SqliteStore(directory: scratch.path) { records throws(StoreError) in
      StuckBlobs(
        try FileBlobs(directory: scratch.path, records: records, uploads: UploadBounds()), records, isRemovable)
    }
    let blob = try await store.blobs.insert([1, 2, 3])
    await #expect {
      try await store.collectGarbage(olderThan: -1)
    } throws: {
      // Not on record while it was being removed: who ends then leaves a file alone.
      isFault($0, .away, "record: false")
    }
    #expect(try await store.blobs.contains(blob))
    #expect(try await store.unknownFiles() == 0)
    isRemovable.set(true)
    try await store.collectGarbage(olderThan: -1)
    #expect(try await !store.blobs.contains(blob))
    #expect(try await store.unknownFiles() == 0)
  }
}

private final class Mutexed: Sendable {
  private let value: Mutex<Bool>
  init(_ value: Bool) { self.value = Mutex(value) }
  func set(_ new: Bool) { value.withLock { $0 = new } }
  var isSet: Bool { value.withLock { $0 } }
}

/// Files in a folder that cannot be removed, as those in a bucket that does not answer.
private struct StuckBlobs: KeptBlobs {
  let files: FileBlobs
  let records: SqlBlobRecords
  let isRemovable: Mutexed

  init(_ files: FileBlobs, _ records: SqlBlobRecords, _ isRemovable: Mutexed) {
    (self.files, self.records, self.isRemovable) = (files, records, isRemovable)
  }

  func remove(_ blob: BlobID) async throws(StoreError) {
    if isRemovable.isSet { return files.remove(blob) }
    let isKnown = try await records.all().contains(blob)
    throw StoreError(.away, at: "blob", expected: "a bucket that answers", got: "none, record: \(isKnown)")
  }

  func contains(_ blob: BlobID) async throws(StoreError) -> Bool { files.contains(blob) }
  func read(_ blob: BlobID) async throws(StoreError) -> [UInt8] { try await files.read(blob) }
  func insert(_ bytes: [UInt8]) async throws(StoreError) -> BlobID { try await files.insert(bytes) }
  func upload(
    _ blob: BlobID, of owner: String, by caller: String, bytes: Int, isNew: Bool
  ) async throws(StoreError) -> any Upload {
    try await files.upload(blob, of: owner, by: caller, bytes: bytes, isNew: isNew)
  }
  func received(_ blob: BlobID, of owner: String) async throws(StoreError) -> Int {
    try files.received(blob, of: owner)
  }
  func stored() async throws(StoreError) -> Set<BlobID> { try await files.stored() }
  func forgetUploads(olderThan age: Double) async { files.forgetUploads(olderThan: age) }
}

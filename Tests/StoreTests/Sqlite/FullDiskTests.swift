import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite(.enabled(if: TinyDisk.isPossible, "only root can mount a small disk"))
struct FullDiskTests {
  private func publish(_ content: [UInt8], as name: String, in store: any Store) async throws {
    let blob = try await store.blobs.insert(content)
    let model = NewModel(
      name: name, blob: blob, bytes: content.count, card: "", signature: "{}", noise: "", defaultSamples: 0)
    _ = try await store.models.publish(model, aliases: [], by: "")
  }

  /// The store that was there is let go of by a task of its own, a moment later.
  private static func reopened(_ directory: String) async throws -> SqliteStore {
    let end = ContinuousClock.now + Duration.seconds(10).asBuilt
    while true {
      do { return try SqliteStore(directory: directory) } catch {
        guard error.code == .inUse, ContinuousClock.now < end else { throw error }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  @Test("what frees room works on a full disk, and afterwards all else does")
  func removal() async throws {
    let disk = try TinyDisk(bytes: 4 << 20), store = try SqliteStore(directory: disk.path + "/state")
    try await publish([UInt8](repeating: 1, count: 1 << 20), as: "big", in: store)
    _ = try await store.tokens.create("ci", roles: ["admin"])
    try await store.jobs.create(Job(id: "j", kind: "audit", subject: "", spec: [], createdBy: ""))
    try disk.fill()
    var refusal: StoreError?
    // The log has some room left at first.
    for number in 0..<2000 where refusal == nil {
      do throws(StoreError) {
        _ = try await store.models.setAlias("alias\(number)", of: "big", to: 1, by: "")
      } catch { refusal = error }
    }
    #expect(refusal?.code == .noSpace)
    #expect(refusal?.description.contains(disk.path) == false)
    await #expect { try await publish([2], as: "small", in: store) } throws: { ($0 as? StoreError)?.code == .noSpace }
    #expect(try await store.jobs.setState(.failed, of: "j", message: "no room"))
    try await store.tokens.revoke("ci")
    #expect(try store.tokens.live(since: nil)?.byHash.isEmpty == true)
    let gone = try await store.models.remove("big", version: nil, by: "")
    #expect(try await store.release(Set(gone.map(\.blob))) == Set(gone.map(\.blob)))
    try await publish([2], as: "small", in: store)
    #expect(try await store.models.all().map(\.name) == ["small"])
    // The reserve is back before others take the room: a disk that is full again is freed again.
    #expect(FileManager.default.fileExists(atPath: disk.path + "/state/reserve"))
    try disk.fill()
    let second = try await store.models.remove("small", version: nil, by: "")
    #expect(second.count == 1)
  }

  @Test func aServerStartsOnAFullDisk() async throws {
    let disk = try TinyDisk(bytes: 4 << 20), directory = disk.path + "/state"
    do { try await publish([1, 2, 3], as: "net", in: SqliteStore(directory: directory)) }
    try disk.fill()
    let store = try await Self.reopened(directory)
    #expect(try await store.models.all().count == 1)
    #expect(try await store.models.remove("net", version: nil, by: "").count == 1)
  }

  @Test func anUploadThatHasNoRoomSaysSo() async throws {
    let disk = try TinyDisk(bytes: 4 << 20), store = try SqliteStore(directory: disk.path + "/state")
    let bytes = [UInt8](repeating: 3, count: 100_000)
    let upload = try await store.blobs.upload(
      BlobID(Sha256.hash(bytes)), of: "net", by: "ann", bytes: bytes.count, isNew: true)
    try disk.fill(leaving: 50_000)
    await #expect { try await upload.append(Data(bytes), at: 0) } throws: { ($0 as? StoreError)?.code == .noSpace }
    await upload.discard()
    disk.clear()
    #expect(try await store.blobs.read(try await store.blobs.insert(bytes)) == bytes)
  }
}

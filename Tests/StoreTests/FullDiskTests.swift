import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite(.enabled(if: TinyDisk.isPossible, "only root can mount a small disk"))
struct FullDiskTests {
  private func publish(_ content: [UInt8], as name: String, in store: Store) throws {
    let blob = try store.blobs.insert(content)
    let model = NewModel(
      name: name, blob: blob, bytes: content.count, card: "", signature: "{}", noise: "", defaultSamples: 0)
    _ = try store.models.publish(model, aliases: [], by: "")
  }

  @Test("what frees room works on a full disk, and afterwards all else does")
  func removal() throws {
    let disk = try TinyDisk(bytes: 4 << 20), store = try Store(directory: disk.path + "/state")
    try publish([UInt8](repeating: 1, count: 1 << 20), as: "big", in: store)
    let secret = try store.tokens.create("ci", roles: ["admin"])
    try store.jobs.create(Job(id: "j", kind: "audit", subject: "", spec: [], createdBy: ""))
    try disk.fill()
    var refusal: StoreError?
    // The log has some room left at first.
    for number in 0..<2000 where refusal == nil {
      do throws(StoreError) {
        _ = try store.models.setAlias("alias\(number)", of: "big", to: 1, by: "")
      } catch { refusal = error }
    }
    #expect(refusal?.code == .noSpace)
    #expect(refusal?.description.contains(disk.path) == false)
    #expect { try publish([2], as: "small", in: store) } throws: { ($0 as? StoreError)?.code == .noSpace }
    #expect(try store.jobs.setState(.failed, of: "j", message: "no room"))
    try store.tokens.revoke("ci")
    #expect(try store.tokens.find(secret: secret) == nil)
    let gone = try store.models.remove("big", version: nil, by: "")
    #expect(try store.release(gone.map(\.blob)) == gone.map(\.blob))
    try publish([2], as: "small", in: store)
    #expect(try store.models.all().map(\.name) == ["small"])
  }

  @Test func aServerStartsOnAFullDisk() throws {
    let disk = try TinyDisk(bytes: 4 << 20), directory = disk.path + "/state"
    do { try publish([1, 2, 3], as: "net", in: Store(directory: directory)) }
    try disk.fill()
    let store = try Store(directory: directory)
    #expect(try store.models.all().count == 1)
    #expect(try store.models.remove("net", version: nil, by: "").count == 1)
  }

  @Test func anUploadThatHasNoRoomSaysSo() throws {
    let disk = try TinyDisk(bytes: 4 << 20), store = try Store(directory: disk.path + "/state")
    let bytes = [UInt8](repeating: 3, count: 100_000)
    let upload = try store.blobs.upload(BlobID(Sha256.hash(bytes)), of: "net", bytes: bytes.count, isNew: true)
    try disk.fill(leaving: 50_000)
    #expect { try upload.append(Data(bytes), at: 0) } throws: { ($0 as? StoreError)?.code == .noSpace }
    store.blobs.discard(upload)
    disk.clear()
    #expect(try store.blobs.read(store.blobs.insert(bytes)) == bytes)
  }
}

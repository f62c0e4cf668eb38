import DitherBasics
import DitherStore
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite struct UploadRoomTests {
  private static func bounds(bytes: Int = 1000, left: Int = 4) -> UploadBounds {
    var bounds = UploadBounds()
    (bounds.bytes, bounds.left) = (bytes, left)
    return bounds
  }

  @Test("what was left longest ago makes way; what runs does not")
  func makesWay() {
    var room = UploadRoom(Self.bounds(), left: [("old", 300), ("new", 200)])
    room.begin("a", by: "ann")
    #expect(room.hold("a", 500) == [])
    #expect(room.hold("a", 501) == ["old"])
    room.begin("b", by: "ben")
    #expect(room.hold("b", 600) == nil && room.hold("b", 400) == ["new"])
    #expect(room.leave("a") == [] && room.hold("b", 600) == ["a"])
  }

  @Test("one caller's running uploads have three quarters at most")
  func share() {
    var room = UploadRoom(Self.bounds(), left: [])
    for path in ["a", "b"] { room.begin(path, by: "ann") }
    #expect(room.hold("a", 500) == [] && room.hold("b", 251) == nil && room.hold("b", 250) == [])
    room.begin("c", by: "ben")
    #expect(room.hold("c", 250) == [] && room.hold("c", 251) == nil)
  }

  @Test("never more bytes or uploads than the bounds say, and none that is counted twice", arguments: UInt64(1)...8)
  func anyOrder(_ seed: UInt64) {
    var random = PhiloxGenerator(seed: seed, stream: 0x0B)
    let bounds = Self.bounds()
    var room = UploadRoom(bounds, left: []), running: [String: Int] = [:], left: [(path: String, bytes: Int)] = []
    func drop(_ gone: [String]) {
      #expect(gone == left.prefix(gone.count).map(\.path), "the oldest first")
      left.removeFirst(min(gone.count, left.count))
    }
    for _ in 0..<2000 {
      let path = "p\(Int.random(in: 0..<12, using: &random))"
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        room.begin(path, by: "c\(Int.random(in: 0..<3, using: &random))")
        if running[path] == nil { running[path] = left.first { $0.path == path }?.bytes ?? 0 }
        left.removeAll { $0.path == path }
      case 1:
        guard let standing = running[path] else { continue }
        let wanted = standing + Int.random(in: 0..<200, using: &random)
        guard let gone = room.hold(path, wanted) else { continue }
        running[path] = wanted
        drop(gone)
      case 2:
        guard let bytes = running.removeValue(forKey: path) else { continue }
        left.append((path, bytes))
        drop(room.leave(path))
      default:
        room.end(path)
        running[path] = nil
        left.removeAll { $0.path == path }
      }
      let all = running.values.reduce(0, +) + left.reduce(0) { $0 + $1.bytes }
      #expect(all <= bounds.bytes && left.count <= bounds.left)
    }
  }

  @Test("uploads that were cut do not fill the disk, in this process or the next")
  func onDisk() async throws {
    let scratch = try Scratch(), bounds = Self.bounds(bytes: 50_000, left: 8), piece = Data(count: 4000)
    func cut(_ numbers: Range<Int>) async throws {
      let store = try SqliteStore(directory: scratch.path, uploads: bounds)
      for number in numbers {
        let blob = BlobID(Sha256.hash([UInt8(number)]))
        let upload = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: 1 << 20, isNew: true)
        try await upload.append(piece, at: 0)
        await upload.suspend()
      }
    }
    for start in [0, 20] {
      try await cut(start..<start + 20)
      #expect(scratch.files.count == 8)
    }
    let store = try SqliteStore(directory: scratch.path, uploads: bounds)
    #expect(try await store.blobs.received(BlobID(Sha256.hash([39])), of: "net") == 4000, "the newest are there")
    let big = try await store.blobs.upload(BlobID(Sha256.hash([99])), of: "net", by: "ann", bytes: 1 << 20, isNew: true)
    for at in 0..<9 { try await big.append(piece, at: UInt64(at * 4000)) }
    await #expect { try await big.append(piece, at: 36_000) } throws: { isFault($0, .busy) }
    #expect(scratch.files.count == 4, "36 000 bytes of one that runs leave room for three")
    await big.discard()
    #expect(scratch.files.count == 3)
  }
}

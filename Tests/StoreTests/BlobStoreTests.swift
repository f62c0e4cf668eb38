import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite struct BlobStoreTests {
  private let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

  @Test func whatGoesInComesOut() throws {
    let scratch = try Scratch()
    let store = try Store(directory: scratch.path)
    let blob = try store.blobs.insert(bytes)
    #expect(blob == BlobID(Sha256.hash(bytes)))
    #expect(try store.blobs.read(blob) == bytes)
    #expect(try store.blobs.insert(bytes) == blob)
    #expect(scratch.files.count == 1)
  }

  @Test func aChangedFileIsNotServed() throws {
    let scratch = try Scratch()
    let store = try Store(directory: scratch.path)
    let blob = try store.blobs.insert(bytes)
    let path = scratch.path + "/" + (try #require(scratch.files.first))
    try Data([1, 2, 3]).write(to: URL(filePath: path))
    #expect { try store.blobs.read(blob) } throws: { ($0 as? StoreError)?.code == .corrupt }
  }

  @Test("an upload that was cut goes on, in this process or the next", arguments: [false, true])
  func resumes(_ restarts: Bool) throws {
    let scratch = try Scratch()
    let blob = BlobID(Sha256.hash(bytes))
    var store: Store? = try Store(directory: scratch.path)
    let first = try #require(store).blobs.upload(blob, of: "net", bytes: bytes.count)
    try first.append(Data(bytes[..<40_000]), at: 0)
    if restarts { store = nil } else { store?.blobs.suspend(first) }
    let standing = try store ?? Store(directory: scratch.path)
    #expect(try standing.blobs.received(blob, of: "net") == 40_000)
    let second = try standing.blobs.upload(blob, of: "net", bytes: bytes.count)
    #expect(second.received == 40_000)
    try second.append(Data(bytes[40_000...]), at: 40_000)
    #expect(try second.finish() == bytes)
    try standing.blobs.keep(second)
    #expect(try standing.blobs.read(blob) == bytes)
    #expect(scratch.files.allSatisfy { $0.hasPrefix("blobs/") })
  }

  @Test func aNewerUploadTakesOver() throws {
    let scratch = try Scratch()
    let store = try Store(directory: scratch.path)
    let blob = BlobID(Sha256.hash(bytes))
    let old = try store.blobs.upload(blob, of: "net", bytes: bytes.count)
    try old.append(Data(bytes[..<10]), at: 0)
    let new = try store.blobs.upload(blob, of: "net", bytes: bytes.count)
    #expect { try old.append(Data(bytes[10..<20]), at: 10) } throws: { ($0 as? StoreError)?.code == .superseded }
    store.blobs.discard(old)
    #expect(new.received == 10)
    try new.append(Data(bytes[10...]), at: 10)
    #expect(try new.finish() == bytes)
  }

  struct Piece: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let offset: UInt64
    let count: Int
    let fault: StoreFault
  }

  @Test(
    "pieces that do not fit are refused and change nothing",
    arguments: [
      Piece(testDescription: "a gap", offset: 20, count: 5, fault: .offset),
      Piece(testDescription: "again", offset: 0, count: 10, fault: .offset),
      Piece(testDescription: "too much", offset: 10, count: 91, fault: .badSize),
      Piece(testDescription: "an offset beyond all", offset: .max, count: 1, fault: .offset),
    ])
  func refuses(_ piece: Piece) throws {
    let scratch = try Scratch()
    let store = try Store(directory: scratch.path)
    let whole = Array(bytes[..<100])
    let upload = try store.blobs.upload(BlobID(Sha256.hash(whole)), of: "net", bytes: 100)
    try upload.append(Data(whole[..<10]), at: 0)
    #expect {
      try upload.append(Data(repeating: 0, count: piece.count), at: piece.offset)
    } throws: {
      ($0 as? StoreError)?.code == piece.fault
    }
    try upload.append(Data(whole[10...]), at: 10)
    #expect(try upload.finish() == whole)
  }

  @Test func otherBytesAreRefusedAndDiscardedWhole() throws {
    let scratch = try Scratch()
    let store = try Store(directory: scratch.path)
    let upload = try store.blobs.upload(BlobID(Sha256.hash([1, 2, 3])), of: "net", bytes: 3)
    try upload.append(Data([1, 2, 4]), at: 0)
    #expect { _ = try upload.finish() } throws: { ($0 as? StoreError)?.code == .digestMismatch }
    store.blobs.discard(upload)
    #expect(scratch.files.isEmpty)
  }

  @Test func orphansGoByTheirAge() throws {
    let scratch = try Scratch()
    do { try Store(directory: scratch.path).blobs.insert(bytes) }
    try Data([1]).write(to: URL(filePath: scratch.path + "/uploads/left.tmp"))
    #expect(scratch.files.count == 2)
    let store = try Store(directory: scratch.path)
    #expect(scratch.files.count == 1)
    try store.collectGarbage(olderThan: 60)
    #expect(scratch.files.count == 1)
    try store.collectGarbage(olderThan: -1)
    #expect(scratch.files.isEmpty)
  }

  @Test func uploadsThatWereLeftGoByTheirAge() throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    let blob = BlobID(Sha256.hash(bytes))
    let left = try store.blobs.upload(blob, of: "net", bytes: bytes.count)
    try left.append(Data(bytes[..<10]), at: 0)
    try store.collectGarbage(olderThan: -1)
    #expect(scratch.files.count == 1, "an upload that runs stays")
    store.blobs.suspend(left)
    try store.collectGarbage(olderThan: 60)
    #expect(scratch.files.count == 1)
    try store.collectGarbage(olderThan: -1)
    #expect(scratch.files.isEmpty)
  }

  @Test("two uploads from the start are beside each other; the one that is left leaves nothing")
  func besideEachOther() throws {
    let scratch = try Scratch(), store = try Store(directory: scratch.path)
    let blob = BlobID(Sha256.hash(bytes))
    let first = try store.blobs.upload(blob, of: "net", bytes: bytes.count, isNew: true)
    try first.append(Data(bytes[..<10]), at: 0)
    #expect(try store.blobs.received(blob, of: "net") == 0, "another call is sending it")
    let second = try store.blobs.upload(blob, of: "net", bytes: bytes.count, isNew: true)
    let third = try store.blobs.upload(blob, of: "net", bytes: bytes.count, isNew: true)
    try third.append(Data(bytes[..<20]), at: 0)
    for (upload, start) in [(first, 10), (second, 0)] {
      try upload.append(Data(bytes[start...]), at: UInt64(start))
      #expect(try upload.finish() == bytes)
      try store.blobs.keep(upload)
    }
    store.blobs.suspend(third)
    #expect(scratch.files.count == 1)
  }

  @Test func oneServerToADirectory() throws {
    let scratch = try Scratch()
    let first = try Store(directory: scratch.path)
    #expect { _ = try Store(directory: scratch.path) } throws: { ($0 as? StoreError)?.code == .inUse }
    _ = try Store(directory: scratch.path, use: .tool)
    withExtendedLifetime(first) {}
  }
}

import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite struct BlobsTests {
  private let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

  @Test(arguments: StoreKind.all) func whatGoesInComesOut(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let store = try await kind.open(scratch.path)
    let blob = try await store.blobs.insert(bytes)
    #expect(blob == BlobID(Sha256.hash(bytes)))
    #expect(try await store.blobs.read(blob) == bytes)
    #expect(try await store.blobs.insert(bytes) == blob)
    #expect(scratch.files.count == 1)
  }

  @Test("an upload that was cut goes on, in this process or the next", arguments: [false, true], StoreKind.all)
  func resumes(_ restarts: Bool, _ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let blob = BlobID(Sha256.hash(bytes))
    var store: (any Store)? = try await kind.open(scratch.path)
    let first = try await #require(store).blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: false)
    try await first.append(Data(bytes[..<40_000]), at: 0)
    if restarts { store = nil } else { await first.suspend() }
    let standing: any Store = if let store { store } else { try await kind.open(scratch.path) }
    #expect(try await standing.blobs.received(blob, of: "net") == 40_000)
    let second = try await standing.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: false)
    #expect(second.received == 40_000)
    try await second.append(Data(bytes[40_000...]), at: 40_000)
    #expect(try await second.finish() == bytes)
    try await second.keep()
    #expect(try await standing.blobs.read(blob) == bytes)
    #expect(scratch.files.allSatisfy { $0.hasPrefix("blobs/") })
  }

  @Test(arguments: StoreKind.all) func aNewerUploadTakesOver(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let store = try await kind.open(scratch.path)
    let blob = BlobID(Sha256.hash(bytes))
    let old = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: false)
    try await old.append(Data(bytes[..<10]), at: 0)
    let new = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: false)
    await #expect { try await old.append(Data(bytes[10..<20]), at: 10) } throws: {
      ($0 as? StoreError)?.code == .superseded
    }
    await old.discard()
    #expect(new.received == 10)
    try await new.append(Data(bytes[10...]), at: 10)
    #expect(try await new.finish() == bytes)
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
    ], StoreKind.all)
  func refuses(_ piece: Piece, _ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let store = try await kind.open(scratch.path)
    let whole = Array(bytes[..<100])
    let upload = try await store.blobs.upload(
      BlobID(Sha256.hash(whole)), of: "net", by: "ann", bytes: 100, isNew: false)
    try await upload.append(Data(whole[..<10]), at: 0)
    await #expect {
      try await upload.append(Data(repeating: 0, count: piece.count), at: piece.offset)
    } throws: {
      ($0 as? StoreError)?.code == piece.fault
    }
    try await upload.append(Data(whole[10...]), at: 10)
    #expect(try await upload.finish() == whole)
  }

  @Test(arguments: StoreKind.all) func otherBytesAreRefusedAndDiscardedWhole(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let store = try await kind.open(scratch.path)
    let upload = try await store.blobs.upload(
      BlobID(Sha256.hash([1, 2, 3])), of: "net", by: "ann", bytes: 3, isNew: false)
    try await upload.append(Data([1, 2, 4]), at: 0)
    await #expect { _ = try await upload.finish() } throws: { ($0 as? StoreError)?.code == .digestMismatch }
    await upload.discard()
    #expect(scratch.files.isEmpty)
  }

  @Test(arguments: StoreKind.all) func uploadsThatWereLeftGoByTheirAge(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    let blob = BlobID(Sha256.hash(bytes))
    let left = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: false)
    try await left.append(Data(bytes[..<10]), at: 0)
    try await store.collectGarbage(olderThan: -1)
    #expect(scratch.files.count == 1, "an upload that runs stays")
    await left.suspend()
    try await store.collectGarbage(olderThan: 86_400)
    #expect(scratch.files.count == 1)
    try await store.collectGarbage(olderThan: -1)
    #expect(scratch.files.isEmpty)
  }

  @Test(
    "two uploads from the start are beside each other; the one that is left leaves nothing", arguments: StoreKind.all)
  func besideEachOther(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    let blob = BlobID(Sha256.hash(bytes))
    let first = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: true)
    try await first.append(Data(bytes[..<10]), at: 0)
    #expect(try await store.blobs.received(blob, of: "net") == 0, "another call is sending it")
    let second = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: true)
    let third = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: true)
    try await third.append(Data(bytes[..<20]), at: 0)
    for (upload, start) in [(first, 10), (second, 0)] {
      try await upload.append(Data(bytes[start...]), at: UInt64(start))
      #expect(try await upload.finish() == bytes)
      try await upload.keep()
    }
    await third.suspend()
    #expect(scratch.files.count == 1)
  }

  @Test("whoever begins anew beside a file that is being tried does not touch it", arguments: StoreKind.all)
  func besideAWholeOne(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), store = try await kind.open(scratch.path)
    let blob = BlobID(Sha256.hash(bytes))
    let first = try await store.blobs.upload(blob, of: "net", by: "ann", bytes: bytes.count, isNew: true)
    try await first.append(Data(bytes), at: 0)
    _ = try await first.finish()
    #expect(try await store.blobs.received(blob, of: "net") == 0, "nothing to go on from")
    await #expect {
      _ = try await store.blobs.upload(blob, of: "net", by: "ben", bytes: bytes.count, isNew: false)
    } throws: { isFault($0, .superseded) }
    let second = try await store.blobs.upload(blob, of: "net", by: "ben", bytes: bytes.count, isNew: true)
    try await second.append(Data(bytes[..<10]), at: 0)
    try await first.keep()
    await second.suspend()
    #expect(try await store.blobs.read(blob) == bytes)
    #expect(scratch.files.count == 1)
  }
}

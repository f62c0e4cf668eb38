import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// A plain file, a packed one.
private enum Letters: DatasetSource {
  static let name = "letters"
  static let summary = "for tests"
  static let plain = Written.noise(3_000, seed: 3)
  static let packed = Written.noise(2_000, seed: 4)
  static let files = [
    DataFile("letters/a.bin", from: "http://127.0.0.1:1/a", sha256: Sha256.hash(plain).hex, bytes: plain.count),
    DataFile("letters/b.bin.gz", from: "http://127.0.0.1:1/b", sha256: Sha256.hash(packed).hex, bytes: packed.count),
  ]
  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    Dataset(name: name, inputs: Tensor(zeros: [0]), labels: [], classNames: [])
  }
}

/// Two members of one archive.
private enum Archived: DatasetSource {
  static let name = "archived"
  static let summary = "for tests"
  static let one = Written.noise(700, seed: 5), two = Written.noise(30, seed: 6)
  static let files = [("one.bin", one), ("two.bin", two)].map { (file: String, bytes: [UInt8]) in
    DataFile(
      "archived/\(file)", from: "http://127.0.0.1:1/folder/set.tar.gz", sha256: Sha256.hash(bytes).hex,
      bytes: bytes.count, member: file)
  }
  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    Dataset(name: name, inputs: Tensor(zeros: [0]), labels: [], classNames: [])
  }
}

@Suite("The data store")
struct DataStoreTests {
  private let scratch: Scratch
  private var root: DataRoot { DataRoot(URL(filePath: scratch.path)) }
  init() throws { scratch = try Scratch() }

  static let good: [String: LoopbackServer.Reply] = [
    "/mirror/letters/a.bin": .body(Letters.plain), "/mirror/letters/b.bin.gz": .body(Written.gzip(Letters.packed)),
  ]

  private func get(_ set: any DatasetSource.Type, _ replies: [String: LoopbackServer.Reply]) async throws -> [String] {
    let server = try LoopbackServer(replies)
    var store = DataStore(root, mirror: server.address)
    store.patience = 1
    try await store.get(set)
    return server.requests
  }

  /// Expects that `get` fails so and leaves no file at all.
  private func expectRefusal(
    _ code: DatasetFault, says words: String = "", _ replies: [String: LoopbackServer.Reply],
    of set: any DatasetSource.Type = Letters.self, sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    await #expect(sourceLocation: sourceLocation) {
      _ = try await get(set, replies)
    } throws: {
      guard let fault = $0 as? DatasetError else { return false }
      return fault.code == code && !fault.place.isEmpty && (words.isEmpty || fault.description.contains(words))
    }
    #expect(scratch.files.isEmpty, sourceLocation: sourceLocation)
  }

  @Test("fetches what is missing, once, and stores it as it was published")
  func fetches() async throws {
    #expect(try await get(Letters.self, Self.good) == ["/mirror/letters/a.bin", "/mirror/letters/b.bin.gz"])
    #expect(scratch.files == ["letters/a.bin", "letters/b.bin.gz"])
    try DataStore(root).verify(Letters.self)
    #expect(Letters.isPresent(in: root))
    #expect(try root.read(Letters.files[1], of: "letters") == Letters.packed)
    #expect(try await get(Letters.self, [:]) == [])
  }

  @Test("goes on where an earlier attempt failed")
  func goesOn() async throws {
    var replies = Self.good
    replies["/mirror/letters/b.bin.gz"] = .status(503)
    await #expect(throws: DatasetError.self) { _ = try await get(Letters.self, replies) }
    #expect(scratch.files == ["letters/a.bin"])
    #expect(try await get(Letters.self, Self.good) == ["/mirror/letters/b.bin.gz"])
  }

  @Test("fetches an archive once for all its members, whatever paths it holds")
  func archives() async throws {
    let tar = Written.tar([
      ("../../../one.bin", "0", Archived.one), ("/etc/other", "0", [1]), ("set/two.bin", "0", Archived.two),
    ])
    #expect(try await get(Archived.self, ["/mirror/set.tar.gz": .body(Written.gzip(tar))]) == ["/mirror/set.tar.gz"])
    #expect(scratch.files == ["archived/one.bin", "archived/two.bin"])
    try DataStore(root).verify(Archived.self)
  }

  @Test("fetches a zip archive's members too")
  func zipped() async throws {
    let zip = Written.zip([("one.bin", Archived.one), ("two.bin", Archived.two)], deflated: true)
    _ = try await get(Archived.self, ["/mirror/set.tar.gz": .body(zip)])
    try DataStore(root).verify(Archived.self)
    let other = Written.zip([("other.bin", [1])])
    try FileManager.default.removeItem(atPath: scratch.file("archived"))
    await expectRefusal(.absent, says: "one.bin", ["/mirror/set.tar.gz": .body(other)], of: Archived.self)
  }

  @Test("a server that packs for the way")
  func contentEncoding() async throws {
    var replies = Self.good
    replies["/mirror/letters/a.bin"] = .body(Written.gzip(Letters.plain), headers: ["Content-Encoding: gzip"])
    _ = try await get(Letters.self, replies)
    try DataStore(root).verify(Letters.self)
  }

  @Test("other bytes than were published")
  func wrongBytes() async {
    var changed = Letters.plain
    changed[17] ^= 1
    await expectRefusal(.checksum, says: "SHA-256", ["/mirror/letters/a.bin": .body(changed)])
    await expectRefusal(
      .checksum, says: "3000 bytes, got 2999", ["/mirror/letters/a.bin": .body(Letters.plain.dropLast())])
    await expectRefusal(.checksum, ["/mirror/letters/a.bin": .body([])])
    await expectRefusal(.truncated, ["/mirror/letters/a.bin": .body(Written.gzip(Letters.plain).dropLast(9))])
  }

  @Test("an archive that is cut, damaged or lacks the member")
  func wrongArchive() async {
    let tar = Written.tar([("one.bin", "0", Archived.one)]), path = "/mirror/set.tar.gz"
    await expectRefusal(.truncated, [path: .body(Written.gzip(tar).dropLast(20))], of: Archived.self)
    await expectRefusal(.truncated, [path: .body(Written.gzip(tar.prefix(900).map { $0 }))], of: Archived.self)
    let other = Written.gzip(Written.tar([("other.bin", "0", [1])]))
    await expectRefusal(.absent, says: "one.bin", [path: .body(other)], of: Archived.self)
  }

  @Test("a body that ends early")
  func truncated() async {
    let part = Array(Letters.plain.prefix(100))
    await expectRefusal(.download, says: "a.bin", ["/mirror/letters/a.bin": .cut(part, promised: 3_000)])
  }

  @Test("statuses that are no success", arguments: [204, 403, 404, 500, 503])
  func statuses(_ status: Int) async {
    await expectRefusal(.download, says: "\(status)", ["/mirror/letters/a.bin": .status(status)])
  }

  @Test("nobody listens")
  func refused() async {
    // No mirror: the sets' own addresses are at port 1.
    for set in [Letters.self, Archived.self] as [any DatasetSource.Type] {
      await #expect {
        try await DataStore(root).get(set)
      } throws: {
        ($0 as? DatasetError)?.code == .download && "\($0)".contains("check the network")
      }
    }
    #expect(scratch.files.isEmpty)
  }

  // Without the store's own bound the server would stall for ever, and the limit here would fail the test.
  @Test("a server that falls silent", .timeLimit(.minutes(10)), arguments: [0, 100])
  func stalls(_ sent: Int) async {
    await expectRefusal(.download, ["/mirror/letters/a.bin": .stall(Array(Letters.plain.prefix(sent)))])
  }

  @Test("a full disk", .enabled(if: TinyDisk.isPossible, "needs root"))
  func fullDisk() async throws {
    let disk = try TinyDisk(bytes: 1 << 20), server = try LoopbackServer(Self.good)
    try disk.fill()
    await #expect {
      try await DataStore(DataRoot(URL(filePath: disk.path)), mirror: server.address).get(Letters.self)
    } throws: {
      ($0 as? DatasetError)?.code == .disk && "\($0)".contains("No space left on device")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path + "/letters").isEmpty)
  }

  @Test("a data root that cannot be one")
  func noRoot() async throws {
    try Data([1]).write(to: URL(filePath: scratch.path + "/letters"))
    await #expect {
      _ = try await get(Letters.self, Self.good)
    } throws: {
      ($0 as? DatasetError)?.code == .disk
    }
    #expect(scratch.files == ["letters"])
  }

  @Test("verify tells missing files from damaged ones")
  func verifies() async throws {
    let store = DataStore(root)
    expectFault(.absent, says: "dither data get letters") { try store.verify(Letters.self) }
    _ = try await get(Letters.self, Self.good)
    let plain = URL(filePath: scratch.path + "/letters/a.bin"),
      packed = URL(filePath: scratch.path + "/letters/b.bin.gz")
    try store.verify(Letters.self)

    try Data(Letters.plain.dropLast()).write(to: plain)
    expectFault(.checksum, says: "letters/a.bin: expected 3000 bytes, got 2999") { try store.verify(Letters.self) }
    try Data(Letters.plain.dropLast() + [0xFF ^ (Letters.plain.last ?? 0)]).write(to: plain)
    expectFault(.checksum, says: Sha256.hash(Letters.plain).hex) { try store.verify(Letters.self) }
    try Data(Letters.plain).write(to: plain)

    try Data(Written.gzip(Letters.packed).dropLast()).write(to: packed)
    expectFault(.truncated, says: "b.bin.gz") { try store.verify(Letters.self) }
    try FileManager.default.removeItem(at: packed)
    expectFault(.absent, says: "b.bin.gz") { try store.verify(Letters.self) }
    // Unpacked is as good.
    try Data(Letters.packed).write(to: URL(filePath: scratch.path + "/letters/b.bin"))
    try store.verify(Letters.self)
    try FileManager.default.removeItem(at: plain)
    try FileManager.default.createDirectory(at: plain, withIntermediateDirectories: true)
    expectFault(.disk) { try store.verify(Letters.self) }
  }
}

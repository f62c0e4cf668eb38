import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

@Suite("gzip and tar")
struct ArchiveTests {
  static let content = Written.noise(5_000) + [UInt8](repeating: 0, count: 600_000)
  static let packed = Written.gzip(content)

  @Test("one member, none of bytes, several")
  func unpacks() throws {
    #expect(Gzip.isGzip(Self.packed) && !Gzip.isGzip([]) && !Gzip.isGzip([0x1F]))
    #expect(try Gzip.unpack(Self.packed, at: "x") == Self.content)
    #expect(try Gzip.unpack(Written.gzip([]), at: "x").isEmpty)
    #expect(try Gzip.unpack(Written.gzip([1]) + Written.gzip([]) + Written.gzip([2, 3]), at: "x") == [1, 2, 3])
    #expect(try Gzip.unpack(Self.packed + [0, 0, 0], at: "x") == Self.content)
  }

  @Test("a bomb is stopped at the limit")
  func bomb() throws {
    let bomb = Written.gzip([UInt8](repeating: 0, count: 1 << 23))
    #expect(bomb.count < 1 << 14)
    expectFault(.tooLarge, says: "65536") { _ = try Gzip.unpack(bomb, at: "x", limit: 1 << 16) }
    expectFault(.tooLarge) {
      _ = try Gzip.unpack([[UInt8]](repeating: bomb, count: 3).flatMap { $0 }, at: "x", limit: (1 << 23) + 1)
    }
    #expect(try Gzip.unpack(bomb, at: "x", limit: 1 << 23).count == 1 << 23)
  }

  @Test("cut anywhere, or damaged")
  func damaged() throws {
    for count in [2, 9, 10, 11, 500, Self.packed.count - 8, Self.packed.count - 1] {
      expectFault(.truncated) { _ = try Gzip.unpack(Array(Self.packed[..<count]), at: "x") }
    }
    expectFault(.truncated) { _ = try Gzip.unpack(Self.packed + [0x1F, 0x8B, 8], at: "x") }
    for (place, name) in [(8, "CRC"), (4, "length")] {
      var changed = Self.packed
      changed[changed.count - place] ^= 1
      expectFault(.malformed, says: "damaged") { _ = try Gzip.unpack(changed, at: name) }
    }
    expectFault(.malformed) { _ = try Gzip.unpack(Array("neither of them".utf8), at: "x") }
  }

  @Test("a member of a tar archive, by its name in any folder")
  func member() throws {
    let tar = Written.tar([
      ("set/", "5", []), ("set/a.bin", "0", [1, 2, 3]), ("set/xb.bin", "0", [9]), ("set/c.bin", "2", []),
      ("set/b.bin", "0", Written.noise(1024)), ("c.bin", "0", []),
    ])
    #expect(try Tar.member("a.bin", of: tar, at: "x") == [1, 2, 3])
    #expect(try Tar.member("b.bin", of: tar, at: "x") == Written.noise(1024))
    #expect(try Tar.member("c.bin", of: tar, at: "x").isEmpty)
    expectFault(.absent, says: "d.bin") { _ = try Tar.member("d.bin", of: tar, at: "x") }
    expectFault(.absent) { _ = try Tar.member("b.bin", of: Written.tar([("b.bin", "2", [])]), at: "x") }
  }

  @Test("cut anywhere, or with a size that is none")
  func tarDamaged() {
    let tar = Written.tar([("a.bin", "0", [1, 2, 3]), ("b.bin", "0", Written.noise(600))])
    for count in [100, 511, 1024, 1100, 1536, 1600, 2000, 2100] {
      expectFault(.truncated) { _ = try Tar.member("b.bin", of: Array(tar[..<count]), at: "x") }
    }
    for size in ["77777777777", "-0000000001", "99999999999", "           "] {
      var changed = tar
      changed.replaceSubrange(124..<135, with: Array(size.utf8))
      expectFault(.truncated) { _ = try Tar.member("b.bin", of: changed, at: "x") }
    }
    expectFault(.truncated) { _ = try Tar.member("b.bin", of: [], at: "x") }
  }
}

import DitherDatasets
import Testing

/// Zip archives as NumPy and other programs write them.
@Suite("Zip")
struct ZipTests {
  private static let content = [UInt8]((0..<2000).map { UInt8($0 % 7) })

  @Test("members stored and deflated, with plain and with wide sizes", arguments: [false, true], [false, true])
  func members(_ deflated: Bool, _ wide: Bool) throws {
    let archive = Written.zip([("a.bin", Self.content), ("b/c.npy", [1, 2, 3])], deflated: deflated, wide: wide)
    let zip = try Zip(archive, at: "x.npz")
    #expect(zip.names == ["a.bin", "b/c.npy"])
    #expect(try zip.member("a.bin") == Self.content)
    #expect(try zip.member("b/c.npy") == [1, 2, 3])
    expectFault(.absent, says: "did you mean 'a.bin'") { _ = try zip.member("a.bim") }
  }

  @Test("damage is found: every cut, a changed byte, sizes that are none")
  func damage() throws {
    let archive = Written.zip([("a.bin", Array(Self.content.prefix(40)))], deflated: false, wide: false)
    for count in 0..<archive.count {
      #expect(throws: DatasetError.self) { try Zip(Array(archive[..<count]), at: "cut").member("a.bin") }
    }
    var changed = archive
    changed[35 + 20] ^= 1
    expectFault(.checksum) { _ = try Zip(changed, at: "x").member("a.bin") }
    // Each byte in turn as all ones: refused or read, never fatal.
    for at in archive.indices {
      var damaged = archive
      damaged[at] = 0xFF
      _ = try? Zip(damaged, at: "x").member("a.bin")
    }
  }
}

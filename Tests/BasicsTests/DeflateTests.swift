import DitherBasics
import Testing

@Suite("Deflated data") struct DeflateTests {
  private static let content = (0..<5000).map { UInt8($0 % 7 * $0 / 50 % 251) }

  @Test("gzip and back, at every level", arguments: [1, 6, 9] as [Int32]) func back(_ level: Int32) throws {
    for bytes in [Self.content, [], [7]] {
      let packed = try #require(Deflate.gzip(bytes, level: level))
      #expect(Deflate.isGzip(packed) && Deflate.claimedBytes(packed) == bytes.count)
      #expect(try Deflate.inflated(packed, limit: bytes.count) == bytes)
      #expect(try Deflate.inflated(packed, windowBits: 15 + 16, limit: bytes.count) == bytes)
    }
  }

  @Test("what is cut, damaged or too large is told apart") func faults() throws {
    let packed = try #require(Deflate.gzip(Self.content))
    #expect(throws: Deflate.Fault.tooLarge) { try Deflate.inflated(packed, limit: 4999) }
    for count in [0, 1, 10, packed.count / 2, packed.count - 1] {
      #expect(throws: Deflate.Fault.cut) { try Deflate.inflated(Array(packed[..<count]), limit: 5000) }
    }
    #expect(throws: Deflate.Fault.damaged) { try Deflate.inflated(Array("no gzip at all".utf8), limit: 5000) }
    var changed = packed
    changed[packed.count - 6] ^= 1
    #expect(throws: Deflate.Fault.damaged) { try Deflate.inflated(changed, limit: 5000) }
    #expect(Deflate.claimedBytes([0x1F, 0x8B]) == 0)
  }
}

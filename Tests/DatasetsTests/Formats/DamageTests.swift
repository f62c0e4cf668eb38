import DitherBasics
import DitherDatasets
import DitherTensor
import Testing

/// Every parser, under seeded changes of good files: an answer or an error of its own, never a crash.
@Suite("Damaged files")
struct DamageTests {
  struct Parser: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let files: [[UInt8]]
    let parse: @Sendable ([UInt8]) throws(DatasetError) -> Void
  }

  static let parsers = [
    Parser(
      testDescription: "npy",
      files: [
        Npy([2, 3], .float32([1, 2, 3, 4, 5, 6])).bytes, Written.npy("'<i8'", "(1,)", Written.raw([1]), version: 2),
      ]
    ) { bytes throws(DatasetError) in
      let npy = try Npy(bytes)
      _ = try npy.tensor.count + npy.integers().count
    },
    Parser(testDescription: "idx", files: [Written.idx([2, 3, 4], Written.noise(24)), Written.idx([1], [1])]) {
      bytes throws(DatasetError) in _ = try Idx(bytes, at: "x")
    },
    Parser(testDescription: "CIFAR-10", files: [[1] + Written.noise(3072) + [2] + Written.noise(3072)]) {
      bytes throws(DatasetError) in _ = try CifarBin(bytes, at: "x")
    },
    Parser(
      testDescription: "CSV",
      files: ["a;b\r\n1;\"2\"\r\n\r\n3;4", "1,2\n3,4\n", "\"a\"\"\n\",\"b\"\n1,2\n"].map { Array($0.utf8) }
    ) { bytes throws(DatasetError) in _ = try Csv(bytes, at: "x").tensor(at: "x") },
    Parser(
      testDescription: "PNG",
      files: [
        Written.png(4, 4, .rgb, lines: (0..<4).map { Written.noise(12, seed: $0) }),
        Written.png(4, 1, .palette, palette: [5, 5, 5, 90, 90, 90], lines: [[1, 0, 1, 0]]),
      ]
    ) { bytes throws(DatasetError) in _ = try Png(bytes, channels: 3, at: "x") },
    Parser(testDescription: "gzip", files: [Written.gzip(Written.noise(300)), Written.gzip([1]) + Written.gzip([2])]) {
      bytes throws(DatasetError) in _ = try Gzip.unpack(bytes, at: "x", limit: 1 << 20)
    },
    Parser(
      testDescription: "tar", files: [Written.tar([("a", "0", [1, 2, 3]), ("set/b", "0", Written.noise(600))])]
    ) { bytes throws(DatasetError) in _ = try Tar.member("b", of: bytes, at: "x") },
  ]

  @Test("an answer or a typed error", arguments: parsers)
  func survives(_ parser: Parser) throws {
    var generator = PhiloxGenerator(seed: 0xDA3A), refused = 0
    for file in parser.files { try parser.parse(file) }
    for _ in 0..<300 {
      let bytes = Self.damaged(parser.files.randomElement(using: &generator) ?? [], &generator)
      do throws(DatasetError) { try parser.parse(bytes) } catch {
        refused += 1
        #expect(!error.place.isEmpty && !error.got.isEmpty && error.description.utf8.count < 1_000)
      }
    }
    #expect(refused > 0)
  }

  /// One to four of: bits flipped, a byte replaced, the end cut, a piece doubled, bytes put in.
  private static func damaged(_ file: [UInt8], _ generator: inout PhiloxGenerator) -> [UInt8] {
    var bytes = file
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[at] = [0, 0x7F, 0x80, 0xFF, 0x22].randomElement(using: &generator) ?? 0
      case 2: bytes.removeSubrange(at...)
      case 3: bytes.insert(contentsOf: Array(bytes[at...].prefix(64)), at: at)
      default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: at)
      }
    }
    return bytes
  }
}

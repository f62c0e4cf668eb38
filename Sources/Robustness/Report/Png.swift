import Foundation

/// A picture as a PNG file without compression: stored blocks of deflate, as small pictures need no more.
/// Source: PNG (ISO/IEC 15948), RFC 1950, RFC 1951.
enum Png {
  /// - Parameters:
  ///   - planes: [channels, height, width], 1 channel (grey) or 3 (RGB).
  static func encode(planes: Data, channels: Int, height: Int, width: Int) -> Data {
    precondition(planes.count == channels * height * width && (channels == 1 || channels == 3), "whole planes")
    let pixels = [UInt8](planes), area = height * width
    var raw = [UInt8]()
    for y in 0..<height {
      raw.append(0)  // no filter
      for x in 0..<width {
        for c in 0..<channels { raw.append(pixels[c * area + y * width + x]) }
      }
    }
    var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    let header = bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [8, channels == 3 ? 2 : 0, 0, 0, 0]
    file += chunk("IHDR", header) + chunk("IDAT", zlib(raw)) + chunk("IEND", [])
    return file
  }

  private static func zlib(_ raw: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x78, 0x01]
    for start in stride(from: 0, to: raw.count, by: 65_535) {
      let block = raw[start..<min(start + 65_535, raw.count)]
      let size = UInt16(block.count), isLast = block.endIndex == raw.count
      out += [isLast ? 1 : 0, UInt8(size & 0xFF), UInt8(size >> 8), UInt8(~size & 0xFF), UInt8(~size >> 8)]
      out += block
    }
    var a: UInt32 = 1, b: UInt32 = 0
    for byte in raw {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return out + bigEndian(b << 16 | a)
  }

  private static func chunk(_ kind: String, _ body: [UInt8]) -> [UInt8] {
    let content = Array(kind.utf8) + body
    return bigEndian(UInt32(body.count)) + content + bigEndian(crc(content))
  }

  private static func crc(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(0xFFFF_FFFF as UInt32) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xFF) } }
}

import CZlib
import Foundation

/// A picture as a PNG file. The same picture gives the same bytes.
/// Source: PNG (ISO/IEC 15948), RFC 1950.
enum Png {
  /// - Parameters:
  ///   - planes: [channels, height, width], 1 channel (gray) or 3 (RGB).
  static func encode(planes: Data, channels: Int, height: Int, width: Int) -> Data {
    precondition(planes.count == channels * height * width && (channels == 1 || channels == 3), "whole planes")
    let rows = interleaved([UInt8](planes), channels, height, width)
    // Small or flat pictures are best left as they are, noisy and smooth ones are not: both are tried.
    let plain = deflated(rows.flatMap { [Filter.none.rawValue] + $0 }), filtered = deflated(filter(rows, channels))
    let header = bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [8, channels == 3 ? 2 : 0, 0, 0, 0]
    var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    file += chunk("IHDR", header)
    file += chunk("IDAT", filtered.count < plain.count ? filtered : plain)
    file += chunk("IEND", [])
    return file
  }

  /// The bytes that a row's are less: nothing, the pixel to the left, the pixel above.
  private enum Filter: UInt8, CaseIterable { case none, sub, up }

  private static func interleaved(_ pixels: [UInt8], _ channels: Int, _ height: Int, _ width: Int) -> [[UInt8]] {
    let area = height * width
    return (0..<height).map { y in
      (0..<width * channels).map { pixels[$0 % channels * area + y * width + $0 / channels] }
    }
  }

  /// Each row behind the filter that leaves the smallest differences.
  private static func filter(_ rows: [[UInt8]], _ channels: Int) -> [UInt8] {
    rows.indices.flatMap { y -> [UInt8] in
      let row = rows[y], above = y > 0 ? rows[y - 1] : [UInt8](repeating: 0, count: row.count)
      let choices = Filter.allCases.map { filter -> (filter: Filter, bytes: [UInt8], cost: Int) in
        let bytes =
          switch filter {
          case .none: row
          case .sub: row.indices.map { row[$0] &- ($0 < channels ? 0 : row[$0 - channels]) }
          case .up: zip(row, above).map { $0 &- $1 }
          }
        return (filter, bytes, bytes.reduce(0) { $0 + Int(Int8(bitPattern: $1).magnitude) })
      }
      let best = choices.min { $0.cost < $1.cost } ?? choices[0]
      return [best.filter.rawValue] + best.bytes
    }
  }

  private static func deflated(_ raw: [UInt8]) -> [UInt8] {
    var size = compressBound(uLong(raw.count)), out = [UInt8](repeating: 0, count: Int(size))
    let status = compress2(&out, &size, raw, uLong(raw.count), Z_BEST_COMPRESSION)
    precondition(status == Z_OK, "the buffer has the size that zlib asked for")
    return Array(out.prefix(Int(size)))
  }

  private static func chunk(_ kind: String, _ body: [UInt8]) -> [UInt8] {
    let content = Array(kind.utf8) + body
    return bigEndian(UInt32(body.count)) + content + bigEndian(UInt32(crc32(0, content, uInt(content.count))))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xFF) } }
}

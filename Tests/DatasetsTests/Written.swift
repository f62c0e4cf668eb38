import CZlib
import DitherDatasets
import DitherTensor
import Foundation

/// Files as other programs write them, for the parsers to read.
enum Written {
  static func npy(_ type: String, _ shape: String, _ data: [UInt8], fortran: Bool = false, version: UInt8 = 1)
    -> [UInt8]
  {
    npy(
      header: "{'descr': \(type), 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }\n", data,
      version: version)
  }

  static func npy(header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length = header.utf8.count
    let size = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + size + Array(header.utf8) + data
  }

  static func idx(_ extents: [Int], _ data: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(extents.count)] + extents.flatMap { bigEndian($0) } + data
  }

  static func bigEndian(_ number: Int) -> [UInt8] {
    (0..<4).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] { deflate(bytes, windowBits: 15 + 16) }
  static func zlib(_ bytes: [UInt8]) -> [UInt8] { deflate(bytes, windowBits: 15) }

  /// - Parameters:
  ///   - deflated: members are packed.
  ///   - wide: sizes and places stand in Zip64's fields.
  static func zip(_ members: [(name: String, bytes: [UInt8])], deflated: Bool = false, wide: Bool = false) -> [UInt8] {
    func number(_ value: Int, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    var out: [UInt8] = [], directory: [UInt8] = []
    for member in members {
      let packed = deflated ? deflate(member.bytes, windowBits: -15) : member.bytes, at = out.count
      var bytes = member.bytes
      let sum = Int(crc32(0, &bytes, UInt32(bytes.count))), method = deflated ? 8 : 0, none = 0xFFFF_FFFF
      let name = Array(member.name.utf8)
      let sizes = [packed.count, member.bytes.count]
      out += number(0x0403_4B50, 4) + number(20, 2) + number(0, 2) + number(method, 2) + number(0, 4) + number(sum, 4)
      out += sizes.flatMap { number($0, 4) } + number(name.count, 2) + number(0, 2) + name + packed
      let extra =
        wide ? number(1, 2) + number(24, 2) + number(sizes[1], 8) + number(sizes[0], 8) + number(at, 8) : []
      directory += number(0x0201_4B50, 4) + number(20, 2) + number(20, 2) + number(0, 2) + number(method, 2)
      directory += number(0, 4) + number(sum, 4) + sizes.flatMap { number(wide ? none : $0, 4) }
      directory += number(name.count, 2) + number(extra.count, 2) + number(0, 2) + number(0, 2) + number(0, 2)
      directory += number(0, 4) + number(wide ? none : at, 4) + name + extra
    }
    let start = out.count
    out += directory
    if wide {
      let end = out.count
      out += number(0x0606_4B50, 4) + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8)
      out += number(members.count, 8) + number(members.count, 8) + number(directory.count, 8) + number(start, 8)
      out += number(0x0706_4B50, 4) + number(0, 4) + number(end, 8) + number(1, 4)
    }
    out += number(0x0605_4B50, 4) + number(0, 4) + number(members.count, 2) + number(members.count, 2)
    return out + number(directory.count, 4) + number(wide ? 0xFFFF_FFFF : start, 4) + number(0, 2)
  }

  private static func deflate(_ bytes: [UInt8], windowBits: Int32) -> [UInt8] {
    var stream = z_stream(), input = bytes
    guard
      deflateInit2_(
        &stream, 6, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        == Z_OK
    else { return [] }
    defer { deflateEnd(&stream) }
    var out = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    let count = input.withUnsafeMutableBufferPointer { source in
      out.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        _ = CZlib.deflate(&stream, Z_FINISH)
        return target.count - Int(stream.avail_out)
      }
    }
    return Array(out[..<count])
  }

  enum Color: UInt8 { case gray = 0, rgb = 2, palette = 3, grayAlpha = 4, rgba = 6 }

  /// - Parameter lines: the bytes of each row, without the filter's.
  static func png(
    _ width: Int, _ height: Int, _ color: Color, depth: UInt8 = 8, palette: [UInt8] = [], lines: [[UInt8]]
  ) -> [UInt8] {
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
      var body = Array(name.utf8) + data
      let sum = crc32(0, &body, UInt32(body.count))
      return bigEndian(data.count) + body + bigEndian(Int(sum))
    }
    let size = bigEndian(width) + bigEndian(height)
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", size + [depth, color.rawValue, 0, 0, 0])
      + (palette.isEmpty ? [] : chunk("PLTE", palette)) + chunk("IDAT", zlib(lines.flatMap { [0] + $0 }))
      + chunk("IEND", [])
  }

  static func tar(_ members: [(name: String, type: Character, bytes: [UInt8])]) -> [UInt8] {
    members.flatMap { member in
      var header = [UInt8](repeating: 0, count: 512)
      header.replaceSubrange(0..<member.name.utf8.count, with: Array(member.name.utf8))
      let octal = String(member.bytes.count, radix: 8)
      let size = String(repeating: "0", count: 11 - octal.count) + octal
      header.replaceSubrange(124..<135, with: Array(size.utf8))
      header[156] = member.type.asciiValue ?? 0
      header.replaceSubrange(257..<262, with: Array("ustar".utf8))
      let padding = (512 - member.bytes.count % 512) % 512
      return header + member.bytes + [UInt8](repeating: 0, count: padding)
    } + [UInt8](repeating: 0, count: 1024)
  }

  static func raw<T: BitwiseCopyable>(_ values: [T]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  /// Bytes that do not repeat.
  static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = PhiloxGenerator(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }
}

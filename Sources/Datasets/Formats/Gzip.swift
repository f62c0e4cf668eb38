import CZlib
import DitherBasics

/// RFC 1952, by zlib: one member or several. Bytes after the last are left out, as gzip does.
public enum Gzip {
  /// Whether the bytes begin with gzip's magic number.
  public static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// - Parameter limit: the most bytes that may come out; a small file can unfold into a very large one.
  /// - Throws: when the file is damaged, cut short, or larger than `limit` unpacked.
  public static func unpack(_ bytes: [UInt8], at place: String, limit: Int = 1 << 30) throws(DatasetError) -> [UInt8] {
    // 15 window bits, and 32 to have gzip and zlib headers told apart.
    try inflated(bytes, windowBits: 15 + 32, of: "gzip file", at: place, limit: limit)
  }

  /// - Parameters:
  ///   - windowBits: zlib's word for the kind of the stream; negative: one without a head.
  ///   - kind: for messages.
  static func inflated(
    _ bytes: [UInt8], windowBits: Int32, of kind: String, at place: String, limit: Int
  ) throws(DatasetError) -> [UInt8] {
    var stream = z_stream()
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw DatasetError(.disk, at: place, expected: "memory to unpack in", got: "none")
    }
    defer { inflateEnd(&stream) }
    var out = [UInt8](), chunk = [UInt8](repeating: 0, count: 1 << 18), input = bytes, status = Z_OK
    var tooLarge = false
    input.withUnsafeMutableBufferPointer { source in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(clamping: source.count)
      while status == Z_OK && !tooLarge {
        let produced = chunk.withUnsafeMutableBufferPointer { target in
          stream.next_out = target.baseAddress
          stream.avail_out = UInt32(target.count)
          status = inflate(&stream, Z_NO_FLUSH)
          return target.count - Int(stream.avail_out)
        }
        out += chunk[..<produced]
        tooLarge = out.count > limit
        if status == Z_STREAM_END, stream.avail_in > 0, stream.next_in.pointee == 0x1F {
          status = inflateReset(&stream)
          continue
        }
        if status == Z_BUF_ERROR || (produced == 0 && stream.avail_in == 0 && status == Z_OK) { break }
      }
    }
    guard !tooLarge else {
      throw DatasetError(.tooLarge, at: place, expected: "at most \(limit) bytes unpacked", got: "more")
    }
    guard status == Z_STREAM_END else {
      let isCut = status == Z_OK || status == Z_BUF_ERROR
      throw DatasetError(
        isCut ? .truncated : .malformed, at: place, expected: "a whole \(kind)",
        got: isCut ? "one that is cut short" : "damaged data", advice: "fetch it again with `dither data get`")
    }
    return out
  }
}

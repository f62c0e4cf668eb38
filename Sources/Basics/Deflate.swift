import CZlib

/// RFC 1950 to 1952, by zlib: deflated data, bare or as gzip and zlib wrap it.
public enum Deflate {
  /// Why data do not unfold.
  public enum Fault: Error { case memory, cut, damaged, tooLarge }

  /// Whether the bytes begin with gzip's magic number.
  public static func isGzip(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The bytes that a gzip member says it unfolds to, modulo 2³²; 0 of less than a member.
  public static func claimedBytes(_ member: some BidirectionalCollection<UInt8>) -> Int {
    member.count >= 18 ? member.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) } : 0
  }

  /// One member or several. Bytes behind the last are left out, as gzip does.
  /// - Parameters:
  ///   - windowBits: zlib's word for the kind of the stream: 15 + 32 for gzip and zlib, negative without a head.
  ///   - limit: the most bytes that may come out; a few can unfold into very many.
  public static func inflated(_ bytes: [UInt8], windowBits: Int32 = 15 + 32, limit: Int) throws(Fault) -> [UInt8] {
    var stream = z_stream()
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw .memory
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
    guard !tooLarge else { throw .tooLarge }
    guard status == Z_STREAM_END else { throw status == Z_OK || status == Z_BUF_ERROR ? .cut : .damaged }
    return out
  }

  /// The checksum of zip and gzip, going on from that of the bytes before.
  public static func checksum(_ bytes: ArraySlice<UInt8>, after sum: UInt = 0) -> UInt {
    bytes.withUnsafeBufferPointer { crc32(sum, $0.baseAddress, UInt32($0.count)) }
  }

  /// One gzip member.
  /// - Parameter level: 1, fast, to 9, small.
  public static func gzip(_ bytes: [UInt8], level: Int32 = 1) -> [UInt8]? {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    guard deflateInit2_(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK else {
      return nil
    }
    defer { deflateEnd(&stream) }
    var input = bytes
    let most = Int(deflateBound(&stream, UInt(bytes.count)))
    return input.withUnsafeMutableBufferPointer { source in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(clamping: source.count)
      var isWhole = false
      let out = [UInt8](unsafeUninitializedCapacity: most) { target, count in
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(clamping: target.count)
        isWhole = deflate(&stream, Z_FINISH) == Z_STREAM_END
        count = target.count - Int(stream.avail_out)
      }
      return isWhole ? out : nil
    }
  }
}

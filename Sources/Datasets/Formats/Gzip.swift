import DitherBasics

/// RFC 1952: one member or several. Bytes after the last are left out, as gzip does.
public enum Gzip {
  /// Whether the bytes begin with gzip's magic number.
  public static func isGzip(_ bytes: [UInt8]) -> Bool { Deflate.isGzip(bytes) }

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
    do { return try Deflate.inflated(bytes, windowBits: windowBits, limit: limit) } catch {
      switch error {
      case .memory: throw DatasetError(.disk, at: place, expected: "memory to unpack in", got: "none")
      case .tooLarge:
        throw DatasetError(.tooLarge, at: place, expected: "at most \(limit) bytes unpacked", got: "more")
      case .cut, .damaged:
        throw DatasetError(
          error == .cut ? .truncated : .malformed, at: place, expected: "a whole \(kind)",
          got: error == .cut ? "one that is cut short" : "damaged data", advice: "fetch it again with `dither data get`"
        )
      }
    }
  }
}

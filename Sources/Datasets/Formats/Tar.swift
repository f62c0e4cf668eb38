import DitherBasics

/// The members of a tar archive (POSIX ustar), as data sets are published in.
package enum Tar {
  /// - Returns: the bytes of the regular file whose path ends in `/name` or is it.
  package static func member(_ name: String, of archive: [UInt8], at place: String) throws(DatasetError) -> [UInt8] {
    var at = 0
    while at + 512 <= archive.count, archive[at] != 0 {
      let path = String(decoding: archive[at..<at + 100].prefix { $0 != 0 }, as: UTF8.self)
      let octal = String(decoding: archive[at + 124..<at + 135].prefix { $0 != 0 }, as: UTF8.self).trimmed
      guard let size = Int(octal, radix: 8), size >= 0, size <= archive.count - at - 512 else {
        throw DatasetError(
          .truncated, at: place, expected: "a whole archive", got: "one cut inside '\(path.clipped())'")
      }
      let isFile = archive[at + 156] == 0 || archive[at + 156] == UInt8(ascii: "0")
      if isFile && (path == name || path.hasSuffix("/\(name)")) { return Array(archive[at + 512..<at + 512 + size]) }
      at += 512 + (size + 511) / 512 * 512
    }
    guard at < archive.count, archive[at] == 0 else {
      throw DatasetError(.truncated, at: place, expected: "a member '\(name)'", got: "an archive without its end")
    }
    throw DatasetError(.absent, at: place, expected: "a member '\(name)'", got: "none in the archive")
  }
}

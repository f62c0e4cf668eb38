import DitherBasics

/// The members of a zip archive, as NumPy's `.npz` and publishers of data write them: stored or deflated, with Zip64's
/// sizes, without encryption. Source: PKWARE's APPNOTE 6.3.
package struct Zip {
  /// A member by the archive's directory.
  private struct Entry {
    var method: Int, sum: UInt32, packed: Int, size: Int, at: Int
  }
  private let bytes: [UInt8]
  private let place: String
  private let entries: [(name: String, entry: Entry)]

  /// As many members as an archive may have.
  private static let mostMembers = 4096
  /// Bytes of a member, unpacked.
  private static let mostBytes = 1 << 32

  /// Whether the bytes begin as an archive with members does.
  package static func isZip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x50, 0x4B, 3, 4]) }

  /// In the directory's order.
  package var names: [String] { entries.map(\.name) }

  /// - Throws: where there is no directory, or one that points outside of the bytes.
  package init(_ bytes: [UInt8], at place: String) throws(DatasetError) {
    (self.bytes, self.place) = (bytes, place)
    func refuse(_ expected: String, _ got: String) -> DatasetError {
      DatasetError(.malformed, at: place, expected: expected, got: got)
    }
    // The directory's end is the last 22 bytes, before a comment of up to 65 535.
    let last = max(bytes.count - 22 - 65_535, 0)
    guard
      let end = stride(from: bytes.count - 22, through: last, by: -1).first(where: {
        $0 >= 0 && Self.number(bytes, $0, 4) == 0x0605_4B50
      })
    else { throw refuse("the directory of a zip archive at the end of the file", "none: is the file cut?") }
    var count = Self.number(bytes, end + 10, 2), at = Self.number(bytes, end + 16, 4)
    if end >= 20, Self.number(bytes, end - 20, 4) == 0x0706_4B50 {
      let wide = Self.number(bytes, end - 12, 8)
      if wide >= 0, wide <= bytes.count - 56, Self.number(bytes, wide, 4) == 0x0606_4B50 {
        (count, at) = (Self.number(bytes, wide + 32, 8), Self.number(bytes, wide + 48, 8))
      }
    }
    guard (0...Self.mostMembers).contains(count) else {
      throw refuse("at most \(Self.mostMembers) members", "\(count)")
    }
    var found: [(String, Entry)] = []
    for _ in 0..<count {
      guard at >= 0, at <= bytes.count - 46, Self.number(bytes, at, 4) == 0x0201_4B50 else {
        throw refuse("\(count) members in the directory", "\(found.count)")
      }
      func field(_ offset: Int, _ size: Int) -> Int { Self.number(bytes, at + offset, size) }
      let name = field(28, 2), extra = field(30, 2), comment = field(32, 2)
      guard at + 46 + name + extra + comment <= bytes.count else {
        throw refuse("a whole directory", "one that is cut")
      }
      var entry = Entry(
        method: field(10, 2), sum: UInt32(truncatingIfNeeded: field(16, 4)), packed: field(20, 4), size: field(24, 4),
        at: field(42, 4))
      Self.widen(&entry, by: bytes[at + 46 + name..<at + 46 + name + extra])
      guard field(8, 2) & 1 == 0 else { throw refuse("members without a password", "an encrypted one") }
      found.append((String(decoding: bytes[at + 46..<at + 46 + name], as: UTF8.self), entry))
      at += 46 + name + extra + comment
    }
    entries = found
  }

  /// - Returns: the content; its checksum is right.
  /// - Throws: `absent` with the nearest name.
  package func member(_ name: String) throws(DatasetError) -> [UInt8] {
    guard let entry = entries.first(where: { $0.name == name })?.entry else {
      throw DatasetError(
        .absent, at: place, expected: "a member '\(name.clipped())'", got: names.joined(separator: ", ").clipped(),
        advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
    }
    let here = "\(place), member '\(name.clipped())'"
    guard (0...Self.mostBytes).contains(entry.size) else {
      throw DatasetError(.tooLarge, at: here, expected: "at most \(Self.mostBytes) bytes", got: "\(entry.size)")
    }
    guard entry.at >= 0, entry.at <= bytes.count - 30, Self.number(bytes, entry.at, 4) == 0x0403_4B50 else {
      throw DatasetError(.malformed, at: here, expected: "its head where the directory says", got: "something else")
    }
    let start = entry.at + 30 + Self.number(bytes, entry.at + 26, 2) + Self.number(bytes, entry.at + 28, 2)
    guard entry.packed >= 0, start <= bytes.count, entry.packed <= bytes.count - start else {
      throw DatasetError(.truncated, at: here, expected: "\(entry.packed) bytes", got: "\(max(bytes.count - start, 0))")
    }
    let packed = Array(bytes[start..<start + entry.packed]), content: [UInt8]
    switch entry.method {
    case 0: content = packed
    case 8: content = try Gzip.inflated(packed, windowBits: -15, of: "member", at: here, limit: entry.size)
    default:
      throw DatasetError(
        .unsupported, at: here, expected: "a member that is stored or deflated", got: "method \(entry.method)")
    }
    guard content.count == entry.size, Self.checksum(content) == entry.sum else {
      throw DatasetError(
        .checksum, at: here, expected: "\(entry.size) bytes with the directory's checksum",
        got: "\(content.count) others")
    }
    return content
  }

  /// Zip64's sizes, in the order in which the plain ones have no room for them.
  private static func widen(_ entry: inout Entry, by extra: ArraySlice<UInt8>) {
    var at = extra.startIndex
    while at + 4 <= extra.endIndex {
      let kind = number(extra, at, 2), end = at + 4 + number(extra, at + 2, 2)
      guard end <= extra.endIndex else { return }
      if kind == 1 {
        var next = at + 4
        for field in [\Entry.size, \.packed, \.at] where entry[keyPath: field] == 0xFFFF_FFFF && next + 8 <= end {
          entry[keyPath: field] = number(extra, next, 8)
          next += 8
        }
      }
      at = end
    }
  }

  /// Little-endian; one that no Int holds is -1.
  private static func number<Bytes: RandomAccessCollection>(_ bytes: Bytes, _ at: Int, _ size: Int) -> Int
  where Bytes.Element == UInt8, Bytes.Index == Int {
    let value = (0..<size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[at + $1]) }
    return Int(exactly: value) ?? -1
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt = 0
    for start in stride(from: 0, to: bytes.count, by: 1 << 30) {
      let part = start..<min(start + 1 << 30, bytes.count)
      sum = Deflate.checksum(bytes[part], after: sum)
    }
    return UInt32(truncatingIfNeeded: sum)
  }
}

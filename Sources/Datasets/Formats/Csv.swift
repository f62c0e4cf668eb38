import DitherBasics
import DitherTensor

/// Tables of text: rows of fields, parted by commas, semicolons or tabs; RFC 4180's quotes are taken.
public struct Csv: Sendable, Equatable {
  public let rows: [[String]]

  /// - Throws: when the bytes are not UTF-8, the rows differ in length or a quote is not closed.
  public init(_ bytes: [UInt8], at place: String) throws(DatasetError) {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw DatasetError(.malformed, at: place, expected: "UTF-8 text", got: "other bytes")
    }
    let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes[...]
    var reader = Reader(place: place, separator: Self.separator(of: text))
    for byte in text { try reader.take(byte) }
    rows = try reader.finish()
  }

  /// The one that the first line with text has most of, outside quotes.
  private static func separator(of text: ArraySlice<UInt8>) -> UInt8 {
    let separators = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]
    var counts = [0, 0, 0], isQuoted = false, startsField = true
    for byte in text.drop(while: Reader.isLineEnd) {
      if byte == Reader.quote && (isQuoted || startsField) { isQuoted.toggle() }
      if isQuoted { continue }
      if Reader.isLineEnd(byte) { break }
      let kind = separators.firstIndex(of: byte)
      if let kind { counts[kind] += 1 }
      startsField = kind != nil || (startsField && byte == UInt8(ascii: " "))
    }
    return counts.indices.max { counts[$0] < counts[$1] }.map { separators[$0] } ?? separators[0]
  }

  /// The rows as numbers, a header line left out.
  public func tensor(at place: String) throws(DatasetError) -> Tensor {
    guard let width = rows.first?.count else {
      throw DatasetError(.malformed, at: place, expected: "at least one row", got: "none")
    }
    let hasHeader = rows[0].allSatisfy { Float($0) == nil } && rows[0].contains { !$0.isEmpty }
    guard rows.count > (hasHeader ? 1 : 0) else {
      throw DatasetError(.malformed, at: place, expected: "at least one row", got: "a header alone")
    }
    var elements: [Float] = []
    for (number, row) in rows.enumerated().dropFirst(hasHeader ? 1 : 0) {
      for field in row {
        guard let value = Float(field) else {
          throw DatasetError(
            .malformed, at: "\(place), row \(number + 1)", expected: "numbers", got: "'\(field.clipped())'")
        }
        elements.append(value)
      }
    }
    return Tensor([elements.count / width, width], elements)
  }
}

/// Bytes in, rows out. Empty lines are left out, and so are spaces around a field that is not quoted.
private struct Reader {
  static let quote = UInt8(ascii: "\"")
  static func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

  private enum State { case plain, quoted, closed }
  private let place: String
  private let separator: UInt8
  private var state = State.plain
  private var field: [UInt8] = []
  private var fields: [String] = []
  private var rows: [[String]] = []
  private var line = 1

  init(place: String, separator: UInt8) {
    self.place = place
    self.separator = separator
  }

  mutating func take(_ byte: UInt8) throws(DatasetError) {
    if byte == UInt8(ascii: "\n") { line += 1 }
    switch state {
    case .quoted:
      if byte == Self.quote { state = .closed } else { field.append(byte) }
    case .closed where byte == Self.quote:
      field.append(byte)  // a doubled quote inside quotes
      state = .quoted
    case _ where byte == separator: endField()
    case _ where Self.isLineEnd(byte): try endLine(before: byte)
    case .plain where byte == Self.quote && field.allSatisfy { $0 == UInt8(ascii: " ") }:
      field = []
      state = .quoted
    case .plain: field.append(byte)
    case .closed where byte == UInt8(ascii: " "): break
    case .closed:
      throw DatasetError(
        .malformed, at: "\(place), line \(line)", expected: "a separator after a closing quote", got: "more text")
    }
  }

  mutating func finish() throws(DatasetError) -> [[String]] {
    guard state != .quoted else {
      throw DatasetError(
        .truncated, at: "\(place), line \(line)", expected: "a closing quote", got: "the end of the file")
    }
    try endLine(before: 0)
    return rows
  }

  private mutating func endField() {
    let text = String(decoding: field, as: UTF8.self)
    fields.append(state == .closed ? text : text.trimmed)
    field.removeAll(keepingCapacity: true)
    state = .plain
  }

  private mutating func endLine(before byte: UInt8) throws(DatasetError) {
    if fields.isEmpty && field.isEmpty && state == .plain { return }
    endField()
    guard rows.first.map({ $0.count == fields.count }) ?? true else {
      let number = byte == UInt8(ascii: "\n") ? line - 1 : line
      throw DatasetError(
        .malformed, at: "\(place), line \(number)", expected: "\(rows[0].count) fields, as above",
        got: "\(fields.count)")
    }
    rows.append(fields)
    fields = []
  }
}

extension String {
  var trimmed: String {
    let start = drop { $0 == " " || $0 == "\r" }
    return String(
      start[..<(start.lastIndex { $0 != " " && $0 != "\r" }.map { start.index(after: $0) } ?? start.startIndex)])
  }
}

import DitherBasics
import DitherTensor

/// Tables of text: rows of fields, parted by commas, semicolons or tabs; RFC 4180's quotes are taken.
public struct Csv: Sendable, Equatable {
  public let rows: [[String]]

  /// - Throws: when the bytes are not UTF-8 or the rows differ in length.
  public init(_ bytes: [UInt8], at place: String) throws(DatasetError) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw DatasetError(.malformed, at: place, expected: "UTF-8 text", got: "other bytes")
    }
    let first = text.prefix { $0 != "\n" }
    let separator: Character =
      [",", ";", "\t"].max { a, b in first.count(where: { $0 == a }) < first.count(where: { $0 == b }) } ?? ","
    var rows: [[String]] = []
    for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      let fields = Self.fields(line, separator)
      guard rows.first.map({ $0.count == fields.count }) ?? true else {
        throw DatasetError(
          .malformed, at: "\(place), line \(number + 1)", expected: "\(rows[0].count) fields, as above",
          got: "\(fields.count)")
      }
      rows.append(fields)
    }
    self.rows = rows
  }

  private static func fields(_ line: Substring, _ separator: Character) -> [String] {
    var fields: [String] = [], field = "", quoted = false, wasQuote = false
    for character in line {
      if character == "\"" {
        if quoted || field.isEmpty {
          quoted.toggle()
          if quoted && wasQuote { field.append("\"") }  // a doubled quote inside quotes
        } else {
          field.append(character)
        }
      } else if character == separator && !quoted {
        fields.append(field.trimmed)
        field = ""
      } else {
        field.append(character)
      }
      wasQuote = character == "\""
    }
    return fields + [field.trimmed]
  }

  /// The rows as numbers, a header line left out.
  public func tensor(at place: String) throws(DatasetError) -> Tensor {
    guard let width = rows.first?.count else {
      throw DatasetError(.malformed, at: place, expected: "at least one row", got: "none")
    }
    let hasHeader = rows[0].allSatisfy { Float($0) == nil }
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

extension String {
  var trimmed: String {
    let start = drop { $0 == " " || $0 == "\r" }
    return String(
      start[..<(start.lastIndex { $0 != " " && $0 != "\r" }.map { start.index(after: $0) } ?? start.startIndex)])
  }
}

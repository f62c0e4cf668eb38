/// Text of an address, or of a form, in percent encoding. Source: RFC 3986, 2.1.
enum HttpText {
  /// - Returns: nil for an escape that is none, and for what is no UTF-8.
  static func decoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = [], rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
      bytes.append(high << 4 | low)
    }
    // A byte that is no UTF-8 was replaced when the head was read.
    return String(validating: bytes, as: UTF8.self).flatMap { $0.contains("\u{FFFD}") ? nil : $0 }
  }

  /// Names and values, `a=1&b=2`; of a name that is repeated, the last.
  /// - Returns: nil where one of them cannot be decoded.
  static func pairs(_ text: some StringProtocol) -> [String: String]? {
    var found: [String: String] = [:]
    for part in text.split(separator: "&") {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = decoded(sides[0]), let value = decoded(sides.count == 2 ? sides[1] : "") else { return nil }
      found[name] = value
    }
    return found
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}

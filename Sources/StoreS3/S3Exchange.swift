import DitherBasics
import Foundation

/// A request, before it is signed. All that are made here may be repeated: they name what they change by its content.
struct S3Request: Sendable {
  enum Method: String, Sendable { case get = "GET", head = "HEAD", put = "PUT", post = "POST", delete = "DELETE" }

  /// The body of a request.
  enum Body: Sendable {
    case none
    case bytes([UInt8])
    /// A part of a file.
    case file(String, offset: Int, count: Int)

    var count: Int {
      switch self {
      case .none: 0
      case .bytes(let bytes): bytes.count
      case .file(_, _, let count): count
      }
    }
  }

  var method: Method
  /// Empty: the bucket itself.
  var key = ""
  var query: [(name: String, value: String)] = []
  /// Names in small letters.
  var headers: [(name: String, value: String)] = []
  var body = Body.none
  /// The SHA-256 of the body.
  var digest = Self.emptyDigest
  /// Bytes of an answer that are taken, at most.
  var mostBytes = 1 << 20

  private static let emptyDigest = Sha256.hash([])

  /// Sorted by name and percent-encoded, as it is signed: libcurl signs it as it stands.
  var queryText: String {
    query.map { (Self.encoded($0.name), Self.encoded($0.value)) }.sorted { $0 < $1 }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}

/// An answer, whatever its status.
struct S3Answer: Sendable {
  var status: Int
  /// Names in small letters.
  var headers: [String: String]
  var body: [UInt8]

  /// The texts of all elements of a name, in their order. Enough for the flat answers of S3; bounded by the body.
  func texts(_ element: String) -> [String] {
    let text = String(decoding: body, as: UTF8.self)
    var found: [String] = [], rest = text[...]
    while let start = rest.range(of: "<\(element)>") {
      rest = rest[start.upperBound...]
      guard let end = rest.range(of: "</\(element)>") else { break }
      found.append(Self.plain(rest[..<end.lowerBound]))
      rest = rest[end.upperBound...]
    }
    return found
  }

  func text(_ element: String) -> String? { texts(element).first }

  /// Elements of a name, each as an answer of its own.
  func elements(_ name: String) -> [S3Answer] {
    // Within is markup, whose own texts are made plain when they are asked for.
    let text = String(decoding: body, as: UTF8.self)
    var found: [S3Answer] = [], rest = text[...]
    while let start = rest.range(of: "<\(name)>"), let end = rest[start.upperBound...].range(of: "</\(name)>") {
      found.append(S3Answer(status: status, headers: [:], body: Array(rest[start.upperBound..<end.lowerBound].utf8)))
      rest = rest[end.upperBound...]
    }
    return found
  }

  private static func plain(_ text: Substring) -> String {
    guard text.contains("&") else { return String(text) }
    return String(
      text.replacing(/&(#x?[0-9a-fA-F]+|\w+);/) { match -> String in
        switch match.1 {
        case "amp": "&"
        case "lt": "<"
        case "gt": ">"
        case "quot": "\""
        case "apos": "'"
        default: Self.scalar(match.1) ?? String(match.0)
        }
      })
  }

  private static func scalar(_ reference: Substring) -> String? {
    guard reference.first == "#" else { return nil }
    let digits = reference.dropFirst(), isHex = digits.first == "x"
    return UInt32(isHex ? digits.dropFirst() : digits, radix: isHex ? 16 : 10)
      .flatMap(UnicodeScalar.init).map { String($0) }
  }
}

/// The end of a request that had no answer.
struct S3Silence: Error {
  /// In libcurl's words.
  var reason: String
  /// Whether trying again may help.
  var mayPass: Bool
}

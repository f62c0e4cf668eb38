import DitherBasics
import Foundation

/// A setting of a server, by one name at the command line (`--framed-port`), in the environment
/// (`DITHER_FRAMED_PORT`) and in the file of `--config` (`framed-port`).
public struct ServerSetting: Sendable {
  /// In small letters, with dashes.
  public let name: String
  /// The values that it takes.
  public let kind: Kind
  /// The value where none is given, as one would write it; nil: what `absence` says.
  public let standard: String?
  /// In words: the value where none is given.
  public let absence: String
  /// One sentence, for `--help` and the documents.
  public let summary: String
  /// Lays a value over a configuration. The value has passed `kind`.
  let apply: @Sendable (inout ServerConfiguration, Value) -> Void

  /// Kinds of values, with their bounds.
  public enum Kind: Sendable, Equatable {
    case text
    case file
    case folder
    /// One that begins with one of these, and may have a password in it.
    case url(schemes: [String])
    /// Host and port, or a port; `none`.
    case address
    case port
    /// A whole number of `unit`.
    case whole(ClosedRange<Int>, unit: String)
    case seconds(ClosedRange<Double>)
    case flag
    case word([String])
    /// Rights of clients by their certificates.
    case clients

    /// With unit and bounds, as messages and the documents say it.
    public var words: String {
      switch self {
      case .text: "a word"
      case .file: "a file"
      case .folder: "a folder"
      case .url(let schemes): schemes.map { "\($0)://…" }.joined(separator: " or ")
      case .address: "HOST:PORT, [HOST]:PORT, PORT, or none"
      case .port: "a port, 0 to 65535; 0: any"
      case .whole(let range, let unit): "\(range.lowerBound) to \(range.upperBound) \(unit)"
      case .seconds(let range): "\(Self.text(range.lowerBound)) to \(Self.text(range.upperBound)) seconds"
      case .flag: "true or false"
      case .word(let words): words.joined(separator: ", ")
      case .clients: ClientRule.form
      }
    }
    private static func text(_ number: Double) -> String { Setting.number(number).description }
  }

  /// A value that has passed its kind.
  enum Value: Sendable, Equatable {
    case text(String)
    case whole(Int)
    case seconds(Double)
    case flag(Bool)
    case address(ListenAddress?)
    case clients([ClientRule])
  }

  init(
    _ name: String, _ kind: Kind, standard: String? = nil, absence: String? = nil, _ summary: String,
    _ apply: @escaping @Sendable (inout ServerConfiguration, Value) -> Void
  ) {
    (self.name, self.kind, self.standard, self.summary, self.apply) = (name, kind, standard, summary, apply)
    self.absence = absence ?? standard ?? "none"
  }

  /// The variable of the environment.
  public var variable: String { "DITHER_" + name.uppercased().replacing("-", with: "_") }

  /// - Parameter place: where the text is from, for messages: `--grace`, `DITHER_GRACE`, a file with its line.
  /// - Throws: `ServiceFault.configuration`, with the bounds.
  func value(of text: String, at place: String) throws(ServiceError) -> Value {
    func refuse(_ advice: String? = nil) -> ServiceError {
      ServiceError(.configuration, at: place, expected: kind.words, got: "'\(shown(text).clipped())'", advice: advice)
    }
    switch kind {
    case .text, .file, .folder:
      guard !text.isEmpty, !text.contains("\0") else { throw refuse() }
      return .text(text)
    case .url(let schemes):
      guard schemes.contains(where: { text.hasPrefix("\($0)://") }), !text.contains("\0") else { throw refuse() }
      return .text(text)
    case .address:
      if text == "none" { return .address(nil) }
      guard let address = ListenAddress(text) else { throw refuse() }
      return .address(address)
    case .port:
      guard let port = Int(text), (0...65_535).contains(port) else { throw refuse() }
      return .whole(port)
    case .whole(let range, _):
      guard let number = Int(text), range.contains(number) else { throw refuse() }
      return .whole(number)
    case .seconds(let range):
      guard let number = Double(text), range.contains(number) else { throw refuse() }
      return .seconds(number)
    case .flag:
      guard let flag = Self.flags[text.lowercased()] else { throw refuse() }
      return .flag(flag)
    case .word(let words):
      guard words.contains(text) else { throw refuse(nearest(to: text, among: words).map { "did you mean '\($0)'?" }) }
      return .text(text)
    case .clients: return .clients(try ClientRule.rules(of: text, at: place))
    }
  }

  /// The text of a value that a file writes as a list.
  /// - Returns: nil where the setting takes one word.
  func text(of value: Setting) -> String? { kind == .clients ? jsonText(value) : nil }

  /// A value as it may be shown.
  func shown(_ text: String) -> String {
    if case .url = kind { Self.withoutPassword(text) } else { text }
  }

  /// - Parameter text: a URL, also one that is wrong.
  static func withoutPassword(_ text: String) -> String {
    text.replacing(#/(:\/\/[^:\/@]*):[^@]*@/#) { match in "\(match.output.1):…@" }
      .replacing(#/password=[^&]*/#, with: "password=…")
  }

  private static let flags = [
    "true": true, "yes": true, "on": true, "1": true, "false": false, "no": false, "off": false, "0": false,
  ]
}

/// Where a server listens with one port for all that it speaks.
struct ListenAddress: Sendable, Equatable {
  /// nil: that of `host`.
  var host: String?
  var port: Int

  /// - Parameter text: `HOST:PORT`, `[HOST]:PORT` with an IPv6 address, or `PORT`.
  init?(_ text: String) {
    if let port = Self.port(text) {
      self.port = port
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Self.port(text[text.index(after: colon)...]) else {
      return nil
    }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, host.allSatisfy({ $0.isLetter || $0.isNumber || ".:-_%".contains($0) }) else { return nil }
    (self.host, self.port) = (String(host), port)
  }

  private static func port(_ text: some StringProtocol) -> Int? {
    Int(text).flatMap { (0...65_535).contains($0) && text.allSatisfy(\.isNumber) ? $0 : nil }
  }
}

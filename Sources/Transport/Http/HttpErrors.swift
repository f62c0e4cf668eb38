import DitherBasics
import DitherProto
import Foundation
import NIOHTTP1

extension HttpExchange.Refusal {
  /// The answer to what is no HTTP/1.1, or is more of it than is taken. For which route it was meant nobody knows: it
  /// is JSON, as programs take it.
  /// - Parameter excess: the bound that was gone beyond, where it is known.
  init(_ error: HTTPParserError, _ excess: HttpHeadSize.Excess?) {
    guard error == .headerOverflow else {
      let words = "the request: expected HTTP/1.1, got \(Self.words(error))"
      self.init(status: 400, error: CallError(.invalidArgument, words), form: .json, closes: true)
      return
    }
    var status = 431
    if case .address? = excess { status = 414 }
    let words = "\(Self.words(excess)); what is long goes into a body"
    self.init(status: status, error: CallError(.resourceExhausted, words), form: .json, closes: true)
  }

  private static func words(_ excess: HttpHeadSize.Excess?) -> String {
    let limits = NIOHTTPDecoderLimitConfiguration()
    return switch excess {
    case .address(bytes: let bytes)?:
      "the request's address: expected at most \(limits.maxHeaderFieldSize) bytes, got \(bytes) or more"
    case .header(let name, bytes: let bytes)?:
      "the header '\(name.clipped(to: 40))': expected at most \(limits.maxHeaderFieldSize) bytes, got \(bytes) or more"
    case .headers(let count)?:
      "the request: expected at most \(limits.maxHeaderFieldCount) headers, got \(count) or more"
    case .whole(bytes: let bytes)?:
      "the request's headers: expected at most \(limits.maxHeaderListSize) bytes in all, got \(bytes) or more"
    case nil:
      "the request's line and headers: expected at most \(limits.maxHeaderFieldSize) bytes each, "
        + "\(limits.maxHeaderFieldCount) headers and \(limits.maxHeaderListSize) bytes in all, got more"
    }
  }

  private static func words(_ error: HTTPParserError) -> String {
    switch error {
    // Its preface is a request that the decoder stops behind.
    case .paused: "HTTP/2"
    case .unknown, .unexpectedContentLength: "a body whose length its headers do not say, or say twice"
    default: "something else (\(error))"
    }
  }
}

extension CallError {
  /// For people and scripts: the code, the words, and what the details say.
  var httpText: String {
    let wait = retryAfterMilliseconds.map { "; try again in \($0) ms" } ?? ""
    return "\(code): \(message)\(wait)\n"
  }

  /// An object: the words, and the code by its name.
  public var json: Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(["error": message, "code": code.description])) ?? Data("{}".utf8)
  }
}

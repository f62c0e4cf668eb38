import DitherProto
import Foundation
import NIOHTTP1

extension HttpExchange.Refusal {
  /// The answer to what is no HTTP/1.1, or is more of it than is taken.
  init(_ error: HTTPParserError) {
    let limits = NIOHTTPDecoderLimitConfiguration()
    if error == .headerOverflow {
      let words =
        "the request's line and headers: expected at most \(limits.maxHeaderFieldSize) bytes each, "
        + "\(limits.maxHeaderFieldCount) headers and \(limits.maxHeaderListSize) bytes in all, got more; "
        + "what is long goes into a body"
      self.init(status: 431, error: CallError(.resourceExhausted, words), closes: true)
    } else {
      self.init(
        status: 400,
        error: CallError(.invalidArgument, "the request: expected HTTP/1.1, got something else (\(error))"),
        closes: true)
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

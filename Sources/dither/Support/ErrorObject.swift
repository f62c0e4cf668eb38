import DitherBasics
import DitherProto
import Foundation

/// An error, as `--json` tells it: one object on one line of standard error, the last. Keys are absent where
/// nothing is known.
struct ErrorObject: Encodable, Equatable {
  /// By gRPC's names (`NOT_FOUND`), `CHECK_FAILED` where a gate or a check was not kept, `USAGE` of words that no
  /// command takes.
  var code: String
  /// One sentence with all of it.
  var message: String
  var place: String?
  var expected: String?
  var got: String?
  var advice: String?
  var retryAfterMs: Int?
  /// With which the process ends.
  var status: Int32

  init(_ code: String, _ message: String, _ status: ExitStatus, advice: String? = nil) {
    (self.code, self.message, self.status) = (code, message, status.rawValue)
    self.advice = advice
    guard let sentence = FaultSentence(message) else { return }
    (place, expected, got) = (sentence.place, sentence.expected, sentence.got)
    self.advice = advice ?? sentence.advice
  }

  init(_ fault: any AnyFault) {
    code = StatusCode(fault.category).description
    message = fault.description
    (place, expected, got, advice) = (fault.place, fault.expected, fault.got, fault.advice)
    retryAfterMs = fault.retryAfterMilliseconds
    status = ExitStatus(fault.category).rawValue
  }

  init(_ error: CallError, advice: String?) {
    self.init(error.code.description, error.message, ExitStatus(error.code), advice: advice)
    retryAfterMs = error.retryAfterMilliseconds
    // A place may have the sentence's own words in it.
    for case .fieldViolation(let field, _) in error.details where message.hasPrefix(field + ": expected ") {
      place = field
    }
  }

  /// On one line, without what a terminal would obey.
  var line: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return ((try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}").jsonShown
  }

  /// Whether this run was asked for JSON.
  static var isWanted: Bool {
    CommandLine.arguments.dropFirst().prefix { $0 != "--" }.contains("--json")
  }
}

import ArgumentParser
import DitherBasics
import DitherProto
import Foundation

/// The status with which the process ends.
enum ExitStatus: Int32, CaseIterable {
  case done = 0
  case checkFailed = 1
  case invalid = 2
  case notFound = 3
  case denied = 4
  case unavailable = 5
  case exhausted = 6
  case defect = 70
  case interrupted = 130

  var meaning: String {
    switch self {
    case .done: "done"
    case .checkFailed: "a check failed"
    case .invalid: "usage or invalid input, a recipe that diverges too"
    case .notFound: "not found"
    case .denied: "no permission, or not identified"
    case .unavailable: "server unavailable, or the time was up"
    case .exhausted: "too large, or too much at once"
    case .defect: "a defect in Dither"
    case .interrupted: "stopped by Ctrl-C"
    }
  }

  /// For programs, as gRPC's names of statuses are.
  var word: String {
    switch self {
    case .done: "OK"
    case .checkFailed: "CHECK_FAILED"
    case .invalid: "INVALID_ARGUMENT"
    case .notFound: "NOT_FOUND"
    case .denied: "PERMISSION_DENIED"
    case .unavailable: "UNAVAILABLE"
    case .exhausted: "RESOURCE_EXHAUSTED"
    case .defect: "INTERNAL"
    case .interrupted: "CANCELLED"
    }
  }

  static var table: String { allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: "; ") + "." }

  init(_ category: FaultCategory) {
    self =
      switch category {
      case .invalidArgument, .failedPrecondition, .outOfRange, .alreadyExists: .invalid
      case .notFound: .notFound
      case .permissionDenied, .unauthenticated: .denied
      case .unavailable, .deadlineExceeded, .aborted: .unavailable
      case .resourceExhausted: .exhausted
      case .cancelled: .interrupted
      case .dataLoss: .checkFailed
      case .unimplemented, .internalError: .defect
      }
  }

  init(_ code: StatusCode) { self = code.category.map(ExitStatus.init) ?? .done }

  /// Says what went wrong on standard error and ends the process.
  static func end(with error: any Error) -> Never {
    switch error {
    case let fault as any AnyFault: end(ErrorObject(fault), "dither: \(fault)")
    case let error as CallError:
      let advice = Self.advice(for: error), wait = error.retryAfterMilliseconds.map { "try again in \($0) ms" }
      let words = ["dither: \(error)", advice, wait].compactMap { $0 }
      end(ErrorObject(error, advice: advice), words.joined(separator: "; "))
    case let failure as CommandFailure:
      guard !failure.message.isEmpty else { end(failure.status) }
      end(ErrorObject(failure.status.word, failure.message, failure.status), "dither: \(failure.message)")
    case let error as CocoaError:
      let status = error.isMissingFile ? ExitStatus.notFound : .invalid
      end(ErrorObject(status.word, error.words, status), "dither: \(error.words)")
    default: endParsing(error)
    }
  }

  private static func endParsing(_ error: any Error) -> Never {
    let code = Dither.exitCode(for: error)
    if code == .success {
      print(Dither.fullMessage(for: error))
      end(.done)
    }
    let status = code == .validationFailure ? ExitStatus.invalid : .defect
    let message = Dither.fullMessage(for: error)
    // The parser has said it where the word is a slip of the hand.
    let near =
      message.contains("Did you mean")
      ? nil
      : Suggestion.of(Array(CommandLine.arguments.dropFirst()))
        .map { "did you mean '\($0)'?" }
    let words = [message, near].compactMap { $0 }.joined(separator: "\n")
    let isUsage = status == .invalid
    end(
      ErrorObject(
        isUsage ? "USAGE" : status.word, isUsage ? Dither.message(for: error) : "\(error)", status, advice: near),
      words)
  }

  /// Says it for programs or for people, and ends.
  private static func end(_ object: ErrorObject, _ words: String) -> Never {
    if ErrorObject.isWanted { Console.write(object.line + "\n") } else { Console.error(words) }
    end(ExitStatus(rawValue: object.status) ?? .defect)
  }

  /// Servers know no flags of this program.
  private static func advice(for error: CallError) -> String? {
    guard error.code == .unauthenticated else { return nil }
    return "say --token or DITHER_TOKEN, or `dither login`; `dither tokens create` makes a token where the server is"
  }

  /// Ends the process.
  static func end(_ status: ExitStatus) -> Never {
    fflush(nil)
    exit(status.rawValue)
  }
}

/// An end of a command with a status of its own.
struct CommandFailure: Error {
  var status: ExitStatus
  var message: String
}

enum CommandFault: FaultCode {
  case missingOption, badOption, unreadable, malformed, shape, failedPrecondition
  var category: FaultCategory { self == .unreadable ? .notFound : .invalidArgument }
}
typealias CommandError = Fault<CommandFault>

extension CocoaError {
  fileprivate var isMissingFile: Bool { code == .fileNoSuchFile || code == .fileReadNoSuchFile }

  /// With the path, which the library's own sentence may not have.
  fileprivate var words: String {
    let cause = (underlying as? POSIXError).map { String(cString: strerror($0.code.rawValue)).lowercased() }
    let path = filePath ?? url?.path
    return path.map { "\($0): \(cause ?? localizedDescription)" } ?? cause ?? localizedDescription
  }
}

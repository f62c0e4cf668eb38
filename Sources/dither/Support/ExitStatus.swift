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
    case let fault as any AnyFault:
      Console.error("dither: \(fault)")
      end(ExitStatus(fault.category))
    case let error as CallError:
      Console.error("dither: \(error)" + (error.retryAfterMilliseconds.map { "; try again in \($0) ms" } ?? ""))
      end(ExitStatus(error.code))
    case let status as CommandFailure:
      if !status.message.isEmpty { Console.error("dither: \(status.message)") }
      end(status.status)
    case let error as CocoaError:
      Console.error("dither: \(error.localizedDescription)")
      end(error.isMissingFile ? .notFound : .invalid)
    default: endParsing(error)
    }
  }

  private static func endParsing(_ error: any Error) -> Never {
    let code = Dither.exitCode(for: error)
    if code == .success {
      print(Dither.fullMessage(for: error))
      end(.done)
    }
    Console.error(Dither.fullMessage(for: error))
    if let near = nearestCommand(Array(CommandLine.arguments.dropFirst())) {
      Console.error("did you mean 'dither \(near)'?")
    }
    end(code == .validationFailure ? .invalid : .defect)
  }

  /// The command that a word that is none was meant for, with the words before it.
  private static func nearestCommand(_ words: [String]) -> String? {
    var known = commands, path: [String] = []
    for word in words.prefix(2) where !known.isEmpty {
      let names = known.map { $0._commandName }
      guard let at = names.firstIndex(of: word) else {
        return word.hasPrefix("-") ? nil : nearest(to: word, among: names).map { (path + [$0]).joined(separator: " ") }
      }
      path.append(word)
      known = known[at].configuration.subcommands
    }
    return nil
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

extension CocoaError { fileprivate var isMissingFile: Bool { code == .fileNoSuchFile || code == .fileReadNoSuchFile } }

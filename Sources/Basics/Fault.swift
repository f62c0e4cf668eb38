/// The kind of a fault, as far as a caller of any door must know. `Service` maps it to gRPC's and HTTP's codes, the
/// command line to an exit code.
public enum FaultCategory: String, Sendable, CaseIterable {
  case cancelled, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied, resourceExhausted
  case failedPrecondition, aborted, outOfRange, unimplemented, internalError, unavailable, dataLoss, unauthenticated
}

/// The named faults of one module.
public protocol FaultCode: Sendable, Equatable {
  var category: FaultCategory { get }
}

/// Any `Fault`, whatever its code: for those who only report it.
public protocol AnyFault: Error, CustomStringConvertible {
  var category: FaultCategory { get }
  /// The code's name, as in `GraphFault.shape`.
  var codeName: String { get }
  var place: String { get }
  var expected: String { get }
  var got: String { get }
  var advice: String? { get }
  /// How long to wait before trying again, where that helps.
  var retryAfterMilliseconds: Int? { get }
}

/// An error that says where it arose, what was expected, what came, and what to do.
public struct Fault<Code: FaultCode>: AnyFault, Equatable {
  /// Which of the module's faults it is.
  public var code: Code
  /// Where: `input 'image'`, `recipe, 'epochs'`.
  public var place: String
  /// In words: `[N, 3, H, W]`.
  public var expected: String
  /// In words, clipped where it is from outside.
  public var got: String
  /// Advice: what to do, with the nearest known name; nil where nothing is known to help.
  public var advice: String?
  /// How long to wait before trying again, where that helps.
  public var retryAfterMilliseconds: Int?

  /// - Parameters:
  /// - place: where it arose.
  /// - advice: what to do, as an imperative.
  public init(
    _ code: Code, at place: String, expected: String, got: String, advice: String? = nil,
    retryAfterMilliseconds: Int? = nil
  ) {
    self.code = code
    self.place = place
    self.expected = expected
    self.got = got
    self.advice = advice
    self.retryAfterMilliseconds = retryAfterMilliseconds
  }

  /// The code's.
  public var category: FaultCategory { code.category }
  /// The code's name, for programs.
  public var codeName: String { "\(code)" }
}

extension AnyFault {
  /// One sentence: place, expected, got, advice. Whatever a file or a database has brought into it acts on no terminal.
  public var description: String {
    let fact = "\(place): expected \(expected), got \(got)"
    return (advice.map { "\(fact); \($0)" } ?? fact).shown(keepsLines: true)
  }
}

extension String {
  /// At most `limit` characters on one line, shown, for words from outside that go into a message.
  public func clipped(to limit: Int = 120) -> String { (count <= limit ? self : prefix(limit) + "…").shown() }
}

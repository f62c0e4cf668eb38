/// What kind of thing went wrong, as far as a caller of any door must know. `Service` maps it to gRPC's and HTTP's codes,
/// the command line to an exit code.
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
  public var code: Code
  public var place: String
  public var expected: String
  public var got: String
  public var advice: String?
  public var retryAfterMilliseconds: Int?

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

  public var category: FaultCategory { code.category }
  public var codeName: String { "\(code)" }
}

extension AnyFault {
  public var description: String {
    let fact = "\(place): expected \(expected), got \(got)"
    return advice.map { "\(fact); \($0)" } ?? fact
  }
}

extension String {
  /// At most `limit` characters, for words from outside that go into a message.
  public func clipped(to limit: Int = 120) -> String {
    count <= limit ? self : prefix(limit) + "…"
  }
}

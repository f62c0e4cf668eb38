import DitherBasics

/// Faults of audits, attacks and their data.
public enum RobustnessFault: FaultCode {
  /// A probe's parameter is out of its range, or its text cannot be read.
  case parameter
  /// The examples cannot be audited.
  case data
  /// The audit asks for nothing, for too much, or shards and plan do not go together.
  case plan
  /// An attack has asked as much as it may.
  case budgetSpent
  /// The caller no longer wants the answer, or its time is over.
  case cancelled

  /// A spent budget or time is not the caller's mistake; all else is.
  public var category: FaultCategory {
    switch self {
    case .parameter, .data, .plan: .invalidArgument
    case .budgetSpent: .resourceExhausted
    case .cancelled: .cancelled
    }
  }
}
/// An error of an audit.
public typealias RobustnessError = Fault<RobustnessFault>

/// Refuses a number outside of its range, by the name of its field.
func require<Number: Comparable>(
  _ value: Number, in range: ClosedRange<Number>, _ field: String
) throws(RobustnessError) {
  guard range.contains(value) else {
    throw RobustnessError(
      .parameter, at: field, expected: "\(range.lowerBound) to \(range.upperBound)", got: "\(value)")
  }
}

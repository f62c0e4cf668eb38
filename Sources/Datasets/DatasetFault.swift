import DitherBasics

/// Faults of a data set or a file.
public enum DatasetFault: FaultCode {
  case malformed, truncated, tooLarge, unsupported, absent, checksum, download, disk
  /// A missing set is not found, a damaged one lost; the rest is the caller's mistake.
  public var category: FaultCategory {
    switch self {
    case .malformed, .truncated, .unsupported: .invalidArgument
    case .tooLarge: .resourceExhausted
    case .absent: .notFound
    case .checksum: .dataLoss
    case .download: .unavailable
    case .disk: .resourceExhausted
    }
  }
}
/// An error of a data set or of a file.
public typealias DatasetError = Fault<DatasetFault>

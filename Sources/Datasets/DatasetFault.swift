import DitherBasics

public enum DatasetFault: FaultCode {
  case malformed, truncated, tooLarge, unsupported, absent, checksum, download, disk
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
public typealias DatasetError = Fault<DatasetFault>

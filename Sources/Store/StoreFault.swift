import DitherBasics

/// Faults of the store.
public enum StoreFault: FaultCode {
  /// A name, digest or size that cannot be stored.
  case badName, badDigest, badSize
  case notFound, alreadyExists
  /// The caller may not use it, nor see whether it is there.
  case notAllowed
  /// The record to change is no longer as the caller expected it.
  case conflict
  /// A piece of an upload that is not the next one.
  case offset
  /// The bytes are not those that were announced.
  case digestMismatch
  /// Another upload of the same file has taken over.
  case superseded
  /// More than one owner may have.
  case quota
  /// Too much of the same is under way.
  case busy
  /// The state directory belongs to another running server.
  case inUse
  /// The state directory cannot be made, the database cannot be used.
  case badPlace
  /// A later program has changed how things are stored.
  case newer
  /// An earlier program has stored things in another way, and may still be at it.
  case older
  /// The store is elsewhere, and cannot be asked for now.
  case away
  /// Stored bytes have changed since they were written.
  case corrupt
  case noSpace, storage

  /// The fault's category, for callers of any door.
  public var category: FaultCategory {
    switch self {
    case .badName, .badDigest, .badSize: .invalidArgument
    case .notFound: .notFound
    case .alreadyExists: .alreadyExists
    case .notAllowed: .permissionDenied
    case .offset: .outOfRange
    case .digestMismatch, .corrupt: .dataLoss
    case .superseded: .aborted
    case .inUse, .badPlace, .newer, .older, .conflict: .failedPrecondition
    case .noSpace, .busy, .quota: .resourceExhausted
    case .away: .unavailable
    case .storage: .internalError
    }
  }
}
/// An error of the store.
public typealias StoreError = Fault<StoreFault>

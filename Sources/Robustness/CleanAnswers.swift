import Synchronization

/// What a predictor answers to examples as they are: every probe of an audit asks for it again.
final class CleanAnswers: Sendable {
  /// The same rows in the same batch: what is remembered is, to the last bit, what would be answered again.
  struct Key: Hashable {
    var seed: UInt64
    var samples: Int
    var first: UInt64
    var count: Int
  }
  private let labels = Mutex<[Key: [Int]]>([:])

  func labels(_ key: Key, or answer: () throws -> [Int]) rethrows -> [Int] {
    if let known = labels.withLock({ $0[key] }) { return known }
    // Outside of the lock: two threads may answer the same, and say the same.
    let found = try answer()
    labels.withLock { $0[key] = found }
    return found
  }
}

/// Examples of a probe's other data: their numbers lie beyond those of any data, so that the draws of the two never
/// meet.
enum ForeignExample {
  private static let first: UInt64 = 1 << 40

  /// The identities of its first `count`.
  static func identities(_ count: Int) -> [UInt64] { (0..<UInt64(max(count, 0))).map { first | $0 } }

  /// How messages call an example: "example 3", or "example 3 of the probe's other data".
  static func name(of identity: UInt64) -> String {
    identity < first ? "example \(identity)" : "example \(identity ^ first) of the probe's other data"
  }
}

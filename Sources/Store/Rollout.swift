import DitherBasics

/// A candidate for an alias: a version that answers a share of the requests for the alias, or computes them beside the
/// one that does.
public struct Rollout: Sendable, Equatable {
  /// The one for which it is a candidate.
  public var alias: String
  /// Share of the requests for the alias, in millionths: 1 to 1 000 000.
  public var sharePpm: Int
  /// Whether it computes them only to be compared; else it answers them.
  public var isShadow: Bool
  /// Since 1970.
  public var setMilliseconds: Int64
  /// The caller's name.
  public var setBy: String

  /// In (0, 1].
  public var share: Double { Double(sharePpm) / 1e6 }
}

/// How a candidate is set.
public struct RolloutTerms: Sendable, Equatable {
  /// In millionths: 1 to 1 000 000.
  public var sharePpm: Int
  /// Whether it only computes.
  public var isShadow: Bool
  /// The audit whose gates the version has passed, for the trail; nil: nobody asked.
  public var audit: String?

  /// - Parameters:
  ///   - share: of the requests for the alias, in (0, 1], to a millionth.
  ///   - audit: whose gates the version has passed.
  /// - Throws: `.badSize` for another share.
  public init(share: Double, isShadow: Bool, audit: String? = nil) throws(StoreError) {
    guard share <= 1, share >= 1e-6 else {
      throw StoreError(.badSize, at: "share", expected: "0.000001 to 1", got: "\(share)")
    }
    sharePpm = Int((share * 1e6).rounded())
    self.isShadow = isShadow
    self.audit = audit
  }
}

extension ModelIndex {
  /// The candidate of an alias; nil: it has none.
  public func candidate(for alias: String, of name: String) -> (version: ModelVersion, rollout: Rollout)? {
    for version in versions(of: name) {
      if let found = version.rollouts.first(where: { $0.alias == alias }) { return (version, found) }
    }
    return nil
  }
}

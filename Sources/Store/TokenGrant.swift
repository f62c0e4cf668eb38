import DitherBasics

/// All that a token is given beside its name and its secret.
public struct TokenGrant: Sendable, Equatable {
  /// Bounds of a rate, in each second.
  public static let rates = 1...1_000_000_000
  /// The shortest and the longest life of a secret.
  public static let lifetimes = Duration.seconds(1)...Duration.seconds(3650 * 86_400)
  /// The longest time for which the secret before a new one goes on.
  public static let longestOverlap = Duration.seconds(30 * 86_400)

  /// Things that it may do.
  public var roles: [String]
  /// Patterns of the names of models that it is for; none: all models.
  public var models: [String]
  /// From when its secret is made; nil: for ever.
  public var lifetime: Duration?
  /// Calls in each second; nil: as the server has it, 0: as many as come.
  public var callsPerSecond: Int?
  /// Draws of rows in each second; nil: as the server has it, 0: as many as come.
  public var samplesPerSecond: Int?

  /// - Parameter models: patterns of names; none: all models.
  public init(
    roles: [String], models: [String] = [], lifetime: Duration? = nil, callsPerSecond: Int? = nil,
    samplesPerSecond: Int? = nil
  ) {
    self.roles = roles
    self.models = models
    self.lifetime = lifetime
    self.callsPerSecond = callsPerSecond
    self.samplesPerSecond = samplesPerSecond
  }

  /// - Throws: `StoreFault.badName` where a part of it cannot be.
  func check() throws(StoreError) {
    guard models.count <= NameScope.mostPatterns else {
      throw StoreError(
        .badName, at: "models", expected: "at most \(NameScope.mostPatterns) patterns", got: "\(models.count)",
        advice: "let one pattern with a * stand for several")
    }
    if let bad = models.first(where: { !NameScope.isPattern($0) }) {
      throw StoreError(.badName, at: "models", expected: NameScope.form, got: "'\(bad.clipped())'")
    }
    for (name, rate) in [("calls", callsPerSecond), ("samples", samplesPerSecond)] {
      guard let rate, rate != 0, !Self.rates.contains(rate) else { continue }
      throw StoreError(
        .badName, at: "\(name) per second", expected: "0 (no bound) to \(Self.rates.upperBound)", got: "\(rate)")
    }
    if let lifetime { try Self.check(lifetime: lifetime) }
  }

  static func check(lifetime: Duration) throws(StoreError) {
    guard lifetimes.contains(lifetime) else {
      throw StoreError(.badName, at: "lifetime", expected: "a second to ten years", got: "\(lifetime)")
    }
  }
}

import DitherBasics
import Foundation

/// A bearer token as it is remembered: never its secret.
public struct Token: Sendable, Equatable, Codable {
  public var name: String
  /// In the order in which they were given.
  public var roles: [String]
  /// Patterns of the names of models that it is for; none: all models.
  public var models: [String] = []
  /// nil: as the server has it; 0: as many as come.
  public var callsPerSecond: Int?
  /// nil: as the server has it; 0: as many as come.
  public var samplesPerSecond: Int?
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// When its secret was made, since 1970.
  public var issuedMilliseconds: Int64
  /// The end of its secret, since 1970; nil: it has none.
  public var expiresMilliseconds: Int64?
  /// The end of the secret before it, since 1970; nil: there was none, or it has ended.
  public var previousUntilMilliseconds: Int64?
  /// Since 1970; nil: it is valid.
  public var revokedMilliseconds: Int64?

  /// A token's record; its secret is nowhere.
  public init(name: String, roles: [String], createdMilliseconds: Int64, revokedMilliseconds: Int64? = nil) {
    self.name = name
    self.roles = roles
    self.createdMilliseconds = createdMilliseconds
    issuedMilliseconds = createdMilliseconds
    self.revokedMilliseconds = revokedMilliseconds
  }

  /// Whether its secret has ended.
  public func isExpired(at milliseconds: Int64) -> Bool { expiresMilliseconds.map { $0 <= milliseconds } ?? false }

  /// A new secret: 256 random bits, so that a fast hash is enough to keep it.
  public static func secret() -> String {
    let text = Data(randomBytes(32)).base64EncodedString()
    return "dither_" + text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}

/// The tokens that are not revoked. They may have expired: whoever asks has the time.
public struct LiveTokens: Sendable {
  /// By the SHA-256 of their secrets.
  public var byHash: [Sha256.Digest: Token]
  /// The same by the secrets before these, each good until its token's `previousUntilMilliseconds`.
  public var byPreviousHash: [Sha256.Digest: Token]
  /// The change up to which they are right.
  public var number: Int64
  /// Tokens that a store has read.
  public init(byHash: [Sha256.Digest: Token], byPreviousHash: [Sha256.Digest: Token] = [:], number: Int64) {
    self.byHash = byHash
    self.byPreviousHash = byPreviousHash
    self.number = number
  }
  /// The one that has this secret, if that is good at a time.
  public func token(of secret: String, at milliseconds: Int64 = millisecondsNow()) -> Token? {
    let hash = Sha256.hash(secret.utf8)
    if let token = byHash[hash] { return token.isExpired(at: milliseconds) ? nil : token }
    return byPreviousHash[hash].flatMap { $0.previousUntilMilliseconds ?? 0 > milliseconds ? $0 : nil }
  }
  /// The one of this name, if it has not expired: how a client certificate is given roles.
  public func token(named name: String, at milliseconds: Int64 = millisecondsNow()) -> Token? {
    byHash.values.first { $0.name == name && !$0.isExpired(at: milliseconds) }
  }
}

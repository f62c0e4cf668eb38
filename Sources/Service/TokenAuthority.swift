import DitherBasics
import DitherStore
import Synchronization

/// Says who a bearer of a token is. What was found is believed for a second, so that a call does not wait for a query and
/// a token that is revoked in another process is soon worthless.
final class TokenAuthority: Sendable {
  private struct Known {
    var token: Token
    var until: ContinuousClock.Instant
  }
  private static let trust = Duration.seconds(1)
  private static let mostKnown = 4096

  private let tokens: TokenStore
  /// Tokens of this process only, by the hash of their secret.
  private let own: [Sha256.Digest: Token]
  private let known = Mutex<[Sha256.Digest: Known]>([:])

  /// - Parameter session: a secret that is good for every role for as long as this process lives.
  init(tokens: TokenStore, session: String?) {
    self.tokens = tokens
    let token = Token(name: "session", roles: ["admin"], createdMilliseconds: millisecondsNow())
    own = session.map { [Sha256.hash($0.utf8): token] } ?? [:]
  }

  /// - Returns: nil for a secret of no live token.
  func find(_ secret: String) throws(StoreError) -> Token? {
    let hash = Sha256.hash(secret.utf8)
    if let token = own[hash] { return token }
    let now = ContinuousClock.now
    if let found = known.withLock({ $0[hash] }), found.until > now { return found.token }
    let found = try tokens.find(secret: secret)
    known.withLock { known in
      if known.count >= Self.mostKnown { known.removeAll() }
      known[hash] = found.map { Known(token: $0, until: now + Self.trust) }
    }
    return found
  }
}

import DitherBasics
import DitherTransport
import Foundation
import Synchronization

/// Browsers that have signed in. A session stands for a token, in this process alone and for some hours: what a browser
/// keeps is not the token, and worthless once it has ended, the token has, or the server.
final class ConsoleSessions: Sendable {
  /// From the sign-in.
  static let lifetime = Duration.seconds(12 * 3600)
  /// Beyond so many the one that would end first ends.
  static let most = 1024
  /// Beyond so many of one token its first ends, so that nobody signs all others out.
  static let mostOfToken = 64

  private struct Session {
    /// The hash of its token's secret.
    var token: Sha256.Digest
    var until: ContinuousClock.Instant
  }
  /// By the hash of their text.
  private let open = Mutex<[Sha256.Digest: Session]>([:])

  /// - Parameter token: the secret of a token that is known.
  /// - Returns: the session's text.
  func begin(for token: String, at now: ContinuousClock.Instant = .now) -> String {
    let hex = randomBytes(32).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    let text = HttpDoor.sessionPrefix + hex, secret = Sha256.hash(token.utf8)
    open.withLock { open in
      open = open.filter { $0.value.until > now }
      let own = open.filter { $0.value.token == secret }
      let crowd = own.count >= Self.mostOfToken ? own : open.count >= Self.most ? open : [:]
      if let first = crowd.min(by: { $0.value.until < $1.value.until }) { open[first.key] = nil }
      open[Sha256.hash(text.utf8)] = Session(token: secret, until: now + Self.lifetime)
    }
    return text
  }

  /// - Returns: the hash of the token's secret; nil where there is no such session.
  func token(of text: String, at now: ContinuousClock.Instant) -> Sha256.Digest? {
    let key = Sha256.hash(text.utf8)
    return open.withLock { open in open[key].flatMap { $0.until > now ? $0.token : nil } }
  }

  func end(_ text: String) {
    let key = Sha256.hash(text.utf8)
    open.withLock { $0[key] = nil }
  }
}

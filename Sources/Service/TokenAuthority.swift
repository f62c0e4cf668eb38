import DitherBasics
import DitherStore
import DitherTransport
import Logging
import Synchronization

/// Says who a caller is. What was found is believed for a second: hardly a call waits for a query (some 50 µs), and a
/// token that is revoked in another process is soon worthless.
final class TokenAuthority: Authenticator {
  private struct Known {
    var identity: Identity
    var until: ContinuousClock.Instant
  }
  private static let trust = Duration.seconds(1)
  private static let mostKnown = 4096

  private let tokens: any TokenRecords
  private let log: Logger
  /// Good for every role for as long as this process lives.
  private let session: Sha256.Digest
  /// By the hash of a secret, or of a certificate's name.
  private let known = Mutex<[Sha256.Digest: Known]>([:])

  init(tokens: any TokenRecords, session: String, log: Logger) {
    self.tokens = tokens
    self.session = Sha256.hash(session.utf8)
    self.log = log
  }

  func identify(bearer token: String) -> Identity? {
    let hash = Sha256.hash(token.utf8)
    if equalInConstantTime(hash.bytes, session.bytes) { return Identity(name: "session", roles: [.admin]) }
    return find(hash) { try tokens.find(secret: token) }
  }

  /// A certificate has the roles of the live token that has its name.
  func identify(commonName: String) -> Identity? {
    find(Sha256.hash("certificate \(commonName)".utf8)) { try tokens.find(name: commonName) }
  }

  private func find(_ key: Sha256.Digest, _ query: () throws -> Token?) -> Identity? {
    let now = ContinuousClock.now
    if let found = known.withLock({ $0[key] }), found.until > now { return found.identity }
    do {
      let identity = try query().map { Identity(name: $0.name, roles: Set($0.roles.compactMap(Role.init))) }
      known.withLock { known in
        if known.count >= Self.mostKnown { known.removeAll() }
        known[key] = identity.map { Known(identity: $0, until: now + Self.trust) }
      }
      return identity
    } catch {
      log.error("tokens could not be read", metadata: ["reason": "\(error)"])
      return nil
    }
  }
}

import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Logging
import Synchronization

/// Says who a caller is, from a copy of the live tokens. The store is asked whether they have changed a few times a
/// second at most, however many tokens are tried.
package final class TokenAuthority: Authenticator {
  private struct Known {
    var byHash: [Sha256.Digest: Identity] = [:]
    var byName: [String: Identity] = [:]
    /// The change of the store up to which they are right.
    var number: Int64?
    var looked: ContinuousClock.Instant?
    /// When the store last said that they are right.
    var confirmed: ContinuousClock.Instant?
    var isStoreAway = false
  }
  /// A token that another process revokes is worthless after this.
  private static let trust = Duration.milliseconds(250)
  /// A token that was known is good for so long while the store cannot be read.
  private static let memory = Duration.seconds(300)
  /// Between two looks for tokens that are not known: one that another process has made is.
  private static let patience = Duration.milliseconds(20)
  /// Ours are 50.
  private static let longestToken = 512

  private let tokens: any TokenRecords
  private let log: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  /// Good for every role for as long as this process lives.
  private let session: Sha256.Digest
  private let known = Mutex(Known())

  /// - Parameter session: a token of this process alone.
  package init(
    tokens: any TokenRecords, session: String, log: Logger,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.tokens = tokens
    self.session = Sha256.hash(session.utf8)
    self.log = log
    self.now = now
  }

  /// Hashes are looked up: the time that it takes says nothing of a secret.
  package func identify(bearer token: String) throws(CallError) -> Identity? {
    guard token.utf8.count <= Self.longestToken else { return nil }
    let hash = Sha256.hash(token.utf8)
    if equalInConstantTime(hash.bytes, session.bytes) { return Identity(name: "session", roles: [.admin]) }
    return try find { $0.byHash[hash] }
  }

  /// A certificate has the roles of the live token that has its name.
  package func identify(commonName: String) throws(CallError) -> Identity? {
    try find { $0.byName[commonName] }
  }

  /// - Throws: UNAVAILABLE where nobody of whom we know has it, and the store cannot be asked: it is not the caller's
  ///   fault, and he shall try again.
  private func find(_ identity: (borrowing Known) -> Identity?) throws(CallError) -> Identity? {
    let now = now()
    return try known.withLock { known throws(CallError) in
      if known.looked.map({ now - $0 >= Self.trust }) ?? true { look(&known, now) }
      if let found = identity(known) { return found }
      if let looked = known.looked, now - looked >= Self.patience {
        look(&known, now)
        if let found = identity(known) { return found }
      }
      guard known.isStoreAway else { return nil }
      throw CallError(
        .unavailable, "it cannot be told now whose token that is: the server's store does not answer",
        details: [.retry(afterMilliseconds: 1000)])
    }
  }

  private func look(_ known: inout Known, _ now: ContinuousClock.Instant) {
    known.looked = now
    do {
      let live = try tokens.live(since: known.number)
      known.confirmed = now
      known.isStoreAway = false
      guard let live else { return }
      known.number = live.number
      known.byHash = live.byHash.mapValues { Identity(name: $0.name, roles: Set($0.roles.compactMap(Role.init))) }
      known.byName = Dictionary(known.byHash.values.map { ($0.name, $0) }) { $1 }
    } catch {
      if !known.isStoreAway { log.error("tokens could not be read", metadata: ["reason": "\(error)"]) }
      // Nobody is let in for long whose token may have been revoked.
      let isFresh = known.confirmed.map { now - $0 < Self.memory } ?? false
      if !isFresh { known = Known(looked: now) }
      known.isStoreAway = true
    }
  }
}

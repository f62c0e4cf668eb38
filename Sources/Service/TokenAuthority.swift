import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Foundation
import Logging
import Synchronization

/// Says who a caller is, from a copy of the live tokens. The store is asked whether they have changed a few times a
/// second at most, however many tokens are tried.
package final class TokenAuthority: Authenticator {
  private struct Holder {
    var identity: Identity
    /// The end of the secret, since 1970; nil: it has none.
    var until: Int64?
  }
  private struct Known {
    var byHash: [Sha256.Digest: Holder] = [:]
    var byName: [String: Holder] = [:]
    /// The change of the store up to which they are right.
    var number: Int64?
    var looked: ContinuousClock.Instant?
    /// When the store last said that they are right.
    var confirmed: ContinuousClock.Instant?
    var isStoreAway = false
  }
  /// Facts of the settings that say whom certificates stand for, and what everybody is bounded by.
  package struct Terms: Sendable {
    /// Bounds of tokens that have none of their own.
    package var rates: RateBounds
    /// The first that a certificate fits counts. None: a certificate has the rights of the token of its common name.
    package var clients: [ClientRule]
    package init(rates: RateBounds = RateBounds(), clients: [ClientRule] = []) {
      (self.rates, self.clients) = (rates, clients)
    }
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
  private let terms: Terms
  private let log: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  private let wall: @Sendable () -> Int64
  /// Good for every role for as long as this process lives.
  private let session: Sha256.Digest
  private let known = Mutex(Known())
  /// Browsers that have signed in.
  let sessions = ConsoleSessions()

  /// - Parameters:
  ///   - session: a token of this process alone.
  ///   - wall: milliseconds since 1970, by which tokens end.
  package init(
    tokens: any TokenRecords, session: String, terms: Terms = Terms(), log: Logger,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    wall: @escaping @Sendable () -> Int64 = { millisecondsNow() }
  ) {
    self.tokens = tokens
    self.session = Sha256.hash(session.utf8)
    self.terms = terms
    self.log = log
    self.now = now
    self.wall = wall
  }

  /// Hashes are looked up: the time that it takes says nothing of a secret.
  package func identify(bearer token: String) throws(CallError) -> Identity? {
    guard token.utf8.count <= Self.longestToken else { return nil }
    let hash: Sha256.Digest
    if token.hasPrefix(HttpDoor.sessionPrefix) {
      guard let found = sessions.token(of: token, at: now()) else { return nil }
      hash = found
    } else {
      hash = Sha256.hash(token.utf8)
    }
    if equalInConstantTime(hash.bytes, session.bytes) { return Identity(name: "session", roles: [.admin]) }
    guard let holder = try find({ $0.byHash[hash] }) else { return nil }
    guard let until = holder.until, until <= wall() else { return holder.identity }
    let day = Date(timeIntervalSince1970: Double(until) / 1000).formatted(.iso8601), name = holder.identity.name
    throw CallError(
      .unauthenticated,
      "the token of '\(name)' ended at \(day): it needs a new secret, by `dither tokens rotate \(name)`")
  }

  /// A certificate has the rights that the settings give to its names. Where they name nobody, it has the roles of the
  /// live token that is called as it is, but for admin, which a name alone does not make.
  package func identify(certificate: ClientCertificate) throws(CallError) -> Identity? {
    for rule in terms.clients {
      if let identity = rule.identity(of: certificate, terms.rates) { return identity }
    }
    guard terms.clients.isEmpty, let name = certificate.commonName, let holder = try find({ $0.byName[name] }),
      holder.until.map({ $0 > wall() }) ?? true
    else { return nil }
    var identity = holder.identity
    identity.roles.remove(.admin)
    return identity
  }

  /// - Throws: UNAVAILABLE where nobody of whom we know has it, and the store cannot be asked: it is not the caller's
  ///   fault, and he shall try again.
  private func find(_ holder: (borrowing Known) -> Holder?) throws(CallError) -> Holder? {
    let now = now()
    return try known.withLock { known throws(CallError) in
      if known.looked.map({ now - $0 >= Self.trust }) ?? true { look(&known, now) }
      if let found = holder(known) { return found }
      if let looked = known.looked, now - looked >= Self.patience {
        look(&known, now)
        if let found = holder(known) { return found }
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
      known.byHash = live.byHash.mapValues { Holder(identity: identity($0), until: $0.expiresMilliseconds) }
      known.byName = Dictionary(known.byHash.values.map { ($0.identity.name, $0) }) { $1 }
      for (hash, token) in live.byPreviousHash where known.byHash[hash] == nil {
        known.byHash[hash] = Holder(identity: identity(token), until: token.previousUntilMilliseconds ?? 0)
      }
    } catch {
      if !known.isStoreAway { log.error("tokens could not be read", metadata: ["reason": "\(error)"]) }
      // Nobody is let in for long whose token may have been revoked.
      let isFresh = known.confirmed.map { now - $0 < Self.memory } ?? false
      if !isFresh { known = Known(looked: now) }
      known.isStoreAway = true
    }
  }

  private func identity(_ token: Token) -> Identity {
    Identity(
      name: token.name, roles: Set(token.roles.compactMap(Role.init)), scope: NameScope(token.models),
      rates: terms.rates.overridden(calls: token.callsPerSecond, samples: token.samplesPerSecond))
  }
}

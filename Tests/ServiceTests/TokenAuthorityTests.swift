import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import DitherTransport
import Foundation
import Logging
import Synchronization
import Testing

@Suite("Who a caller is")
struct TokenAuthorityTests {
  /// Tokens of a store, and how often they were asked for.
  private final class Counted: TokenRecords {
    let inner: any TokenRecords
    let asked = Atomic(0), isBroken = Atomic(false)
    init(_ inner: any TokenRecords) { self.inner = inner }
    func create(_ name: String, _ grant: TokenGrant, secret: String) async throws(StoreError) {
      try await inner.create(name, grant, secret: secret)
    }
    func rotate(
      _ name: String, secret: String, overlap: Duration, lifetime: Duration?
    ) async throws(StoreError) -> Token {
      try await inner.rotate(name, secret: secret, overlap: overlap, lifetime: lifetime)
    }
    func list() async throws(StoreError) -> [Token] { try await inner.list() }
    func revoke(_ name: String) async throws(StoreError) { try await inner.revoke(name) }
    func live(since number: Int64?) throws(StoreError) -> LiveTokens? {
      asked.add(1, ordering: .relaxed)
      guard !isBroken.load(ordering: .relaxed) else {
        throw StoreError(.storage, at: "tokens", expected: "a working disk", got: "none")
      }
      return try inner.live(since: number)
    }
  }

  private final class Clock: Sendable {
    private let now = Mutex(ContinuousClock.now)
    private let wallNow = Mutex(millisecondsNow())
    var time: ContinuousClock.Instant { now.withLock { $0 } }
    var wall: Int64 { wallNow.withLock { $0 } }
    func pass(milliseconds: Int) {
      now.withLock { $0 += .milliseconds(milliseconds) }
      wallNow.withLock { $0 += Int64(milliseconds) }
    }
  }

  private func with(
    _ terms: TokenAuthority.Terms = .init(), _ body: (Counted, Clock, TokenAuthority) async throws -> Void
  ) async throws {
    let scratch = try Scratch(), tokens = Counted(try SqliteStore(directory: scratch.path).tokens), clock = Clock()
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let authority = TokenAuthority(
      tokens: tokens, session: "session", terms: terms, log: log, now: { clock.time }, wall: { clock.wall })
    try await body(tokens, clock, authority)
  }

  @Test("ten thousand wrong tokens ask the store a few times")
  func floods() async throws {
    try await with { tokens, clock, authority in
      let secret = try await tokens.create("app", roles: ["predict"])
      for number in 0..<10_000 {
        #expect(try authority.identify(bearer: "dither_\(number)") == nil)
        if number % 1000 == 999 { clock.pass(milliseconds: 20) }
      }
      #expect(tokens.asked.load(ordering: .relaxed) <= 11)
      #expect(try authority.identify(bearer: secret) == Identity(name: "app", roles: [.predict]))
      #expect(try authority.identify(bearer: String(repeating: "x", count: 1 << 20)) == nil)
      #expect(try authority.identify(bearer: "session")?.may(.admin) == true)
    }
  }

  @Test("a token is good as soon as it is made, and worthless soon after it is revoked, by whichever process")
  func changes() async throws {
    try await with { tokens, clock, authority in
      #expect(try authority.identify(bearer: "dither_x") == nil)
      let secret = try await tokens.create("app", roles: ["predict"])
      clock.pass(milliseconds: 20)
      #expect(try authority.identify(bearer: secret)?.name == "app")
      #expect(try authority.identify(certificate: Self.certificate("app"))?.name == "app")
      try await tokens.revoke("app")
      clock.pass(milliseconds: 250)
      #expect(try authority.identify(bearer: secret) == nil)
      #expect(try authority.identify(certificate: Self.certificate("app")) == nil)
    }
  }

  @Test("while the store is away those who are known stay so for five minutes, and others are told to try again")
  func broken() async throws {
    try await with { tokens, clock, authority in
      let secret = try await tokens.create("app", roles: ["predict"])
      #expect(try authority.identify(bearer: secret) != nil)
      tokens.isBroken.store(true, ordering: .relaxed)
      clock.pass(milliseconds: 299_000)
      for _ in 0..<100 {
        #expect(try authority.identify(bearer: secret)?.name == "app")
        #expect(throws: CallError.self) { _ = try authority.identify(bearer: "dither_x") }
      }
      #expect(tokens.asked.load(ordering: .relaxed) <= 4)
      clock.pass(milliseconds: 2000)
      let error = #expect(throws: CallError.self) { _ = try authority.identify(bearer: secret) }
      #expect(error?.code == .unavailable)
      #expect(try authority.identify(bearer: "session")?.may(.admin) == true)
      tokens.isBroken.store(false, ordering: .relaxed)
      clock.pass(milliseconds: 250)
      #expect(try authority.identify(bearer: secret)?.name == "app")
      #expect(try authority.identify(bearer: "dither_x") == nil)
    }
  }

  private static func certificate(_ name: String?, _ uris: String...) -> ClientCertificate {
    ClientCertificate(commonName: name, uris: uris)
  }

  @Test("a token has its models and its pace, the server's where it has none of its own")
  func grants() async throws {
    try await with(.init(rates: RateBounds(calls: 10, samples: 1000))) { tokens, clock, authority in
      let grants: [(grant: TokenGrant, scope: NameScope, rates: RateBounds)] = [
        (TokenGrant(roles: ["predict"]), .all, RateBounds(calls: 10, samples: 1000)),
        (
          TokenGrant(roles: ["predict"], models: ["a-*"], callsPerSecond: 3, samplesPerSecond: 0),
          NameScope(["a-*"]), RateBounds(calls: 3)
        ),
      ]
      for (at, row) in grants.enumerated() {
        let secret = try await tokens.create("t\(at)", row.grant)
        clock.pass(milliseconds: 25)
        let expected = Identity(name: "t\(at)", roles: [.predict], scope: row.scope, rates: row.rates)
        #expect(try authority.identify(bearer: secret) == expected)
      }
    }
  }

  @Test("a token that has ended is told so, with the remedy, and needs no look into the store")
  func expiry() async throws {
    try await with { tokens, clock, authority in
      let secret = try await tokens.create("app", TokenGrant(roles: ["predict"], lifetime: .seconds(60)))
      #expect(try authority.identify(bearer: secret)?.name == "app")
      clock.pass(milliseconds: 59_000)
      #expect(try authority.identify(certificate: Self.certificate("app"))?.name == "app")
      clock.pass(milliseconds: 2000)
      let error = #expect(throws: CallError.self) { _ = try authority.identify(bearer: secret) }
      #expect(error?.code == .unauthenticated && error?.message.contains("dither tokens rotate app") == true)
      #expect(try authority.identify(certificate: Self.certificate("app")) == nil)
    }
  }

  @Test("of a token that was rotated both secrets are good until the overlap ends")
  func rotation() async throws {
    try await with { tokens, clock, authority in
      let old = try await tokens.create("app", roles: ["predict"])
      #expect(try authority.identify(bearer: old)?.name == "app")
      _ = try await tokens.rotate("app", secret: "new", overlap: .seconds(60), lifetime: nil)
      clock.pass(milliseconds: 250)
      for secret in [old, "new"] { #expect(try authority.identify(bearer: secret)?.name == "app") }
      // A day later: the store counts by its own clock, which goes on beside this one, minutes on a busy machine.
      clock.pass(milliseconds: 86_400_000)
      #expect(throws: CallError.self) { _ = try authority.identify(bearer: old) }
      #expect(try authority.identify(bearer: "new")?.name == "app")
      // A rotation without an overlap.
      _ = try await tokens.rotate("app", secret: "newer", overlap: .zero, lifetime: nil)
      clock.pass(milliseconds: 250)
      #expect(throws: CallError.self) { _ = try authority.identify(bearer: "new") }
      #expect(try authority.identify(bearer: "newer")?.name == "app")
    }
  }

  @Test("a certificate has the rights of the first client that it fits")
  func clients() async throws {
    let terms = TokenAuthority.Terms(
      rates: RateBounds(calls: 10),
      clients: [
        ClientRule(.commonName("robot-*"), roles: [.predict], scope: NameScope(["lab-*"]), callsPerSecond: 0),
        ClientRule(.uri("spiffe://example.org/ops/*"), roles: [.admin]),
        ClientRule(.commonName("robot-1"), roles: [.publish]),
      ])
    try await with(terms) { tokens, _, authority in
      _ = try await tokens.create("other", roles: ["predict"])
      let robot = Identity(name: "robot-1", roles: [.predict], scope: NameScope(["lab-*"]))
      #expect(try authority.identify(certificate: Self.certificate("robot-1")) == robot)
      let uri = "spiffe://example.org/ops/a"
      let operators = Identity(name: uri, roles: [.admin], rates: RateBounds(calls: 10))
      #expect(try authority.identify(certificate: Self.certificate("x", "urn:x", uri)) == operators)
      // Where the settings name clients, a token of the same name says nothing.
      for name in ["other", "robot", "xrobot-1", nil] {
        #expect(try authority.identify(certificate: Self.certificate(name, "spiffe://example.org/op")) == nil)
      }
    }
  }

  @Test("without clients in the settings a certificate has the token's roles, but is never an admin by its name")
  func commonNames() async throws {
    try await with { tokens, _, authority in
      _ = try await tokens.create("admin", roles: ["admin"])
      _ = try await tokens.create("ops", TokenGrant(roles: ["audit", "admin"], models: ["a"]))
      let admin = try #require(try authority.identify(certificate: Self.certificate("admin")))
      #expect(Role.allCases.allSatisfy { !admin.may($0) })
      let ops = Identity(name: "ops", roles: [.audit], scope: NameScope(["a"]))
      #expect(try authority.identify(certificate: Self.certificate("ops")) == ops)
      #expect(try authority.identify(certificate: Self.certificate(nil, "ops")) == nil)
    }
  }
}

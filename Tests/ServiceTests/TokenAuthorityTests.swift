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
    func create(_ name: String, roles: [String], secret: String) async throws(StoreError) {
      try await inner.create(name, roles: roles, secret: secret)
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
    var time: ContinuousClock.Instant { now.withLock { $0 } }
    func pass(milliseconds: Int) { now.withLock { $0 += .milliseconds(milliseconds) } }
  }

  private func with(_ body: (Counted, Clock, TokenAuthority) async throws -> Void) async throws {
    let scratch = try Scratch(), tokens = Counted(try SqliteStore(directory: scratch.path).tokens), clock = Clock()
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    try await body(tokens, clock, TokenAuthority(tokens: tokens, session: "session", log: log, now: { clock.time }))
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
      #expect(
        try authority.identify(bearer: secret)?.name == "app" && authority.identify(commonName: "app")?.name == "app")
      try await tokens.revoke("app")
      clock.pass(milliseconds: 250)
      #expect(try authority.identify(bearer: secret) == nil && authority.identify(commonName: "app") == nil)
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
}

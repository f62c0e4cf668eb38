import DitherBasics
import DitherService
import DitherStore
import DitherTestSupport
import Logging
import Synchronization
import Testing

/// A server that ends while its last word to others is on its way.
@Suite("Replicas that leave") struct LeavingTests {
  @Test("nobody waits for a server that has left, however late its last word arrives")
  func lateWord() async throws {
    let scratch = try Scratch(), inner = try SqliteStore(directory: scratch.path)
    let records = SlowReplicas(inner.replicas)
    var configuration = ServerConfiguration(stateDirectory: scratch.path)
    configuration.openStore = { _ in SharedStore(inner: inner, slow: records) }
    (configuration.framedPort, configuration.grpcPort, configuration.httpPort) = (0, 0, 0)
    configuration.tls = .insecure
    configuration.logLevel = .critical
    let server = try await DitherServer(configuration).start()
    #expect(try await inner.replicas.live().count == 1)
    records.hold()
    _ = try await inner.tokens.create("news", roles: [])
    try await until { records.isHolding }
    await server.drain(grace: .zero)
    #expect(try await inner.replicas.live().isEmpty)
    records.letGo()
    // One farewell is the server's, and one follows each word that came behind it.
    try await until { records.arrived == records.taken && records.arrived == records.leaves - 1 }
    #expect(try await inner.replicas.live().isEmpty)
  }

  private func until(_ isSo: () -> Bool) async throws {
    for _ in 0..<1000 where !isSo() { try await Task.sleep(for: .milliseconds(10)) }
    #expect(isSo())
  }
}

/// Words to others, which can be held on their way.
private final class SlowReplicas: ReplicaRecords {
  private struct State {
    var isHeld = false
    var taken = 0, arrived = 0, leaves = 0
    var held: [CheckedContinuation<Bool, Never>] = []
  }
  private let inner: any ReplicaRecords
  private let state = Mutex(State())

  init(_ inner: any ReplicaRecords) { self.inner = inner }

  var isHolding: Bool { state.withLock { !$0.held.isEmpty } }
  /// Words that were held.
  var taken: Int { state.withLock { $0.taken } }
  /// The number of them that have arrived.
  var arrived: Int { state.withLock { $0.arrived } }
  var leaves: Int { state.withLock { $0.leaves } }

  func hold() { state.withLock { $0.isHeld = true } }
  func letGo() {
    let held = state.withLock { state in
      defer { (state.isHeld, state.held) = (false, []) }
      return state.held
    }
    for continuation in held { continuation.resume(returning: true) }
  }

  func beat(_ replica: Replica, for lease: Duration) async throws(StoreError) {
    let wasHeld = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
      let goesOn = state.withLock { state in
        guard state.isHeld else { return true }
        state.held.append(continuation)
        state.taken += 1
        return false
      }
      if goesOn { continuation.resume(returning: false) }
    }
    try await inner.beat(replica, for: lease)
    if wasHeld { state.withLock { $0.arrived += 1 } }
  }
  func live() async throws(StoreError) -> [Replica] { try await inner.live() }
  func leave(_ id: String) async throws(StoreError) {
    try await inner.leave(id)
    state.withLock { $0.leaves += 1 }
  }
  func forget(silentFor seconds: Double) async throws(StoreError) { try await inner.forget(silentFor: seconds) }
}

/// A store that says that others use it too.
private struct SharedStore: Store {
  let inner: SqliteStore
  let slow: SlowReplicas

  var models: any ModelRecords { inner.models }
  var jobs: any JobRecords { inner.jobs }
  func tokens(by author: String) -> any TokenRecords { inner.tokens(by: author) }
  var trail: any TrailRecords { inner.trail }
  var blobs: any Blobs { inner.blobs }
  var replicas: any ReplicaRecords { slow }
  var isShared: Bool { true }
  func changes(since number: Int64) async throws(StoreError) -> StoreChanges { try await inner.changes(since: number) }
  func news(since number: Int64) async { try? await Task.sleep(for: .milliseconds(20)) }
  func common(_ name: String, _ proposal: [UInt8]) async throws(StoreError) -> [UInt8] {
    try await inner.common(name, proposal)
  }
  func collectGarbage(olderThan age: Double) async throws(StoreError) { try await inner.collectGarbage(olderThan: age) }
  func release(_ blobs: Set<BlobID>) async throws(StoreError) -> Set<BlobID> { try await inner.release(blobs) }
  func unknownFiles() async throws(StoreError) -> Int { try await inner.unknownFiles() }
}

import DitherBasics

/// A process that uses a store with others, as they see it.
public struct Replica: Sendable, Equatable {
  /// Whether it takes calls.
  public enum Kind: String, Sendable, CaseIterable { case server, worker }

  /// Unique among all that use the store.
  public var id: String
  /// Its part: taking calls, or work alone.
  public var kind: Kind
  /// The program, as reports name it.
  public var code: String
  /// Its way of computing: a job's results are all of one.
  public var computeClass: String
  /// The change of the store that it has followed last.
  public var seen: Int64
  /// Since 1970.
  public var startedMilliseconds: Int64
  /// Changes that came since `seen`, when the record was read.
  public var behind: Int64 = 0
  /// Milliseconds since it was last heard of, by the store's clock, when the record was read.
  public var silentMilliseconds: Int64 = 0

  /// A process that begins now.
  public init(id: String, kind: Kind, code: String, computeClass: String, seen: Int64 = 0) {
    self.id = id
    self.kind = kind
    self.code = code
    self.computeClass = computeClass
    self.seen = seen
    startedMilliseconds = millisecondsNow()
  }
}

/// The users of a store, and how far each of them has followed its changes.
public protocol ReplicaRecords: Sendable {
  /// Says that a process is there, and what it has seen: it counts as live for `lease` from now on, by the clock of the
  /// store.
  func beat(_ replica: Replica, for lease: Duration) async throws(StoreError)
  /// Live ones, by their ids.
  func live() async throws(StoreError) -> [Replica]
  /// A process ends.
  func leave(_ id: String) async throws(StoreError)
  /// Forgets those that have not been live for some seconds.
  func forget(silentFor seconds: Double) async throws(StoreError)
}

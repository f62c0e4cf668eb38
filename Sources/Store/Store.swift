import DitherBasics
import Foundation

/// The memory of servers: records of models, jobs and tokens, and files. One server has a `SqliteStore` of its own;
/// several may share one that is elsewhere. `EveryStoreTests` says what each of them must do.
public protocol Store: Sendable {
  var models: any ModelRecords { get }
  var jobs: any JobRecords { get }
  /// - Parameter author: who makes and revokes them, for the trail.
  func tokens(by author: String) -> any TokenRecords
  var trail: any TrailRecords { get }
  var blobs: any Blobs { get }
  var replicas: any ReplicaRecords { get }

  /// The changes since `number`, which an earlier answer gave; 0: since ever. Shards and the time they take are no
  /// changes.
  func changes(since number: Int64) async throws(StoreError) -> StoreChanges

  /// Returns when there may be changes since `number`, a few seconds after at the latest, or the task is cancelled.
  func news(since number: Int64) async

  /// Whether other servers may be using it.
  var isShared: Bool { get }
  /// Something small that all servers of the store have in common, as a key.
  /// - Parameter proposal: kept where there is nothing of that name yet.
  /// - Returns: what all have.
  func common(_ name: String, _ proposal: [UInt8]) async throws(StoreError) -> [UInt8]

  /// Removes files that this store placed and that nothing has needed for `age` seconds, and uploads that nobody went
  /// on with. Files that are not on record stay: they may belong to another copy of the records.
  func collectGarbage(olderThan age: Double) async throws(StoreError)

  /// Removes at once those of some files that nothing needs any more.
  /// - Returns: which they were.
  @discardableResult
  func release(_ blobs: Set<BlobID>) async throws(StoreError) -> Set<BlobID>

  /// How many files lie here that no record names: what an empty or an older database does not know.
  func unknownFiles() async throws(StoreError) -> Int
}

extension Store {
  /// Tokens for those who read them.
  public var tokens: any TokenRecords { tokens(by: "") }
  /// A day: longer than any upload takes from placing its file to its version.
  public static var garbageAge: Double { 86_400 }

  /// Where nobody tells of changes, it is time to look.
  public func news(since number: Int64) async { try? await Task.sleep(for: .seconds(2)) }
  public var isShared: Bool { false }
}

/// Names, immutable versions and movable aliases. Each call is one transaction.
public protocol ModelRecords: Sendable {
  /// Every version, by name, newest first.
  func all() async throws(StoreError) -> [ModelVersion]
  /// The versions of a name, newest first: read without the others.
  func versions(of name: String) async throws(StoreError) -> [ModelVersion]

  /// Makes a version visible, with its aliases. A version is its file and its card: the same file with another card is
  /// a new version.
  /// - Returns: the version that the name already has of this file and card, if it has one; the aliases are set all the
  ///   same.
  func publish(
    _ model: NewModel, _ terms: PublicationTerms, by author: String
  ) async throws(StoreError) -> (version: ModelVersion, existed: Bool)

  /// Keeps a signature of a version's file; that it holds is for the caller to know. One more of the same key is none.
  func sign(
    _ name: String, version: Int64, _ signature: FileSignature, by author: String
  ) async throws(StoreError) -> ModelVersion

  /// Moves an alias, or makes it.
  /// - Throws: `.notFound` where there is no such version, `.conflict` where the alias is not what is expected.
  func setAlias(
    _ alias: String, of name: String, to version: Int64, _ terms: AliasTerms, by author: String
  ) async throws(StoreError) -> ModelVersion

  /// The versions and bytes that an author has: those that are there, and those that can be restored.
  func holdings(of author: String) async throws(StoreError) -> (versions: Int, bytes: Int)

  /// Makes a version the candidate of an alias, in the place of another.
  /// - Throws: `.conflict` where there is no such alias, or it is at this version.
  func setRollout(
    _ alias: String, of name: String, to version: Int64, _ terms: RolloutTerms, by author: String
  ) async throws(StoreError) -> ModelVersion
  /// Ends the trial of a candidate.
  /// - Throws: `.notFound` where the alias has none.
  func endRollout(_ alias: String, of name: String, by author: String) async throws(StoreError)

  /// Adds a calibration of a version: from now on its newest. Older ones stay on record.
  func calibrate(
    _ name: String, version: Int64, _ content: [UInt8], by author: String
  ) async throws(StoreError) -> ModelVersion

  /// Changes a version's card and tags; what they were stays on record. A change of nothing is none.
  /// - Throws: `.conflict` where it is at another revision than expected, `.badName` for tags that cannot be.
  func describe(
    _ name: String, version: Int64, _ change: DescriptionChange, by author: String
  ) async throws(StoreError) -> ModelVersion
  /// The descriptions that a version has had, newest first, down to the one that it was published with.
  /// - Parameter number: those below it; nil: from the newest.
  func revisions(
    of name: String, version: Int64, before number: Int64?, limit: Int
  ) async throws(StoreError) -> [VersionRevision]

  /// All of a version, newest first.
  func calibrations(of name: String, version: Int64) async throws(StoreError) -> [StoredCalibration]

  /// Where an alias pointed, newest first.
  func history(of alias: String, name: String) async throws(StoreError) -> [AliasChange]

  /// Removes a version, or all of a name. Works on a full disk.
  /// - Returns: the versions that are gone or, of terms that keep nothing, can no longer be restored; their files may
  ///   be needed by other versions.
  /// - Throws: `.conflict` where an alias names one of them and the terms leave aliases alone.
  func remove(
    _ name: String, version: Int64?, _ terms: RemovalTerms, by author: String
  ) async throws(StoreError) -> [ModelVersion]
  /// The versions that can be restored, by name, newest first.
  func removed() async throws(StoreError) -> [ModelVersion]
  /// Takes a removal back, without the aliases that there were.
  /// - Parameter version: nil: all of the name that can be.
  /// - Throws: `.notFound` where there is nothing to restore.
  func restore(_ name: String, version: Int64?, by author: String) async throws(StoreError) -> [ModelVersion]

  /// The stamp that a file of the models' folder had when it was last published.
  func importStamp(_ file: String) async throws(StoreError) -> String?
  func setImportStamp(_ file: String, _ stamp: String) async throws(StoreError)
}

extension ModelRecords {
  /// Publishes what nobody has signed.
  public func publish(
    _ model: NewModel, aliases: [String], by author: String
  ) async throws(StoreError) -> (version: ModelVersion, existed: Bool) {
    try await publish(model, PublicationTerms(aliases: aliases), by: author)
  }

  /// Removes for good, with the aliases.
  public func remove(_ name: String, version: Int64?, by author: String) async throws(StoreError) -> [ModelVersion] {
    try await remove(name, version: version, RemovalTerms(takesAliases: true, kept: .zero), by: author)
  }
  /// Moves an alias from where it is expected.
  public func setAlias(
    _ alias: String, of name: String, to version: Int64, expecting: AliasExpectation = .anything, by author: String
  ) async throws(StoreError) -> ModelVersion {
    try await setAlias(alias, of: name, to: version, AliasTerms(expecting: expecting), by: author)
  }
}

/// The trail of who did what. Each change of models and tokens leaves its entry in its own transaction.
public protocol TrailRecords: Sendable {
  /// - Parameter limit: entries at most.
  func entries(_ query: TrailQuery, limit: Int) async throws(StoreError) -> [TrailEntry]
}

/// Jobs and the journals of their shards. A final state stays.
public protocol JobRecords: Sendable {
  /// Keeps a job. One of the same id that is there stays as it is.
  /// - Parameters:
  ///   - blobs: files that the job needs, kept until it has ended.
  ///   - former: a job of the same spec that has come to nothing: its results are the new one's, but for those of
  ///     shards that were given up.
  /// - Returns: whether there was none.
  @discardableResult
  func create(_ job: Job, blobs: [BlobID], after former: String?) async throws(StoreError) -> Bool
  /// - Throws: `.notFound`.
  func job(_ id: String) async throws(StoreError) -> Job
  /// Newest first.
  /// - Parameters:
  ///   - model: the name of the first model of their subject; nil: any.
  ///   - place: those behind it; nil: from the newest.
  func list(kind: String, of model: String?, before place: JobPlace?, limit: Int) async throws(StoreError) -> [Job]
  /// Jobs that are to be done, oldest first.
  func unfinished(kind: String) async throws(StoreError) -> [Job]
  /// A final state is stored on a full disk too.
  /// - Returns: whether the state changed: not when it was final already.
  @discardableResult
  func setState(_ state: Job.State, of id: String, message: String) async throws(StoreError) -> Bool
  /// Begins a job, or joins those who work on it. Its results are all of one maker.
  /// - Parameters:
  ///   - maker: the program, and its way of computing.
  ///   - silence: for how long nothing must have been heard of a job's workers for another maker to begin it anew.
  func begin(_ id: String, as maker: String, after silence: Duration) async throws(StoreError) -> JobStart
  /// Begins a job anew: its journal is emptied. Of several who find it with the same spec one does.
  /// - Parameter spec: as it stands, and as it shall be.
  @discardableResult
  func restart(_ id: String, from spec: [UInt8], to next: [UInt8]) async throws(StoreError) -> Bool
  /// Ends a job with its report.
  /// - Parameter maker: whose work it is; another's job stays as it is.
  /// - Returns: whether it was still to be done.
  func finish(_ id: String, json: [UInt8], html: [UInt8], by maker: String) async throws(StoreError) -> Bool
  /// The report of a job that is done.
  func report(_ id: String) async throws(StoreError) -> (json: [UInt8], html: [UInt8])?
  /// Stores the computing time of a job until now; less than is known already changes nothing.
  func setSpent(milliseconds: Int64, of id: String) async throws(StoreError)

  /// Lays out the shards of a job, so that they can be claimed, and its report as one more behind them. Those that are
  /// there stay as they are.
  func lay(_ count: Int, of id: String) async throws(StoreError)
  /// The right to do the first of some shards that nobody does, for `lease`, by the store's clock.
  /// - Returns: nil where each of them is done, or another's whose lease has not ended.
  func claim(
    _ shards: ClosedRange<Int>, of id: String, by owner: String, for lease: Duration
  ) async throws(StoreError) -> ShardClaim?
  /// - Returns: whether the claim still stands: it is the newest, and the job is to be done.
  func renew(_ claim: ShardClaim, for lease: Duration) async throws(StoreError) -> Bool
  /// Keeps a shard's result, whoever brings it, if the job is its maker's. The first one stays.
  @discardableResult
  func put(_ result: [UInt8], for shard: Int, of id: String, by maker: String) async throws(StoreError) -> ShardOutcome
  /// Notes that a shard was done twice, with results that should be the same and are not: the digests of both, in the
  /// job's message once it is done.
  func diverged(_ result: [UInt8], for shard: Int, of id: String) async throws(StoreError)
  /// Gives a claim back undone: the next one may have it at once.
  func release(_ claim: ShardClaim) async throws(StoreError)
  /// Keeps how far something of a job has come, in the place of what was kept under its name; nothing of a job that is
  /// another maker's or has ended. It goes when the job ends or is begun anew.
  /// - Parameter name: the job's own, as that of a training.
  func keep(_ progress: [UInt8], as name: String, of id: String, by maker: String) async throws(StoreError)
  /// - Returns: nil where nothing was kept under the name.
  func kept(_ name: String, of id: String) async throws(StoreError) -> [UInt8]?
  /// The results so far, by shard.
  func shards(of id: String) async throws(StoreError) -> [Int: [UInt8]]
  /// The shards that have results.
  func done(of id: String) async throws(StoreError) -> Set<Int>
  /// How many there are; nil: they have not been laid out.
  func shardCount(of id: String) async throws(StoreError) -> Int?
}

extension JobRecords {
  /// Keeps a job that needs no files.
  /// - Returns: whether there was none of its id.
  @discardableResult
  public func create(_ job: Job, after former: String? = nil) async throws(StoreError) -> Bool {
    try await create(job, blobs: [], after: former)
  }
  /// Keeps a job of which nothing is known.
  /// - Returns: whether there was none of its id.
  @discardableResult
  public func create(_ job: Job, blobs: [BlobID]) async throws(StoreError) -> Bool {
    try await create(job, blobs: blobs, after: nil)
  }
  /// Keeps a result of which nobody needs to know who brought it.
  @discardableResult
  public func put(_ result: [UInt8], for shard: Int, of id: String) async throws(StoreError) -> ShardOutcome {
    try await put(result, for: shard, of: id, by: "")
  }
  public func finish(_ id: String, json: [UInt8], html: [UInt8]) async throws(StoreError) -> Bool {
    try await finish(id, json: json, html: html, by: "")
  }
  /// The newest.
  public func list(kind: String, limit: Int = 1000) async throws(StoreError) -> [Job] {
    try await list(kind: kind, of: nil, before: nil, limit: limit)
  }
  /// Moves a job to a state.
  /// - Returns: false when its state was final.
  @discardableResult
  public func setState(_ state: Job.State, of id: String) async throws(StoreError) -> Bool {
    try await setState(state, of: id, message: "")
  }
}

/// Bearer tokens. Only the hash of a secret is stored; the secret itself is shown once, to the one who makes it.
public protocol TokenRecords: Sendable {
  /// The name of a token that has expired is free.
  /// - Throws: `.alreadyExists` when a live token has the name.
  func create(_ name: String, _ grant: TokenGrant, secret: String) async throws(StoreError)
  /// Gives a token that is not revoked another secret. The one before goes on for `overlap`, but no longer than it
  /// would have; one before that ends.
  /// - Parameter lifetime: of the new secret; nil: as long as the one before had from its beginning.
  /// - Returns: the token with its new secret.
  /// - Throws: `.notFound` when no token that is not revoked has the name.
  func rotate(_ name: String, secret: String, overlap: Duration, lifetime: Duration?) async throws(StoreError) -> Token
  /// Newest first, the revoked included.
  func list() async throws(StoreError) -> [Token]
  /// Works on a full disk.
  /// - Throws: `.notFound` when no live token has the name.
  func revoke(_ name: String) async throws(StoreError)

  /// All tokens that are not revoked, to be kept and looked up by whoever lets calls in. Not async: doors ask on the
  /// thread that reads calls. Where the records are far away, it is answered from a copy that follows `changes`.
  /// - Parameter number: of the change up to which the caller has them.
  /// - Returns: nil where nothing has changed since.
  func live(since number: Int64?) throws(StoreError) -> LiveTokens?
}

extension TokenRecords {
  /// - Returns: the secret. It cannot be had again.
  public func create(_ name: String, _ grant: TokenGrant) async throws(StoreError) -> String {
    let secret = Token.secret()
    try await create(name, grant, secret: secret)
    return secret
  }
  /// A token for all models, for ever.
  /// - Returns: the secret. It cannot be had again.
  public func create(_ name: String, roles: [String]) async throws(StoreError) -> String {
    try await create(name, TokenGrant(roles: roles))
  }
}

/// Files by their SHA-256. A blob is there whole or not at all.
public protocol Blobs: Sendable {
  func contains(_ blob: BlobID) async throws(StoreError) -> Bool
  /// - Throws: `.notFound`, or `.corrupt` when the bytes are no longer those that were stored.
  func read(_ blob: BlobID) async throws(StoreError) -> [UInt8]
  @discardableResult
  func insert(_ bytes: [UInt8]) async throws(StoreError) -> BlobID

  /// Starts an upload, or goes on with one that was cut. A call that goes on with an upload cuts off the one that still
  /// writes to it; one that starts anew beside a live one has a file of its own.
  /// - Parameters:
  ///   - owner: what is uploaded, as a checked name: two owners may send the same file at once.
  ///   - caller: who sends it.
  ///   - bytes: the announced size.
  ///   - isNew: whether the first piece comes next, whatever is there.
  func upload(
    _ blob: BlobID, of owner: String, by caller: String, bytes: Int, isNew: Bool
  ) async throws(StoreError) -> any Upload
  /// How much of an upload is there to go on from: nothing while another call is sending it.
  func received(_ blob: BlobID, of owner: String) async throws(StoreError) -> Int
}

/// A file that comes in pieces, hashed as it comes.
public protocol Upload: Sendable {
  var blob: BlobID { get }
  /// The announced size.
  var bytes: Int { get }
  /// The offset that the next piece must have.
  var received: Int { get }
  /// - Throws: `.offset` when the piece is not the next one, `.badSize` when it goes beyond the announced size,
  ///   `.superseded` when another call has taken over, `.busy` when all that are not whole hold too much together,
  ///   `.noSpace`.
  func append(_ piece: Data, at offset: UInt64) async throws(StoreError)
  /// Checks size and hash, syncs, and gives the file's bytes. Nothing can be appended afterwards.
  /// - Throws: `.badSize` when bytes are missing, `.digestMismatch` when they are other bytes.
  func finish() async throws(StoreError) -> [UInt8]
  /// Makes a finished upload a blob.
  /// - Throws: `.superseded` when it is no longer there.
  func keep() async throws(StoreError)
  /// Leaves it for later; one beside another is not gone on with, and removed.
  func suspend() async
  /// Removes all that came of it.
  func discard() async
}

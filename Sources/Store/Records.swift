import DitherBasics
import Foundation

/// A model as its publisher hands it over.
public struct NewModel: Sendable, Equatable {
  public var name: String
  /// The file's.
  public var blob: BlobID
  public var bytes: Int
  /// JSON, or empty.
  public var card: String
  /// JSON.
  public var signature: String
  /// The noise that the file carries as JSON, or empty.
  public var noise: String
  /// Draws of a `Predict` that does not say.
  public var defaultSamples: Int

  public init(
    name: String, blob: BlobID, bytes: Int, card: String, signature: String, noise: String, defaultSamples: Int
  ) {
    self.name = name
    self.blob = blob
    self.bytes = bytes
    self.card = card
    self.signature = signature
    self.noise = noise
    self.defaultSamples = defaultSamples
  }
}

/// How a model is published, beside what it is.
public struct PublicationTerms: Sendable, Equatable {
  /// Set in the same transaction.
  public var aliases: [String]
  /// Signatures of its file; that they hold is for the caller to know.
  public var signatures: [FileSignature]
  /// Beyond which its author publishes nothing new.
  public var quota: OwnerQuota

  /// - Parameter signatures: of its file.
  public init(aliases: [String] = [], signatures: [FileSignature] = [], quota: OwnerQuota = OwnerQuota()) {
    self.aliases = aliases
    self.signatures = signatures
    self.quota = quota
  }
}

/// Versions and bytes that one author may have: those that are there, and those that can be restored.
public struct OwnerQuota: Sendable, Equatable {
  /// nil: as many as one likes.
  public var versions: Int?
  /// Bytes of all of the author's versions, each with its whole file; nil: as many as one likes.
  public var bytes: Int?

  /// - Parameter bytes: of all of an author's versions.
  public init(versions: Int? = nil, bytes: Int? = nil) {
    self.versions = versions
    self.bytes = bytes
  }

  /// - Parameters:
  ///   - author: for the message.
  ///   - held: the versions and bytes that the author has already.
  /// - Throws: `.quota` where one more version of so many bytes would be too much.
  public func check(_ author: String, held: (versions: Int, bytes: Int), adding more: Int) throws(StoreError) {
    let advice = "remove versions that are no longer needed, with --purge, or ask for more room"
    if let versions, held.versions >= versions {
      throw StoreError(
        .quota, at: "models of '\(author.clipped())'", expected: "at most \(versions) versions", got: "one more",
        advice: advice)
    }
    if let bytes, more > bytes || held.bytes > bytes - more {
      throw StoreError(
        .quota, at: "models of '\(author.clipped())'", expected: "at most \(bytes) bytes",
        got: "\(held.bytes) and \(more) more", advice: advice)
    }
  }
}

/// A calibration fitted to a version after it was published.
public struct StoredCalibration: Sendable, Equatable {
  /// From 1, rising.
  public var number: Int64
  /// JSON.
  public var content: [UInt8]
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// The caller's name.
  public var createdBy: String
}

/// A version in the registry: immutable, but for the aliases that point at it, its calibration, and how it is
/// described.
public struct ModelVersion: Sendable, Equatable {
  /// As it was published.
  public var model: NewModel
  /// From 1, never used twice for a name.
  public var version: Int64
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// The caller's name.
  public var createdBy: String
  /// In alphabetical order.
  public var aliases: [String]
  /// The newest.
  public var calibration: StoredCalibration?
  /// nil: it is there.
  public var removal: VersionRemoval?
  /// As it is described now.
  public var description: VersionDescription
  /// Signatures of its file, in the order of their keys.
  public var signatures: [StoredSignature]
  /// The aliases for which it is a candidate, in alphabetical order.
  public var rollouts: [Rollout]

  public var name: String { model.name }
  /// The file's.
  public var blob: BlobID { model.blob }
  /// JSON, or empty: as it was published, or as it was changed since.
  public var card: String { description.card }
  /// `name@version`.
  public var reference: String { "\(model.name)@\(version)" }
}

/// The removal of a version that can be restored.
public struct VersionRemoval: Sendable, Equatable {
  /// Since 1970.
  public var removedMilliseconds: Int64
  /// The caller's name.
  public var removedBy: String
  /// Since 1970; its file is garbage from then on.
  public var keptUntilMilliseconds: Int64
}

/// How a version is removed.
public struct RemovalTerms: Sendable, Equatable {
  /// Whether one that an alias names goes too, with the alias.
  public var takesAliases: Bool
  /// For how long it can be restored. Zero: not at all, and neither can those that were removed before.
  public var kept: Duration

  /// - Parameter kept: zero: its file is garbage at once.
  public init(takesAliases: Bool = false, kept: Duration) {
    self.takesAliases = takesAliases
    self.kept = kept
  }
}

/// One entry of the record of where an alias pointed.
public struct AliasChange: Sendable, Equatable {
  /// nil: the alias went away with its version.
  public var version: Int64?
  /// Since 1970.
  public var setMilliseconds: Int64
  /// The caller's name.
  public var setBy: String
}

/// How an alias is moved.
public struct AliasTerms: Sendable, Equatable {
  /// Where it must be.
  public var expecting: AliasExpectation
  /// The audit whose gates the version has passed, for the trail; nil: nobody asked.
  public var audit: String?

  /// - Parameter audit: whose gates the version has passed.
  public init(expecting: AliasExpectation = .anything, audit: String? = nil) {
    self.expecting = expecting
    self.audit = audit
  }
}

/// The target that an alias must have for it to be moved.
public enum AliasExpectation: Sendable, Equatable {
  case anything
  /// The alias is not there.
  case absent
  case version(Int64)
}

/// One thing that was changed.
public struct StoreChange: Sendable, Equatable {
  /// Kinds of records.
  public enum Kind: String, Sendable, CaseIterable { case model, token, job }
  /// Its kind.
  public var kind: Kind
  /// Name of the model or token; id of the job.
  public var name: String
}

/// The changes since some moment.
public struct StoreChanges: Sendable, Equatable {
  /// To ask from the next time.
  public var newest: Int64
  /// In their order; nil: too many since then to say which.
  public var changes: [StoreChange]?
}

/// Work that outlives the call that asked for it, and the process.
public struct Job: Sendable, Equatable {
  /// Where a job stands; a final state stays.
  public enum State: String, Sendable, Codable, CaseIterable {
    case queued, running, done, failed, cancelled
    /// Whether nothing more will happen.
    public var isFinal: Bool { self == .done || self == .failed || self == .cancelled }
  }

  /// Unique in the store.
  public var id: String
  /// The sort of work, as "audit".
  public var kind: String
  /// The subject of the work, as "name@version".
  public var subject: String
  /// JSON: all that is needed to do the work again.
  public var spec: [UInt8]
  /// Where it stands.
  public var state: State
  /// Why it is in its state, where that needs words.
  public var message: String
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// Computing time of its shards, as far as it is known.
  public var spentMilliseconds: Int64 = 0
  /// The caller's name.
  public var createdBy: String

  /// - Parameters:
  /// - kind: what it is, as "audit".
  /// - subject: what it is about, for lists.
  /// - spec: what is to be done, in the kind's own form.
  public init(id: String, kind: String, subject: String, spec: [UInt8], createdBy: String) {
    self.id = id
    self.kind = kind
    self.subject = subject
    self.spec = spec
    state = .queued
    message = ""
    createdMilliseconds = millisecondsNow()
    self.createdBy = createdBy
  }

  /// A new name for a job; later ones sort after earlier ones.
  public static func newID() -> String {
    let chance = randomBytes(5).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    return String(millisecondsNow(), radix: 36) + "-" + String(chance, radix: 36)
  }
}

/// A place in the list of jobs, whether the job is still there or not.
public struct JobPlace: Sendable, Equatable {
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// The job's.
  public var id: String

  /// - Parameter createdMilliseconds: since 1970.
  public init(createdMilliseconds: Int64, id: String) {
    (self.createdMilliseconds, self.id) = (createdMilliseconds, id)
  }
  /// The place of a job.
  public init(_ job: Job) { self.init(createdMilliseconds: job.createdMilliseconds, id: job.id) }
}

/// The right to do a shard until its lease ends.
public struct ShardClaim: Sendable, Hashable {
  public var job: String
  /// Its place in the job, from 0.
  public var shard: Int
  /// The worker's name.
  public var owner: String
  /// From 1, rising with every claim: what an older claim brings is known as such.
  public var attempt: Int64
  /// How many of those who claimed it before never came back.
  public var lost: Int

  /// Workers that may be lost on one shard: after that the shard is to blame.
  public static let mostLost = 3
  /// Whether so many workers were lost on it that it is left out.
  public var isPoisoned: Bool { lost >= Self.mostLost }
}

/// The fate of a shard's result.
public enum ShardOutcome: Sendable, Equatable {
  case stored
  /// Another was there already, and stays: the same bytes, or others.
  case known(isSame: Bool)
  /// Dropped: the job is another maker's by now.
  case foreign
}

/// How a worker finds a job that it would begin.
public enum JobStart: Sendable, Equatable {
  /// It works on it, with whoever else does.
  case joined
  /// It begins it anew: those who had begun it are gone, and their results with them.
  case anew
  /// Others are at it whose results are not the same, bit for bit.
  case others
  /// There is nothing to be done.
  case ended
}

/// The time of a record, in milliseconds since 1970.
public func millisecondsNow() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

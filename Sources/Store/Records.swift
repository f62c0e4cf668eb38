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

/// A version in the registry: immutable, but for the aliases that point at it and for its calibration.
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

  public var name: String { model.name }
  /// The file's.
  public var blob: BlobID { model.blob }
  /// `name@version`.
  public var reference: String { "\(model.name)@\(version)" }
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

import DitherBasics

/// Kinds of deeds that the trail has.
public enum TrailAction: String, Sendable, CaseIterable {
  case uploaded = "model.upload"
  case removed = "model.remove"
  case purged = "model.purge"
  case restored = "model.restore"
  case calibrated = "model.calibrate"
  case described = "model.describe"
  case signed = "model.sign"
  case aliasMoved = "alias.move"
  case aliasDropped = "alias.drop"
  case rolloutSet = "rollout.set"
  case rolloutEnded = "rollout.end"
  case tokenMade = "token.make"
  case tokenRotated = "token.rotate"
  case tokenRevoked = "token.revoke"
}

/// A deed on record. Entries are a chain: each has a hash of itself and of the hash before it, so that none can be
/// changed, taken out or put between without all that follow being other ones.
public struct TrailEntry: Sendable, Equatable {
  /// From 1, without a gap.
  public var number: Int64
  /// Since 1970, by the store's clock.
  public var milliseconds: Int64
  /// The caller's name.
  public var who: String
  /// A word of ``TrailAction``, or of a later release.
  public var action: String
  /// `name@version`, `name:alias`, or a token's name.
  public var subject: String
  /// Further facts, as `key=value` with spaces between.
  public var detail: String
  /// SHA-256, 64 lower-case hexadecimal digits.
  public var hash: String

  /// - Parameters:
  ///   - milliseconds: since 1970.
  ///   - hash: as it stands on record.
  public init(
    number: Int64, milliseconds: Int64, who: String, action: String, subject: String, detail: String, hash: String = ""
  ) {
    self.number = number
    self.milliseconds = milliseconds
    self.who = who
    self.action = action
    self.subject = subject
    self.detail = detail
    self.hash = hash
  }

  /// The hash that stands before the first entry.
  public static let beginning = String(repeating: "0", count: 64)

  /// The hash that it must have: SHA-256 of the hash before it, its number, its time, who, action, subject and detail,
  /// each as a netstring of UTF-8 (`LENGTH:BYTES,`). Source: Bernstein 1997, cr.yp.to/proto/netstrings.txt.
  /// - Parameter previous: the hash of the entry before it.
  public func hash(behind previous: String) -> String {
    var text: [UInt8] = []
    for field in [previous, "\(number)", "\(milliseconds)", who, action, subject, detail] {
      let bytes = Array(field.utf8)
      text += Array("\(bytes.count):".utf8) + bytes + Array(",".utf8)
    }
    return Sha256.hash(text).hex
  }
}

/// Entries that a list is to have.
public struct TrailQuery: Sendable, Equatable {
  /// Entries of one caller; nil: of all.
  public var who: String?
  /// Entries of one action; nil: of all.
  public var action: String?
  /// Entries of one subject, or of a model with all its versions and aliases; nil: of all.
  public var subject: String?
  /// From the first on; else from the newest back.
  public var isOldestFirst = false
  /// Entries behind the one of this number; nil: from an end.
  public var behind: Int64?
  public init() {}
}

/// Follows a trail from its beginning and says where it is broken.
public struct TrailCheck: Sendable, Equatable {
  /// The last entry that was followed; 0: none.
  public private(set) var number: Int64 = 0
  /// Its hash.
  public private(set) var hash = TrailEntry.beginning
  /// An entry that must be there, as someone has noted it before: without, who may write to the database could make the
  /// whole chain anew, or cut off its end.
  private let noted: TrailHead?
  /// - Parameter noted: an end that must be on the way; nil: none is known.
  public init(noted: TrailHead? = nil) { self.noted = noted }

  /// - Throws: `.corrupt` where the entry is not the one that comes next.
  public mutating func follow(_ entry: TrailEntry) throws(StoreError) {
    guard entry.number == number + 1 else { throw Self.broken(number + 1, "an entry", "entry \(entry.number)") }
    let expected = entry.hash(behind: hash)
    guard entry.hash == expected else {
      throw Self.broken(entry.number, "the hash \(expected)", "'\(entry.hash.clipped())'")
    }
    (number, hash) = (entry.number, entry.hash)
    if let noted, noted.number == number, noted.hash != hash {
      throw Self.broken(number, "the hash that was noted, \(noted.hash)", hash)
    }
  }

  /// At the end of the trail.
  /// - Throws: `.corrupt` where it ends before the entry that was noted.
  public func finish() throws(StoreError) {
    guard let noted, noted.number > number else { return }
    throw Self.broken(number + 1, "\(noted.number) entries, as was noted", "the end")
  }

  private static func broken(_ number: Int64, _ expected: String, _ got: String) -> StoreError {
    StoreError(
      .corrupt, at: "entry \(number) of the trail", expected: expected, got: got,
      advice: "something other than the server has changed it: compare with a copy of the database")
  }
}

/// The end of a trail, as it is noted elsewhere: `NUMBER:HASH`.
public struct TrailHead: Sendable, Equatable, CustomStringConvertible {
  /// The last entry's.
  public var number: Int64
  /// 64 lower-case hexadecimal digits.
  public var hash: String

  /// - Throws: `.badDigest` for what is none.
  public init(_ text: String) throws(StoreError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int64(parts[0]), number > 0, parts[1].utf8.count == 64,
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else {
      throw StoreError(
        .badDigest, at: "head of a trail", expected: "NUMBER:HASH with 64 hexadecimal digits",
        got: "'\(text.clipped())'", advice: "it is what a check of the trail prints")
    }
    (self.number, hash) = (number, String(parts[1]))
  }

  /// The last entry that was followed; nil: none.
  public init?(_ check: TrailCheck) {
    guard check.number > 0 else { return nil }
    (number, hash) = (check.number, check.hash)
  }

  public var description: String { "\(number):\(hash)" }
}

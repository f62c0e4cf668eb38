import DitherBasics
import Foundation

/// How a version is described.
public struct VersionDescription: Sendable, Equatable {
  /// 0: as it was published; else that of the revision that last changed it.
  public var number: Int64
  /// JSON, or empty.
  public var card: String
  /// Words of its owners, by their keys.
  public var tags: [String: String]
}

/// One revision of a version's description.
public struct VersionRevision: Sendable, Equatable {
  /// From 1, rising; 0: as it was published.
  public var number: Int64
  /// nil: as in the revision before.
  public var card: String?
  /// All that there were with it.
  public var tags: [String: String]
  /// Since 1970.
  public var createdMilliseconds: Int64
  /// The caller's name.
  public var createdBy: String
}

/// A change of how a version is described.
public struct DescriptionChange: Sendable, Equatable {
  /// JSON, or empty; nil: as it is.
  public var card: String?
  /// Tags that are to be so.
  public var tags: [String: String]
  /// Keys of tags that are to go; one that is not there is none.
  public var droppedTags: [String]
  /// The revision that it must be at; nil: any.
  public var expected: Int64?

  /// - Parameter expected: the revision that the version must be at; nil: any.
  public init(
    card: String? = nil, tags: [String: String] = [:], droppedTags: [String] = [], expected: Int64? = nil
  ) {
    self.card = card
    self.tags = tags
    self.droppedTags = droppedTags
    self.expected = expected
  }
}

/// Bounds on tags.
public enum Tags {
  /// Tags of one version.
  public static let most = 64
  /// Bytes of a tag's value.
  public static let valueBytes = 256

  /// - Throws: `.badName` for a key that is no name, for a value that is long or has control characters.
  public static func check(_ tags: [String: String]) throws(StoreError) {
    for (key, value) in tags {
      try ModelReference.check(name: key, "tags")
      guard value.utf8.count <= valueBytes,
        value.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
      else {
        throw StoreError(
          .badName, at: "tags['\(key)']", expected: "at most \(valueBytes) bytes without control characters",
          got: "'\(value.clipped(to: 60))'")
      }
    }
    guard tags.count <= most else {
      throw StoreError(
        .badName, at: "tags", expected: "at most \(most) of a version", got: "\(tags.count)", advice: "drop some")
    }
  }

  /// As they are kept: the same tags are the same text.
  static func text(_ tags: [String: String]) -> String {
    let data = try? JSONSerialization.data(withJSONObject: tags, options: [.sortedKeys, .withoutEscapingSlashes])
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  static func read(_ text: String) throws(StoreError) -> [String: String] {
    guard let tags = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: String] else {
      throw StoreError(
        .corrupt, at: "tags of a version", expected: "what was stored", got: "'\(text.clipped(to: 60))'",
        advice: "something other than this program has written there: restore a copy")
    }
    return tags
  }
}

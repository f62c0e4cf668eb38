import Foundation

/// An owner's description of a model: JSON, or nothing.
enum Card {
  /// Whether a version with `standing` for a card is what was asked for: nothing asked is no other card, and neither is
  /// the same JSON in other words.
  static func isSame(_ standing: String, asked: String) -> Bool {
    asked.isEmpty || standing == asked || canonical(standing) == canonical(asked)
  }

  private static func canonical(_ text: String) -> Data? {
    guard let value = try? JSONSerialization.jsonObject(with: Data(text.utf8)) else { return nil }
    return try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
  }
}

extension ModelVersion {
  /// Whether an upload of this file with this card (empty: none) is this version: with the card that it was published
  /// with, or with the one that it has now.
  public func isSame(file: BlobID, card: String) -> Bool {
    blob == file && (Card.isSame(model.card, asked: card) || Card.isSame(self.card, asked: card))
  }
}

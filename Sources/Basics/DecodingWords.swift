extension DecodingError {
  /// In words for who wrote the text, with the path of the key: "no 'low'", "another type at 'inputs.0.shape'".
  public var words: String {
    switch self {
    case .keyNotFound(let key, let context): return "no '\(key.shown)'\(Self.place(context.codingPath))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "another type\(Self.place(context.codingPath))"
    case .dataCorrupted(let context):
      // Foundation says no more, and no path, of a number that does not fit its type.
      return context.codingPath.isEmpty
        ? "text that is no JSON, or a number that cannot be, as 1.5 for a whole one"
        : "a value that cannot be\(Self.place(context.codingPath))"
    @unknown default: return "something else"
    }
  }

  private static func place(_ path: [any CodingKey]) -> String {
    path.isEmpty ? "" : " at '\(path.map(\.shown).joined(separator: ".").clipped())'"
  }
}

extension CodingKey {
  /// A key, or the number of an element.
  fileprivate var shown: String { intValue.map(String.init) ?? stringValue.clipped() }
}

extension Decoder {
  /// Refuses keys that say nothing: what was meant by them would be left out silently.
  /// - Parameter owner: whose keys they are, for messages; where the mapping is within another one, its path follows.
  /// - Throws: `CatalogFault.unknownKey` with the nearest known key.
  public func requireKeys(of owner: String, among known: [String]) throws {
    let unknown = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).filter { !known.contains($0) }
    guard let key = unknown.min() else { return }
    throw Parameters.unknown(key, among: known, of: place(in: owner))
  }

  /// The path of the value that is decoded, as messages have it: "body.inputs.0.shape".
  /// - Parameter owner: whose value it is.
  public func place(in owner: String) -> String {
    ([owner] + codingPath.map(\.shown)).joined(separator: ".").clipped()
  }
}

/// A key by any name.
private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

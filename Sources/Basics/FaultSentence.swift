import Foundation

/// A fault's sentence, taken apart again: a status on a wire has the words alone.
public struct FaultSentence: Sendable, Equatable {
  /// Where it arose.
  public var place: String
  /// In words.
  public var expected: String
  /// In words.
  public var got: String
  /// The part behind it: what to do.
  public var advice: String?

  /// - Parameter text: as ``AnyFault``'s description writes it.
  /// - Returns: nil for any other sentence.
  public init?(_ text: String) {
    guard let colon = text.range(of: ": expected "), colon.lowerBound > text.startIndex,
      let comma = text[colon.upperBound...].range(of: ", got ")
    else { return nil }
    place = String(text[..<colon.lowerBound])
    expected = String(text[colon.upperBound..<comma.lowerBound])
    let rest = text[comma.upperBound...]
    // Words of a caller stand in quotes, and may have a semicolon in them.
    let quoted = rest.hasPrefix("'") ? rest.dropFirst().range(of: "'; ")?.lowerBound : nil
    let isQuotation = rest.hasPrefix("'") && rest.hasSuffix("'") && quoted == nil
    let end = isQuotation ? nil : rest[(quoted ?? rest.startIndex)...].range(of: "; ")
    got = String(end.map { rest[..<$0.lowerBound] } ?? rest)
    advice = end.map { String(rest[$0.upperBound...]) }
  }
}

/// Names by patterns, in which `*` stands for any letters. Without a pattern: all names.
public struct NameScope: Sendable, Equatable {
  /// Everything that has a name.
  public static let all = NameScope([])
  /// Patterns of one scope.
  public static let mostPatterns = 16
  /// The form of a pattern, in words.
  public static let form = "1 to 64 letters, digits, '-', '_', '.' or '*'"

  /// A name that any of them fits is within it; none: all names are.
  public let patterns: [String]

  public init(_ patterns: [String]) { self.patterns = patterns }

  /// Whether no name is outside.
  public var isAll: Bool { patterns.isEmpty }

  /// Whether a name is within the scope.
  public func allows(_ name: String) -> Bool { isAll || patterns.contains { isMatch(name, $0) } }

  /// Whether a text can be a pattern of names.
  public static func isPattern(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || [0x2D, 0x5F, 0x2E, 0x2A].contains(byte)
      }
  }
}

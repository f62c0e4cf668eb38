extension String {
  /// The text with each character that a terminal would obey, or that would turn the direction of what follows, written
  /// as `\u{1b}`: for names, labels and messages from files and from other machines.
  /// - Parameter keepsLines: line ends and tabs stay, for texts of several lines; in a name they are written out like
  ///   the rest.
  public func shown(keepsLines: Bool = false) -> String {
    escaped { scalar in
      keepsLines && (scalar == "\n" || scalar == "\t") ? nil : "\\u{\(String(scalar.value, radix: 16))}"
    }
  }

  /// JSON in which no character acts on a terminal: the same value, with `\u009b` in the place of such a character.
  /// Within JSON they stand in strings alone, but for the line ends between values.
  public var jsonShown: String {
    escaped { scalar in
      if "\n\r\t".unicodeScalars.contains(scalar) { return nil }
      return UTF16.encode(scalar)?.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
    }
  }

  /// - Parameter escape: what stands for a character that acts; nil: itself.
  private func escaped(_ escape: (Unicode.Scalar) -> String?) -> String {
    guard unicodeScalars.contains(where: { $0.acts }) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if scalar.acts, let written = escape(scalar) { text += written } else { text.unicodeScalars.append(scalar) }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Control characters (C0, DEL, C1), the separators of lines, and what is invisible: marks of direction, tags, widths
  /// of zero. The joiners that emoji and many scripts are written with stay.
  fileprivate var acts: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: true
    case .format: self != "\u{200C}" && self != "\u{200D}"
    default: false
    }
  }
}

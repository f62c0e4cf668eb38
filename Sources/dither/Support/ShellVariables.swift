/// Where a server is and who asks, as the environment of clients says it.
enum ShellVariables {
  /// In the order in which they are shown.
  static let names = ["DITHER_ADDRESS", "DITHER_TOKEN", "DITHER_CA", "DITHER_CERTIFICATE", "DITHER_KEY"]

  /// Lines that a POSIX shell reads.
  static func lines(_ values: [String: String]) -> [String] {
    names.compactMap { name in values[name].map { "export \(name)=\(quoted($0))" } }
  }

  /// One word of a shell. Source: POSIX.1-2017, XCU 2.2.2: nothing but the quote itself ends a quotation.
  static func quoted(_ text: String) -> String {
    let isPlain = text.wholeMatch(of: /[A-Za-z0-9\/._:+-]+/) != nil
    return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
  }
}

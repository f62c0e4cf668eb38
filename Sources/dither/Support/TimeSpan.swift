import ArgumentParser

/// A span of time as a command line writes it: a whole number with its unit.
struct TimeSpan: ExpressibleByArgument, Sendable {
  /// The form, for help texts.
  static let form = "seconds, minutes, hours or days: 90s, 30m, 12h, 30d"
  static let day = TimeSpan(text: "24h", duration: .seconds(86_400))
  private static let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]

  let text: String
  let duration: Duration
  var defaultValueDescription: String { text }

  private init(text: String, duration: Duration) { (self.text, self.duration) = (text, duration) }

  /// - Returns: nil for what is none, or beyond a hundred years.
  init?(argument: String) {
    guard let unit = argument.last.flatMap({ Self.units[$0] }),
      argument.dropLast().utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
      let count = Int(argument.dropLast()), count <= 36_500 * 86_400 / unit
    else { return nil }
    self.init(text: argument, duration: .seconds(count * unit))
  }
}

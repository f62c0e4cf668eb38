import DitherBasics
import Foundation

/// The terminal behind standard output: its width, and whether it shows colors.
enum Terminal {
  /// Columns: `COLUMNS` where that is set, else as the system tells; nil where standard output is no terminal.
  static var columns: Int? { columns(of: STDOUT_FILENO) }

  /// - Parameter descriptor: of standard output or standard error.
  static func columns(of descriptor: Int32) -> Int? {
    if let text = ProcessInfo.processInfo.environment["COLUMNS"], let count = Int(text), (20...10_000).contains(count) {
      return count
    }
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return 80 }
    return Int(size.ws_col)
  }

  /// A terminal that shows colors, whose user wants them. Source: no-color.org.
  static let isColored: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
  }()
}

/// A line in parts, each in a color or in none. What parts hold is shown, never obeyed.
struct PaintedLine {
  /// Colors, by SGR's numbers (ECMA-48).
  enum Ink: Int {
    case strong = 1
    case quiet = 2
    case good = 32
    case bad = 31
  }
  private var parts: [(text: String, ink: Ink?)] = []
  /// Columns that it takes.
  private(set) var count = 0

  mutating func add(_ text: String, _ ink: Ink? = nil) {
    let text = text.shown()
    parts.append((text, ink))
    count += text.count
  }

  /// - Parameters:
  ///   - columns: of the terminal, at most; what is longer ends in "…". nil: as many as there are.
  func text(columns: Int?, isColored: Bool) -> String {
    var left = columns.map { count > $0 ? $0 - 1 : Int.max } ?? Int.max
    var out = ""
    for part in parts where left > 0 {
      let text = String(part.text.prefix(left))
      left -= text.count
      if let ink = part.ink, isColored, !text.isEmpty {
        out += "\u{1B}[\(ink.rawValue)m\(text)\u{1B}[0m"
      } else {
        out += text
      }
    }
    return columns.map { count > $0 } ?? false ? out + "…" : out
  }

  /// On standard output.
  func show() { Swift.print(text(columns: Terminal.columns, isColored: Terminal.isColored)) }
}

import DitherBasics
import Foundation

/// Words for people: results on standard output, everything else on standard error.
enum Console {
  /// Whether someone watches: then progress is one line that changes in place, otherwise a line now and then.
  static let isTerminal = isatty(STDERR_FILENO) == 1

  static func error(_ text: String) { write(text.shown(keepsLines: true) + "\n") }

  static func note(_ text: String) { write(text.shown(keepsLines: true) + "\n") }

  /// On standard output, at once.
  static func tell(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data((text.shown(keepsLines: true) + "\n").utf8))
  }

  /// As it is: only for what is made here, such as the end of a line that changes in place. Where nobody can read it,
  /// it is lost.
  static func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}

/// Every command's words on standard output. Labels, names and messages come from files and servers: what in them a
/// terminal would obey is shown as `\u{1b}`. It takes the place of Swift's `print` in this module, so that no command
/// can forget it.
func print(_ text: String) { Swift.print(text.shown(keepsLines: true)) }

/// A line that tells how far a long task has come. On a terminal it changes in place, elsewhere it is printed every ten
/// seconds at most, and at milestones.
struct ProgressLine: ~Copyable {
  private var last = ContinuousClock.now - .seconds(3600)
  private var isOpen = false
  private var shown = ""

  mutating func show(_ line: String, isMilestone: Bool = false) {
    let now = ContinuousClock.now
    let pause: Duration = Console.isTerminal ? .milliseconds(100) : .seconds(10)
    guard isMilestone || now - last >= pause else { return }
    var line = line.shown()
    // In a file the same line twice says nothing.
    guard Console.isTerminal || line != shown else { return }
    (last, shown) = (now, line)
    // A line that wraps could not be taken back.
    if Console.isTerminal, let columns = Terminal.columns(of: STDERR_FILENO), line.count >= columns {
      line = String(line.prefix(columns - 2)) + "…"
    }
    Console.write(Console.isTerminal ? "\r\u{1B}[K\(line)" : line + "\n")
    isOpen = Console.isTerminal
  }

  /// Leaves the line as it is, so that what follows begins on a new one.
  mutating func close() {
    if isOpen { Console.write("\n") }
    isOpen = false
  }
}

/// `1:05` or `2:01:05`.
func clockTime(_ seconds: Double) -> String {
  let whole = max(0, Int(seconds.isFinite ? seconds.rounded() : 0))
  let tail = String(format: "%02d:%02d", whole / 60 % 60, whole % 60)
  return whole >= 3600 ? "\(whole / 3600):\(tail)" : String(format: "%d:%02d", whole / 60, whole % 60)
}

/// Columns as wide as their widest cell.
func table(_ rows: [[String]]) -> String {
  let rows = rows.map { $0.map { $0.shown() } }
  let count = rows.map(\.count).max() ?? 0
  let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
  return rows.map { row in
    row.enumerated().map { column, cell in
      column == row.count - 1 ? cell : cell.padded(to: widths[column])
    }.joined(separator: "  ")
  }.joined(separator: "\n")
}

extension String {
  /// With blanks behind it up to so many characters, or as it is where it has more: never cut.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }
}

extension Double {
  /// With so many digits behind the point.
  func digits(_ count: Int) -> String { String(format: "%.\(count)f", self) }
  /// With six digits at most, and none that say nothing: 90, 97.5.
  var short: String { String(format: "%g", self) }
}

/// `54.9 MB`, `12 kB`.
func byteText(_ count: some BinaryInteger) -> String {
  let bytes = Double(count)
  return bytes < 1e6 ? "\(max(1, Int((bytes / 1e3).rounded()))) kB" : "\((bytes / 1e6).digits(1)) MB"
}

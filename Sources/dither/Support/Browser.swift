import DitherBasics
import Foundation

/// The user's browser.
enum Browser {
  /// How long a program that opens one may take to say that it cannot.
  private static let patience = Duration.seconds(2)

  /// - Returns: whether a program has taken the file.
  static func open(_ file: URL) async -> Bool {
    for command in commands {
      if await take(file, with: command) { return true }
    }
    return false
  }

  /// `BROWSER`'s, in their order, each with `%s` for the address or the address behind it; else the desktop's, where
  /// there is one. Source: Eric Raymond's proposal of 2001, as Python's `webbrowser` reads it.
  private static var commands: [[String]] {
    let environment = ProcessInfo.processInfo.environment
    func isSet(_ name: String) -> Bool { !environment[name, default: ""].isEmpty }
    if isSet("BROWSER") {
      return environment["BROWSER", default: ""].split(separator: ":").map {
        $0.split(separator: " ").map(String.init)
      }
    }
    return isSet("DISPLAY") || isSet("WAYLAND_DISPLAY") ? [["xdg-open"]] : []
  }

  private static func take(_ file: URL, with command: [String]) async -> Bool {
    guard let name = command.first, let program = program(name) else { return false }
    var words = command.dropFirst().map { $0.replacing("%s", with: file.absoluteString) }
    if !command.contains(where: { $0.contains("%s") }) { words.append(file.absoluteString) }
    let folder = FileManager.default.currentDirectoryPath
    guard let child = try? ChildProcess([program.path] + words, in: folder) else { return false }
    // One that stays is the browser itself.
    let end = ContinuousClock.now + patience
    while child.isRunning, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
    return child.isRunning || child.end() == 0
  }

  private static func program(_ name: String) -> URL? {
    if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? URL(filePath: name) : nil }
    let folders = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":")
    return folders.map { URL(filePath: "\($0)/\(name)") }.first {
      FileManager.default.isExecutableFile(atPath: $0.path)
    }
  }
}

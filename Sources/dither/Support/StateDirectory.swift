import Foundation

/// Where a server keeps what it remembers, unless told otherwise.
enum StateDirectory {
  /// `DITHER_STATE`, else `dither` in the user's state folder: `XDG_STATE_HOME`, else `.local/state` in the home
  /// folder, which `HOME` names before the database of users does. Source: XDG Base Directory Specification 0.8.
  static var standard: String {
    let environment = ProcessInfo.processInfo.environment
    func path(_ name: String) -> URL? {
      environment[name].flatMap { $0.isEmpty ? nil : URL(filePath: $0, directoryHint: .isDirectory) }
    }
    if let state = path("DITHER_STATE") { return state.path }
    let home = path("HOME") ?? FileManager.default.homeDirectoryForCurrentUser
    return (path("XDG_STATE_HOME") ?? home.appending(path: ".local/state")).appending(path: "dither").path
  }
}

/// A moment as ISO 8601 writes it.
func timeText(_ millisecondsSince1970: Int64) -> String {
  Date(timeIntervalSince1970: Double(millisecondsSince1970) / 1000).formatted(.iso8601)
}

import Foundation

/// Where a server keeps what it remembers, unless told otherwise.
enum StateDirectory {
  /// `dither` in the user's state folder (XDG).
  static var standard: String {
    let home =
      ProcessInfo.processInfo.environment["XDG_STATE_HOME"].map { URL(filePath: $0, directoryHint: .isDirectory) }
      ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".local/state")
    return home.appending(path: "dither").path
  }
}

/// A moment as ISO 8601 writes it.
func timeText(_ millisecondsSince1970: Int64) -> String {
  Date(timeIntervalSince1970: Double(millisecondsSince1970) / 1000).formatted(.iso8601)
}

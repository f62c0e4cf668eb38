import Foundation

/// Where a server keeps what it remembers, unless told otherwise.
enum StateDirectory {
  /// `DITHER_STATE`, else `dither` in the user's state folder: `XDG_STATE_HOME`, else `.local/state` in the home
  /// folder.
  static var standard: String {
    UserFolder.named("DITHER_STATE")?.path ?? UserFolder.path("XDG_STATE_HOME", else: ".local/state")
  }
}

/// Folders of this user, as the environment names them.
enum UserFolder {
  /// The folder of a variable; nil where it is empty or absent.
  static func named(_ variable: String) -> URL? {
    ProcessInfo.processInfo.environment[variable].flatMap {
      $0.isEmpty ? nil : URL(filePath: $0, directoryHint: .isDirectory)
    }
  }

  /// `dither` in the folder of a variable, else of a place in the home folder, which `HOME` names before the database
  /// of users does. Source: XDG Base Directory Specification 0.8.
  static func path(_ variable: String, else place: String) -> String {
    let home = named("HOME") ?? FileManager.default.homeDirectoryForCurrentUser
    return (named(variable) ?? home.appending(path: place)).appending(path: "dither").path
  }
}

/// A moment as ISO 8601 writes it.
func timeText(_ millisecondsSince1970: Int64) -> String {
  Date(timeIntervalSince1970: Double(millisecondsSince1970) / 1000).formatted(.iso8601)
}

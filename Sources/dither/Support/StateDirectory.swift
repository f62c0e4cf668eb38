import DitherBasics
import Foundation

/// Where a server keeps what it remembers, unless told otherwise.
enum StateDirectory {
  /// `DITHER_STATE`, else `dither` in the user's state folder: `XDG_STATE_HOME`, else `.local/state` in the home
  /// folder.
  static var standard: String {
    UserFolder.named("DITHER_STATE")?.path ?? UserFolder.path("XDG_STATE_HOME", else: ".local/state")
  }
}

/// A moment as ISO 8601 writes it.
func timeText(_ millisecondsSince1970: Int64) -> String {
  Date(timeIntervalSince1970: Double(millisecondsSince1970) / 1000).formatted(.iso8601)
}

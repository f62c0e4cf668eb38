import Foundation

/// Folders of this user, as the environment names them.
package enum UserFolder {
  /// The folder of a variable; nil where it is empty or absent.
  package static func named(_ variable: String) -> URL? {
    ProcessInfo.processInfo.environment[variable].flatMap {
      $0.isEmpty ? nil : URL(filePath: $0, directoryHint: .isDirectory)
    }
  }

  /// `dither` in the folder of a variable, else of a place in the home folder, which `HOME` names before the database
  /// of users does. Source: XDG Base Directory Specification 0.8.
  package static func path(_ variable: String, else place: String) -> String {
    let home = named("HOME") ?? FileManager.default.homeDirectoryForCurrentUser
    return (named(variable) ?? home.appending(path: place)).appending(path: "dither").path
  }
}

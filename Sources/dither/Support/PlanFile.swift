import Foundation

/// A file of a sweep or a study, which names other files from where it is.
struct PlanFile {
  let path: String

  /// Its content.
  func text() throws -> String { String(decoding: try FileArray.read(path), as: UTF8.self) }

  /// A path that the file has, from where the command runs.
  func place(_ other: String) -> String {
    let home = (path as NSString).deletingLastPathComponent
    return other.hasPrefix("/") || home.isEmpty ? other : ("\(home)/\(other)" as NSString).standardizingPath
  }

  /// The content of a file whose path the file has.
  func text(of other: String) throws -> String { try PlanFile(path: place(other)).text() }
}

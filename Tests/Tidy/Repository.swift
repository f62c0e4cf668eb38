import Foundation

/// The files of this package, as they lie on disk.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// One file that a person wrote.
  struct File: Sendable, CustomStringConvertible {
    /// Below the root: `Sources/Graph/Plan.swift`.
    var path: String
    var lines: [Substring]

    /// The folder under `Sources` or `Tests`: `Graph`.
    var room: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    var text: String { lines.joined(separator: "\n") }
    var description: String { path }
    func place(_ line: Int) -> String { "\(path):\(line + 1)" }
  }

  static let sources = swift("Sources"), tests = swift("Tests")
  /// What users read.
  static let documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].compactMap(file) + files("docs", "md")

  static func files(_ folder: String, _ ending: String) -> [File] {
    let all = FileManager.default.enumerator(atPath: root.appending(path: folder).path)?.compactMap { $0 as? String }
    return (all ?? []).filter { $0.hasSuffix(".\(ending)") && !$0.contains("Generated/") }.sorted()
      .compactMap { file("\(folder)/\($0)") }
  }

  static func file(_ path: String) -> File? {
    guard let text = try? String(contentsOf: root.appending(path: path), encoding: .utf8) else { return nil }
    return File(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
  }

  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root.appending(path: path).path) }

  private static func swift(_ folder: String) -> [File] { files(folder, "swift") }
}

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

/// Faults that are known, by room: a room may get better, never worse, and one that is not listed has none.
struct Allowance {
  var rooms: [String: Int]

  /// What is beyond it, a line for each room.
  func exceeded(by faults: [(room: String, place: String)]) -> [String] {
    Dictionary(grouping: faults, by: \.room).sorted { $0.key < $1.key }.compactMap { room, found in
      let known = rooms[room] ?? 0
      return found.count <= known
        ? nil : "\(room): \(found.count), allowed \(known): \(found.map(\.place).joined(separator: ", "))"
    }
  }

  /// Rooms that have become better than what is written here.
  func slack(over faults: [(room: String, place: String)]) -> [String] {
    let counts = Dictionary(grouping: faults, by: \.room).mapValues(\.count)
    return rooms.filter { (counts[$0.key] ?? 0) < $0.value }.map { "\($0.key): \(counts[$0.key] ?? 0)" }.sorted()
  }
}

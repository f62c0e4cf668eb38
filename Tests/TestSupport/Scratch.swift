import Foundation

/// A directory of a test's own, removed with the last reference to it.
public final class Scratch: Sendable {
  public let path = FileManager.default.temporaryDirectory.appending(path: "dither-\(UUID().uuidString)").path
  public init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it.
  public func file(_ name: String) -> String { path + "/" + name }

  /// Every file below, relative, but for the database's own, the lock, the room it keeps and the key of reports.
  public var files: [String] {
    let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return all.filter { name in
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isDirectory)
      return !isDirectory.boolValue && !name.hasPrefix("dither.sqlite") && name != "lock"
        && name != "reserve" && !name.hasPrefix("report-key")
    }.sorted()
  }
}

import DitherBasics
import DitherStore
import Foundation

/// Files of a state directory that all servers of a shared store have in common, as keys and certificates: those of the
/// server that came first.
enum CommonFiles {
  /// - Parameters:
  ///   - name: of them together, in the store.
  ///   - paths: this server's, which are there; another's take their place, and they are kept beside as `….own`.
  /// - Returns: whether they are others now.
  static func settle(_ name: String, _ paths: [String], in store: any Store) async throws -> Bool {
    guard store.isShared else { return false }
    let proposal = [UInt8](try JSONEncoder().encode(try paths.map { try contents($0) }))
    let common = try await store.common(name, proposal)
    guard common != proposal else { return false }
    guard let found = try? JSONDecoder().decode([Data].self, from: Data(common)), found.count == paths.count else {
      throw StoreError(
        .corrupt, at: "the \(name) in the store", expected: "\(paths.count) files", got: "something else",
        advice: "restore a copy of the database")
    }
    for (path, content) in zip(paths, found) where try contents(path) != content { try replace(path, with: content) }
    return true
  }

  private static func contents(_ path: String) throws(ServiceError) -> Data {
    guard let found = FileManager.default.contents(atPath: path) else {
      throw ServiceError(.configuration, at: path, expected: "a file that can be read", got: "none")
    }
    return found
  }

  private static func replace(_ path: String, with content: Data) throws {
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] ?? 0o600
    if !FileManager.default.fileExists(atPath: path + ".own") {
      try FileManager.default.copyItem(atPath: path, toPath: path + ".own")
    }
    guard
      FileManager.default.createFile(atPath: path + ".new", contents: content, attributes: [.posixPermissions: mode])
    else { throw ServiceError(.configuration, at: path, expected: "a file that can be written", got: "none") }
    guard rename(path + ".new", path) == 0 else {
      throw ServiceError(
        .configuration, at: path, expected: "a file that can be replaced", got: String(cString: strerror(errno)))
    }
  }
}

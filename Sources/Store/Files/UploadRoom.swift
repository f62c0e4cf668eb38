/// Bounds on what uploads that are not whole may hold on the disk.
public struct UploadBounds: Sendable, Equatable {
  /// Uploads that run and uploads that were cut, together. The running ones of one caller hold three quarters at most.
  public var bytes = 1 << 30
  /// Uploads that were cut and are kept to be gone on with.
  public var left = 64
  public init() {}
}

/// The room of uploads that are not whole: bytes of those that run are taken before they are written, and those that
/// were left longest ago make way. No file, clock or lock: paths in, paths out.
package struct UploadRoom {
  private struct Running {
    var caller: String
    var bytes: Int
  }
  private let bounds: UploadBounds
  private var running: [String: Running] = [:]
  /// Longest ago first.
  private var left: [(path: String, bytes: Int)]
  private var bytes: Int

  /// - Parameter left: uploads that were cut, with their bytes, longest ago first.
  package init(_ bounds: UploadBounds, left: [(path: String, bytes: Int)]) {
    self.bounds = bounds
    self.left = left
    bytes = left.reduce(0) { $0 + $1.bytes }
  }

  /// An upload begins, or goes on with one that was left or that another call was sending.
  package mutating func begin(_ path: String, by caller: String) {
    let known = running[path]?.bytes ?? forget(path)
    running[path] = Running(caller: caller, bytes: known)
  }

  /// - Returns: the uploads that make way for it, by path; nil where there is no room for so many bytes.
  package mutating func hold(_ path: String, _ wanted: Int) -> [String]? {
    guard let standing = running[path] else { return [] }
    let grown = wanted - standing.bytes
    if grown > 0 {
      let (own, all) = running.values.reduce(into: (0, 0)) { sum, upload in
        sum.1 += upload.bytes
        if upload.caller == standing.caller { sum.0 += upload.bytes }
      }
      guard own + grown <= bounds.bytes / 4 * 3, all + grown <= bounds.bytes else { return nil }
    }
    running[path]?.bytes = wanted
    bytes += grown
    return makeWay()
  }

  /// A running upload is cut, and kept.
  /// - Returns: the uploads that make way, by path.
  package mutating func leave(_ path: String) -> [String] {
    guard let upload = running.removeValue(forKey: path) else { return [] }
    left.append((path, upload.bytes))
    return makeWay()
  }

  /// An upload, running or left, is no longer there.
  package mutating func end(_ path: String) {
    bytes -= running.removeValue(forKey: path)?.bytes ?? 0
    bytes -= forget(path)
  }

  /// - Returns: the bytes of an upload that is no longer among those that were left.
  private mutating func forget(_ path: String) -> Int {
    guard let place = left.firstIndex(where: { $0.path == path }) else { return 0 }
    return left.remove(at: place).bytes
  }

  private mutating func makeWay() -> [String] {
    var gone: [String] = []
    while let oldest = left.first, bytes > bounds.bytes || left.count > bounds.left {
      bytes -= oldest.bytes
      left.removeFirst()
      gone.append(oldest.path)
    }
    return gone
  }
}

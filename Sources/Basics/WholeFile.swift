import Foundation

/// Faults of files that are written to stay.
public enum FileFault: FaultCode {
  /// The place cannot be written to, or is full.
  case unwritable

  /// The fault's category, for callers of any door.
  public var category: FaultCategory { .unavailable }
}
/// An error of a file that is written to stay.
public typealias FileError = Fault<FileFault>

/// Files that appear whole or not at all, however many processes of whatever machines write them: each writes under a
/// name of its own, syncs, and gives the file its name.
public enum WholeFile {
  /// Users who may read a file that is made.
  public enum Readers: Sendable {
    /// As the process's mask has it.
    case anybody
    /// Its owner alone: it holds a secret.
    case owner

    fileprivate var mode: mode_t { self == .owner ? 0o600 : 0o644 }
  }

  /// Writes a file over what is there.
  public static func write(_ bytes: [UInt8], to path: String, for readers: Readers = .anybody) throws(FileError) {
    let part = try self.part(of: path, bytes, readers)
    guard rename(part, path) == 0 else { throw fault(path, removing: part) }
  }

  /// Makes a file where there is none. Of several who make it at once, one does.
  /// - Returns: whether it was made; else another is there, and stays.
  public static func create(
    _ bytes: [UInt8], at path: String, for readers: Readers = .anybody
  ) throws(FileError) -> Bool {
    let part = try self.part(of: path, bytes, readers)
    defer { unlink(part) }
    if link(part, path) == 0 { return true }
    let code = errno
    // NFS may have done it, lost its answer, and been asked again: then the file has two names.
    var status = stat()
    if stat(part, &status) == 0, status.st_nlink == 2 { return true }
    if code == EEXIST { return false }
    // A file system without second names.
    guard [EPERM, EOPNOTSUPP, ENOSYS, EMLINK, EXDEV].contains(code) else { throw fault(path, code: code) }
    if access(path, F_OK) == 0 { return false }
    guard rename(part, path) == 0 else { throw fault(path) }
    return true
  }

  /// Removes what processes that were killed left in a folder half an hour ago or earlier.
  public static func removeLeftovers(in folder: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasSuffix(suffix) {
      var status = stat()
      let path = "\(folder)/\(name)"
      guard stat(path, &status) == 0, time(nil) - status.st_mtim.tv_sec > 1800 else { continue }
      unlink(path)
    }
  }

  private static let suffix = ".part"

  /// - Returns: the path of a synced file beside the place.
  private static func part(of path: String, _ bytes: [UInt8], _ readers: Readers) throws(FileError) -> String {
    let part = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36))\(suffix)"
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, readers.mode)
    guard descriptor >= 0 else { throw fault(path) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Foundation.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let code = errno
        close(descriptor)
        throw fault(path, removing: part, code: code)
      }
      written += count
    }
    let isSynced = fsync(descriptor) == 0, code = errno
    guard close(descriptor) == 0, isSynced else { throw fault(path, removing: part, code: isSynced ? errno : code) }
    return part
  }

  private static func fault(_ path: String, removing part: String? = nil, code: Int32 = errno) -> FileError {
    if let part { unlink(part) }
    return FileError(
      .unwritable, at: path, expected: "a file that can be written", got: String(cString: strerror(code)))
  }
}

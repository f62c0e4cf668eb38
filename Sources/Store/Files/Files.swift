import DitherBasics
import Foundation

/// The file system's calls that durable writing needs, with errors that name the path.
enum Files {
  static func makeDirectory(_ path: String) throws(StoreError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      let cause = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError)?.code.rawValue
      throw StoreError(
        .storage, at: path, expected: "a directory that can be made",
        got: cause.map { String(cString: strerror($0)).lowercased() } ?? error.localizedDescription)
    }
  }

  static func names(in directory: String) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func size(_ path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
  }

  static func modified(_ path: String) -> Date? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9)
  }

  static func remove(_ path: String) { unlink(path) }

  static func rename(_ from: String, _ to: String, as name: String) throws(StoreError) {
    guard Glibc.rename(from, to) == 0 else { throw fault(name, "a file moved into place") }
  }

  /// Makes the directory's entries durable: a rename is not, until then.
  static func sync(directory: String) throws(StoreError) {
    let file = try OpenFile(directory, O_RDONLY | O_DIRECTORY)
    try file.sync()
  }

  static func fault(_ path: String, _ expected: String, code: Int32 = errno) -> StoreError {
    let full = code == ENOSPC || code == EDQUOT
    return StoreError(
      full ? .noSpace : .storage, at: path, expected: expected, got: String(cString: strerror(code)),
      advice: full ? "free some disk space" : nil)
  }
}

/// An open file, closed with its last use.
struct OpenFile: ~Copyable {
  /// Its name in errors: where they reach a caller, the server's folders are none of its business.
  private let name: String
  private let descriptor: Int32

  /// - Parameter name: nil: its path.
  init(_ path: String, _ flags: Int32, as name: String? = nil) throws(StoreError) {
    descriptor = open(path, flags | O_CLOEXEC, 0o600)
    self.name = name ?? path
    guard descriptor >= 0 else { throw Files.fault(self.name, "a file that can be opened") }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Files.fault(name, "room for \(bytes.count) bytes") }
      done += count
    }
  }

  /// Reads from the start to the end, in pieces.
  func forEachPiece(_ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Files.fault(name, "a file that can be read") }
      if count == 0 { return }
      body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
      offset += count
    }
  }

  func seekToEnd() throws(StoreError) -> Int {
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else { throw Files.fault(name, "a file with an end") }
    return Int(end)
  }

  func truncate(to length: Int) throws(StoreError) {
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw Files.fault(name, "a file that can be cut") }
  }

  func sync() throws(StoreError) {
    guard fsync(descriptor) == 0 else { throw Files.fault(name, "a file that can be synced") }
  }

  /// - Returns: whether nobody else holds the lock. It ends with the file, and with the process however that dies.
  func lock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

  /// Waits for the lock while others hold it.
  func waitForLock() throws(StoreError) {
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw Files.fault(name, "a file that can be locked") }
    }
  }
  func unlock() { flock(descriptor, LOCK_UN) }
}

/// One server for each state directory.
final class DirectoryLock: Sendable {
  private let file: OpenFile

  init(_ directory: String) throws(StoreError) {
    file = try OpenFile(directory + "/lock", O_RDWR | O_CREAT)
    guard file.lock() else {
      throw StoreError(
        .inUse, at: directory, expected: "a state directory of its own", got: "one that another server is using",
        advice: "stop that server, or give another --state")
    }
  }
}

import Foundation

/// Reading files that others may have written: regular ones, of a bounded size. A link, a pipe or a device is none.
public enum BoundedFile {
  /// - Parameter most: bytes; a longer file is not read.
  /// - Returns: nil where there is no such file, it is longer, or it may not be read.
  public static func read(_ path: String, most: Int) -> [UInt8]? {
    opened(path) { descriptor, size in size <= most ? bytes(descriptor, from: 0, count: size) : nil }
  }

  /// The end of a file, however long that is.
  /// - Parameter count: bytes, at most.
  /// - Returns: nil where there is no such file, or it may not be read.
  public static func tail(_ path: String, _ count: Int) -> [UInt8]? {
    opened(path) { descriptor, size in bytes(descriptor, from: max(size - count, 0), count: min(size, count)) }
  }

  private static func opened(_ path: String, _ body: (Int32, Int) -> [UInt8]?) -> [UInt8]? {
    // A pipe that nobody writes to would keep the opener waiting.
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return body(descriptor, Int(status.st_size))
  }

  /// - Returns: fewer bytes of a file that is shorter by now; nil where the disk fails.
  private static func bytes(_ descriptor: Int32, from start: Int, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count), done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: done), count - done, off_t(start + done))
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return nil }
      if got == 0 { break }
      done += got
    }
    return Array(bytes.prefix(done))
  }
}

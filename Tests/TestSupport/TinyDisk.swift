import DitherBasics
import Foundation

/// A file system of a few megabytes of its own, to be filled. Only root can have one.
public final class TinyDisk: Sendable {
  public let path: String
  private let scratch: Scratch

  /// Whether this process may mount one.
  public static let isPossible = (try? TinyDisk(bytes: 1 << 20)) != nil

  public init(bytes: Int) throws {
    scratch = try Scratch()
    path = scratch.file("disk")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard Self.run(["mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", path]) else {
      throw CocoaError(.fileWriteNoPermission)
    }
  }

  deinit { _ = Self.run(["umount", "-l", path]) }

  /// Fills what is free, but for some bytes.
  public func fill(leaving bytes: Int = 0) throws {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw CocoaError(.fileReadUnknown) }
    let free = Int(status.f_bavail) * Int(status.f_frsize)
    let file = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    defer { close(file) }
    let zeros = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<max(free - bytes, 0) / 4096 where write(file, zeros, zeros.count) < zeros.count { return }
  }

  /// Gives back what `fill` took.
  public func clear() { unlink(path + "/filler") }

  private static func run(_ command: [String]) -> Bool {
    (try? ChildProcess.run(["/usr/bin/env"] + command).status) == 0
  }
}

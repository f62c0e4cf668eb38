import DitherBasics
import DitherGraph
import Foundation
import Glibc

/// A model's file as it is read and sent: one, with the numbers that it keeps in files beside it.
enum ModelFile {
  /// - Throws: where the file cannot be read, or one that it names is not below its folder, a link, no file, or too
  ///   large.
  static func read(_ path: String) throws -> [UInt8] {
    let file = try FileArray.read(path), folder = URL(filePath: path).deletingLastPathComponent().path
    return try OnnxExternalData.joined(file) { part, most in try bytes(of: part, in: folder, most: most) }
  }

  /// The digest of the file that a server would have of it; of one that is no model, of its bytes.
  /// - Throws: where the file, or one that it names, cannot be read.
  static func digest(_ path: String) throws -> String {
    let bytes: [UInt8]
    do { bytes = try read(path) } catch is GraphError { bytes = try FileArray.read(path) }
    return Sha256.hash(bytes).description
  }

  private static func bytes(of part: OnnxExternalData.Part, in folder: String, most: Int) throws(CommandError)
    -> [UInt8]
  {
    let name = part.path.joined(separator: "/").clipped()
    let place = "\(folder)/\(name)"
    func refused(_ expected: String, _ got: String, _ code: CommandFault = .malformed) -> CommandError {
      CommandError(code, at: place, expected: expected, got: got, advice: "the model's file names it")
    }
    let descriptor = try open(part.path, in: folder) { refused("a file that can be read, and no link", $0, $1) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw refused("a file", "something else")
    }
    let size = Int(status.st_size), count = part.length ?? max(size - part.offset, 0)
    guard part.offset <= size, count <= size - part.offset else {
      throw refused("\(count) bytes from byte \(part.offset) on", "a file of \(size)")
    }
    guard count <= most else {
      throw refused("at most \(most) bytes more beside the model's file", "\(count)")
    }
    var done = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while done < count {
        let read = pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(part.offset + done))
        if read < 0 && errno == EINTR { continue }
        guard read > 0 else { break }
        done += read
      }
      filled = done
    }
    guard done == count else { throw refused("\(count) bytes from byte \(part.offset) on", "\(done)") }
    return bytes
  }

  /// Name by name from the folder on: no link is followed on the way.
  private static func open(
    _ path: [String], in folder: String, _ refused: (String, CommandFault) -> CommandError
  ) throws(CommandError) -> Int32 {
    var descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    for (at, name) in path.enumerated() where descriptor >= 0 {
      let kind = at == path.count - 1 ? O_NONBLOCK : O_DIRECTORY
      let next = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind), reason = errno
      close(descriptor)
      descriptor = next
      guard next < 0 else { continue }
      throw reason == ELOOP
        ? refused("a link", .malformed) : refused(String(cString: strerror(reason)), .unreadable)
    }
    guard descriptor >= 0 else { throw refused(String(cString: strerror(errno)), .unreadable) }
    return descriptor
  }
}

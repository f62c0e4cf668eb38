import Foundation
import Glibc

/// Another program, begun with no signal blocked and no file but its standard ones open. Foundation's `Process` hands on
/// the signals that the runtime's threads block, so that a shell is never told of its children's end; and it reads
/// beyond what the kernel lists of open files, which ends a process that has very many (Swift 6.3).
public final class ChildProcess: Sendable {
  /// It could not be begun.
  public struct NotBegun: Error { public var reason: String }

  private let identifier: pid_t
  /// Its standard input, where it has one that is not empty.
  public let input: FileHandle?
  private let output: FileHandle?

  /// - Parameters:
  ///   - command: the program's path and its arguments.
  ///   - hears: whether it is told anything; without, its input is empty.
  ///   - isHeard: whether what it says is kept; without, nobody hears it.
  public init(_ command: [String], in folder: String = "/", hears: Bool = false, isHeard: Bool = false) throws {
    var actions = posix_spawn_file_actions_t(), attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    var none = sigset_t(), all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var theirs: [Int32] = []
    defer {
      theirs.forEach { close($0) }
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    if hears {
      let ends = try Self.pipe()
      theirs.append(ends.reading)
      input = FileHandle(fileDescriptor: ends.writing, closeOnDealloc: true)
      posix_spawn_file_actions_adddup2(&actions, ends.reading, 0)
    } else {
      input = nil
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    if isHeard {
      let ends = try Self.pipe()
      theirs.append(ends.writing)
      output = FileHandle(fileDescriptor: ends.reading, closeOnDealloc: true)
      for file in [Int32(1), 2] { posix_spawn_file_actions_adddup2(&actions, ends.writing, file) }
    } else {
      output = nil
      for file in [Int32(1), 2] { posix_spawn_file_actions_addopen(&actions, file, "/dev/null", O_WRONLY, 0) }
    }
    try Self.leaveRest(&actions, folder)
    let arguments = command.map { strdup($0) }
    defer { arguments.forEach { free($0) } }
    var made = pid_t()
    let code = posix_spawn(&made, command.first ?? "", &actions, &attributes, arguments + [nil], environ)
    guard code == 0 else { throw NotBegun(reason: "\(command): \(String(cString: strerror(code)))") }
    identifier = made
  }

  /// Waits for its end: once.
  /// - Returns: what it ended with; -1: a signal ended it.
  @discardableResult
  public func end() -> Int32 {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : -1
  }

  /// Runs a program to its end.
  public static func run(
    _ command: [String], in folder: String = "/"
  ) throws -> (status: Int32, words: String) {
    let child = try ChildProcess(command, in: folder, isHeard: true)
    let words = String(decoding: child.output?.readDataToEndOfFile() ?? Data(), as: UTF8.self)
    return (child.end(), words)
  }

  /// The folder it begins in, and no file beyond its standard ones. Both calls are glibc's own, which its headers show
  /// to none but programs in C that ask for GNU's names.
  private static func leaveRest(_ actions: inout posix_spawn_file_actions_t, _ folder: String) throws {
    typealias Change = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32
    typealias Close = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
    guard let change = dlsym(nil, "posix_spawn_file_actions_addchdir_np"),
      let close = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np")
    else { throw NotBegun(reason: "glibc of 2.34 or later is needed") }
    _ = unsafeBitCast(change, to: Change.self)(&actions, folder)
    _ = unsafeBitCast(close, to: Close.self)(&actions, 3)
  }

  /// A pipe whose ends no other program keeps.
  private static func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw NotBegun(reason: String(cString: strerror(errno))) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}

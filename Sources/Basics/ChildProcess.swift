import Foundation
import Glibc
import Synchronization

/// Another program, begun with no signal blocked and no file but its standard ones open. Foundation's `Process` hands
/// on the signals that the runtime's threads block, so that a shell is never told of its children's end, and a
/// browser not of the session's; and it reads beyond what the kernel lists of open files, which ends a process that
/// has very many (Swift 6.3).
package final class ChildProcess: Sendable {
  /// It could not be begun.
  package struct NotBegun: Error {
    package var reason: String
  }

  /// Where what it says goes.
  package enum Listener: Sendable {
    case nobody
    /// The one who runs it to its end.
    case caller
    /// A file, which is empty at first.
    case file(String)
    /// An open file of this process.
    case descriptor(Int32)
  }

  /// As the system knows it, until its end was seen.
  package let identifier: pid_t
  /// Its standard input, where it has one that is not empty.
  package let input: FileHandle?
  private let output: FileHandle?
  /// Its status at its end, once that was seen: from then on its identifier may be another's.
  private let status = Mutex<Int32?>(nil)

  /// - Parameters:
  ///   - command: the program's path and its arguments.
  ///   - environment: nil: this process's.
  ///   - hears: whether it is told anything; without, its input is empty.
  ///   - output: of its standard output.
  ///   - errors: of its standard error; nil: the same.
  package init(
    _ command: [String], in folder: String = "/", environment: [String: String]? = nil, hears: Bool = false,
    output: Listener = .nobody, errors: Listener? = nil
  ) throws {
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
    var heard: FileHandle?
    func send(_ file: Int32, to listener: Listener) throws {
      switch listener {
      case .nobody: posix_spawn_file_actions_addopen(&actions, file, "/dev/null", O_WRONLY, 0)
      case .caller:
        let ends = try ChildProcess.pipe()
        theirs.append(ends.writing)
        heard = FileHandle(fileDescriptor: ends.reading, closeOnDealloc: true)
        posix_spawn_file_actions_adddup2(&actions, ends.writing, file)
      case .file(let path):
        posix_spawn_file_actions_addopen(&actions, file, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
      case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, file)
      }
    }
    try send(1, to: output)
    if let errors { try send(2, to: errors) } else { posix_spawn_file_actions_adddup2(&actions, 1, 2) }
    self.output = heard
    try Self.leaveRest(&actions, folder)
    let arguments = command.map { strdup($0) }
    let variables = (environment ?? ProcessInfo.processInfo.environment).map { strdup("\($0)=\($1)") }
    defer { for word in arguments + variables { free(word) } }
    var made = pid_t()
    let code = posix_spawn(
      &made, command.first ?? "", &actions, &attributes, arguments + [nil], variables + [nil])
    guard code == 0 else { throw NotBegun(reason: "\(command): \(String(cString: strerror(code)))") }
    identifier = made
  }

  /// Waits for its end.
  /// - Returns: what it ended with; below 0: the signal that ended it.
  @discardableResult
  package func end() -> Int32 {
    var seen = siginfo_t()
    // It stays a zombie meanwhile, so that others may ask and send signals.
    while waitid(P_PID, id_t(identifier), &seen, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    return status.withLock { status in
      if status == nil { status = Self.reaped(identifier, 0) }
      return status ?? -SIGKILL
    }
  }

  /// Whether its end was not seen yet, and is not there to be seen.
  package var isRunning: Bool {
    status.withLock { status in
      if status == nil { status = Self.reaped(identifier, WNOHANG) }
      return status == nil
    }
  }

  /// Sends a signal; nothing where its end was seen.
  package func signal(_ number: Int32) {
    status.withLock { if $0 == nil { kill(identifier, number) } }
  }

  /// Runs a program to its end.
  package static func run(
    _ command: [String], in folder: String = "/", environment: [String: String]? = nil
  ) throws -> (status: Int32, words: String) {
    let child = try ChildProcess(command, in: folder, environment: environment, output: .caller)
    let words = String(decoding: child.output?.readDataToEndOfFile() ?? Data(), as: UTF8.self)
    return (child.end(), words)
  }

  /// - Returns: nil where it has not ended.
  private static func reaped(_ identifier: pid_t, _ options: Int32) -> Int32? {
    var status: Int32 = 0, found: pid_t
    repeat { found = waitpid(identifier, &status, options) } while found < 0 && errno == EINTR
    guard found == identifier else { return nil }
    return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
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

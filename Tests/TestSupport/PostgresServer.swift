import DitherBasics
import Foundation
import Synchronization

/// A PostgreSQL server of a test's own: Debian's programs over a temporary folder, at a Unix socket in it. Root has the
/// user `postgres` of Debian's package run them, as the server refuses root. It ends with the last reference to it,
/// and with the process however that dies.
public final class PostgresServer: Sendable {
  /// Where Debian keeps the newest one's programs.
  private static let programs: String? = {
    let root = "/usr/lib/postgresql", names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    return names.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
      .last { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }
  }()

  /// Whether there can be one.
  public static var isInstalled: Bool { programs != nil }

  /// One for all tests of this process that do not disturb it.
  public static let shared = Result { try PostgresServer() }

  struct Missing: Error {}
  struct Failed: Error { var words: String }

  private let scratch: Scratch
  private let programs: String
  private let state = Mutex<ChildProcess?>(nil)
  private var data: String { scratch.file("data") }

  /// - Parameter locked: a user who is let in with the password `right` alone; all others need none.
  public init(locked: String = "locked") throws {
    guard let programs = Self.programs else { throw Missing() }
    self.programs = programs
    scratch = try Scratch()
    if geteuid() == 0, let user = getpwnam("postgres") { chown(scratch.path, user.pointee.pw_uid, user.pointee.pw_gid) }
    try run(
      [
        "\(programs)/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
        "--no-sync",
      ])
    let access = data + "/pg_hba.conf"
    let rules = try String(contentsOfFile: access, encoding: .utf8)
    try Data("local all \(locked) scram-sha-256\n\(rules)".utf8).write(to: URL(filePath: access), options: [])
    try start()
    try sql("CREATE USER \(locked) PASSWORD 'right'")
  }

  deinit { try? end(.immediately) }

  /// As libpq takes it.
  public func address(_ database: String, user: String = "postgres", password: String? = nil) -> String {
    "postgresql:///\(database)?host=\(scratch.path)&user=\(user)" + (password.map { "&password=\($0)" } ?? "")
  }

  /// Makes a database, if it is not there.
  public func makeDatabase(_ name: String) throws {
    let found = try sql("SELECT 1 FROM pg_database WHERE datname = '\(name)'")
    if found.isEmpty { try sql("CREATE DATABASE \(name)") }
  }

  /// - Returns: the rows, one a line, columns divided by `|`.
  @discardableResult
  public func sql(_ text: String, in database: String = "postgres") throws -> String {
    try run(
      [
        "\(programs)/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", scratch.path, "-U", "postgres", "-d", database,
        "-c", text,
      ])
  }

  /// Cuts every connection to a database.
  public func cutConnections(to database: String) throws {
    try sql(
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '\(database)' AND pid <> pg_backend_pid()"
    )
  }

  // MARK: its life

  public enum Ending: Sendable { case inOrder, immediately }

  public func start() throws {
    // The shell waits for a word, or the end of its input, which comes with this process's own end: then it clears up.
    let script = """
      "$0" -D "$1" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off -c shared_buffers=32MB \
      -c max_connections=300 -c logging_collector=off >"$1/log" 2>&1 & read -r how; kill -"${how:-QUIT}" $!; wait
      [ -n "$how" ] || { rm -rf "$1"; rmdir "$2"; }
      """
    let process = try ChildProcess(
      Self.asUser(["/bin/sh", "-c", script, "\(programs)/postgres", data, scratch.path]), hears: true)
    state.withLock { $0 = process }
    for _ in 0..<600 {
      if (try? sql("SELECT 1")) != nil { return }
      usleep(50_000)
    }
    let log = try? String(contentsOfFile: data + "/log", encoding: .utf8)
    throw Failed(words: "PostgreSQL did not start: \(log ?? "no log")")
  }

  public func end(_ how: Ending) throws {
    guard
      let process = state.withLock({ state in
        defer { state = nil }
        return state
      })
    else { return }
    signal(SIGCONT)
    try process.input?.write(contentsOf: Data((how == .inOrder ? "INT\n" : "QUIT\n").utf8))
    try process.input?.close()
    process.end()
  }

  /// It says nothing any more, and keeps its connections.
  public func freeze() { signal(SIGSTOP) }
  public func thaw() { signal(SIGCONT) }

  /// To the server and each process of a connection.
  private func signal(_ number: Int32) {
    guard let file = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8),
      let server = file.split(separator: "\n").first.flatMap({ pid_t($0) })
    else { return }
    kill(server, number)
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let process = pid_t(name), let stat = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
        let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 1,
        pid_t(fields[1]) == server
      else { continue }
      kill(process, number)
    }
  }

  private static func asUser(_ command: [String]) -> [String] {
    geteuid() == 0 ? ["/usr/sbin/runuser", "-u", "postgres", "--"] + command : command
  }

  @discardableResult
  private func run(_ command: [String]) throws -> String {
    let (status, words) = try ChildProcess.run(Self.asUser(command))
    guard status == 0 else { throw Failed(words: words) }
    return words.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

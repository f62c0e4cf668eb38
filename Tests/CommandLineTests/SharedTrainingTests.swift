import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// Sweeps whose results are in a database that processes share.
@Suite("dither sweep --database", .enabled(if: Program.isBuilt, "dither is not built"))
struct SharedTrainingTests {
  private let scratch: Scratch
  private var environment: [String: String] { ["DITHER_DATA": scratch.file("data")] }
  private var sweep: String { scratch.file("s.yml") }

  init() throws {
    scratch = try Scratch()
    let kinds = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
    let lines = (0..<150).map { row in
      let numbers = (0..<4).map { "\(Double(row / 50 * ($0 + 1)) + sin(Double(row * (3 + $0))) / 3)" }
      return (numbers + [kinds[row / 50]]).joined(separator: ",")
    }
    let folder = URL(filePath: scratch.file("data/uci/iris"))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: folder.appending(path: "iris.csv"))
    try Data(
      """
      name: a
      data: iris
      model: {kind: mlp, hidden: [6]}
      optimizer: {kind: sgd, rate: 0.05}
      validation: 30
      epochs: 4
      batch: 16
      """.utf8
    ).write(to: URL(filePath: scratch.file("a.yml")))
    try Data(
      """
      name: s
      recipe: a.yml
      halving: {least: 2, factor: 2}
      seeds: [1, 2]
      keys: {optimizer.rate: [0.0001, 0.01, 0.05]}
      """.utf8
    ).write(to: URL(filePath: sweep))
  }

  private func run(_ more: String...) throws -> Program.Result {
    try Program.run(["sweep", sweep, "--workers", "1", "--json"] + more, environment: environment)
  }

  /// All but times.
  private func facts(_ result: Program.Result) throws -> Data {
    #expect(result.status == 0, "\(result.errors)")
    var table = try result.json()
    let rows = try #require(table["rows"] as? [[String: Any]])
    table["rows"] = rows.map { $0.filter { $0.key != "seconds" } }
    return try JSONSerialization.data(withJSONObject: table, options: .sortedKeys)
  }

  private func start(_ arguments: [String], _ name: String) throws -> ChildProcess {
    try Program.start(
      arguments, output: URL(filePath: scratch.file("\(name).out")), errors: URL(filePath: scratch.file("\(name).err")),
      environment: environment)
  }

  @Test("commands side by side in one folder's database, one of them killed: the table of one that was alone")
  func state() throws {
    let alone = try facts(run("--out", scratch.file("alone")))
    let arguments = ["sweep", sweep, "--workers", "1", "--json", "--state", scratch.file("state")]
    let others = try ["one", "two"].map { try start(arguments, $0) }
    others[0].signal(SIGKILL)
    #expect(others.map { $0.end() } == [-SIGKILL, 0])
    let shown = try run("--state", scratch.file("state"), "--out", scratch.file("shown"))
    #expect(try facts(shown) == alone)
    for name in ["s.json", "s.csv", "s.html"] {
      #expect(FileManager.default.fileExists(atPath: scratch.file("shown/\(name)")), "\(name)")
    }
    #expect(try run("--state", scratch.file("state"), "--cancel").status == 3)
  }

  @Test(
    "a command that only waits, and workers that do it and end",
    .enabled(if: PostgresServer.isInstalled, "PostgreSQL is not installed"))
  func workers() throws {
    let alone = try facts(run("--out", scratch.file("alone"))), server = try PostgresServer.shared.get()
    try server.makeDatabase("sweeps")
    let database = ["--database", server.address("sweeps")]
    let waiting = try start(
      ["sweep", sweep, "--json", "--wait", "--state", scratch.file("waiting")] + database, "waiting")
    // The first one makes the tables and the job.
    var found = ""
    for _ in 0..<600 where found.isEmpty {
      found = (try? server.sql("SELECT id FROM dither.jobs WHERE kind = 'sweep'", in: "sweeps")) ?? ""
      usleep(50_000)
    }
    #expect(found.hasPrefix("sweep-"))
    let workers = try (0..<2).map { number in
      try start(
        [
          "work", "--threads", "1", "--until-idle", "--idle-seconds", "2", "--state", scratch.file("worker\(number)"),
        ] + database, "worker\(number)")
    }
    #expect((workers + [waiting]).map { $0.end() } == [0, 0, 0])
    let output = try String(contentsOfFile: scratch.file("waiting.out"), encoding: .utf8)
    let errors = try String(contentsOfFile: scratch.file("waiting.err"), encoding: .utf8)
    #expect(try facts(Program.Result(status: 0, output: output, errors: errors)) == alone)
  }

  @Test("what does not go together is refused with why")
  func refused() throws {
    for (more, words) in [
      (["--wait"], "--database"), (["--cancel"], "--database"),
      (["--state", scratch.file("state"), "--part", "1/2"], "--part"),
      (["--state", scratch.file("state"), "--wait", "--cancel"], "do not go together"),
      (["--isa", "avx9"], "one of sse41"),
    ] {
      let result = try Program.run(["sweep", sweep] + more, environment: environment)
      #expect(result.status == 2 && result.errors.contains(words), "\(more): \(result.errors)")
    }
  }
}

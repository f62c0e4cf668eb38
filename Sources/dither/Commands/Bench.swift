import ArgumentParser
import DitherBasics
import DitherBench
import Foundation

/// `dither bench`: how fast it is here.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure, and compare with what it should be measured against.",
    discussion: """
      A name may be a group: `engine` stands for all that begin with engine/. Names: \
      \(Catalog.benches.names.joined(separator: ", ")).

      Example: dither bench engine --json
      """)

  @Argument(help: "Names or groups. (default: all)")
  var names: [String] = []
  @Option(help: "Seconds for each.")
  var seconds: Double = 1
  @Flag(help: "Only list the names and what they measure.")
  var list = false
  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard seconds > 0, seconds <= 1e6 else { throw ValidationError("--seconds: expected a number above 0, to 1e6") }
  }

  func run() throws {
    if list { return print(table(Catalog.benches.entries.map { [$0.name, $0.summary] })) }
    let quiet = json
    let results = try Bench.run(names, seconds: seconds) { result in
      if quiet { Console.note(result.name) } else { print(Self.line(result)) }
    }
    if json { try Json.print(["benches": results]) }
  }

  private static let width = Catalog.benches.names.map(\.count).max() ?? 0

  private static func line(_ result: Bench.Result) -> String {
    let name = result.name.padded(to: width)
    if let reason = result.skipped { return "\(name)  skipped: \(reason)" }
    let ratio = result.ratio.map { "  \($0.digits(2)) × \(result.over ?? "")" } ?? ""
    return "\(name)  \(duration(result.median_s))  (\(duration(result.min_s)) to \(duration(result.max_s)))\(ratio)"
      + (result.details ?? [:]).sorted { $0.key < $1.key }.map { "\n    " + detail($0, $1) }.joined()
  }

  private static func detail(_ name: String, _ value: Double) -> String {
    name.hasSuffix("_s") ? "\(name.dropLast(2)) \(duration(value))" : "\(name) \(value.digits(value < 100 ? 3 : 0))"
  }

  private static func duration(_ seconds: Double) -> String {
    switch seconds {
    case ..<1e-3: "\((seconds * 1e6).digits(1)) µs"
    case ..<1: "\((seconds * 1e3).digits(2)) ms"
    default: "\(seconds.digits(2)) s"
    }
  }
}

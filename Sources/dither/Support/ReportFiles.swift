import ArgumentParser
import DitherReports
import DitherRobustness
import Foundation

/// Files that programs of continuous integration read beside a report.
struct ReportFiles: ParsableArguments {
  @Option(help: "Write the gates as JUnit's XML to this file.")
  var junit: String?
  @Option(help: "Write the gates and findings as SARIF 2.1.0 to this file.")
  var sarif: String?

  /// The paths that were given.
  var paths: [String] { [junit, sarif].compactMap { $0 } }

  /// Writes those that were asked for, and adds the verdict to a GitHub job's summary where one is kept.
  func write(_ report: Report) throws {
    if let junit { try OutputFile.write(report.junit().utf8, to: junit) }
    if let sarif { try OutputFile.write(report.sarif(), to: sarif) }
    guard let path = ProcessInfo.processInfo.environment["GITHUB_STEP_SUMMARY"], !path.isEmpty else { return }
    // Other steps of the job write there too.
    let before = (try? Data(contentsOf: URL(filePath: path))) ?? Data()
    do {
      try (before + Data(report.markdown().utf8)).write(to: URL(filePath: path))
    } catch {
      Console.note("GITHUB_STEP_SUMMARY: \(path) cannot be written: \(error.localizedDescription)")
    }
  }
}

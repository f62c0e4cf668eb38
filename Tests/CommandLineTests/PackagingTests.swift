import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// What is installed beside the program: pages, completions, the unit, the settings, the bill of materials.
@Suite("Packaging", .enabled(if: Program.isBuilt, "dither is not built"))
struct PackagingTests {
  private static func isThere(_ program: String) -> Bool {
    ["/usr/bin", "/bin"].contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
  }

  /// Runs a program in the package's folder.
  private func run(_ words: [String], environment: [String: String] = [:]) throws -> (status: Int32, output: String) {
    let found = try ChildProcess.run(
      ["/usr/bin/env"] + words, in: Program.package.path,
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 })
    return (found.status, found.words)
  }

  @Test("a manual page for every command, which man finds nothing wrong with", .enabled(if: isThere("python3")))
  func manualPages() throws {
    let scratch = try Scratch(), folder = scratch.file("man")
    let made = try run(["scripts/manual-pages", Program.url.path, folder])
    #expect(made.status == 0, "\(made.output)")
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder)
    for page in ["dither.1", "dither-serve.1", "dither-audits-report.1", "dither-models-card.1"] {
      #expect(pages.contains(page), "\(pages.sorted())")
    }
    let serve = try String(contentsOfFile: folder + "/dither-serve.1", encoding: .utf8)
    #expect(serve.contains(".SH OPTIONS") && serve.contains("\\-\\-framed\\-port"), "\(serve.prefix(800))")
    guard Self.isThere("man") else { return }
    for page in pages {
      let shown = try run(["man", "--warnings", "-E", "UTF-8", "-l", "\(folder)/\(page)"])
      #expect(shown.status == 0 && !shown.output.contains(/:\d+: warning/), "\(page): \(shown.output.prefix(300))")
    }
  }

  @Test("completions are what their shells take", arguments: ["bash", "zsh", "fish"])
  func completions(_ shell: String) throws {
    let scratch = try Scratch(), script = try Program.run("--generate-completion-script", shell)
    #expect(script.status == 0 && script.output.contains("framed-port"))
    guard Self.isThere(shell) else { return }
    try Data(script.output.utf8).write(to: URL(filePath: scratch.file("script")))
    let checked = try run([shell, "-n", scratch.file("script")])
    #expect(checked.status == 0, "\(checked.output)")
  }

  @Test("the service's exposure is at most 2.5 of 10", .enabled(if: isThere("systemd-analyze")))
  func exposure() throws {
    let unit = "packaging/systemd/dither.service"
    let judged = try run(["systemd-analyze", "security", "--offline=yes", "--threshold=25", "--no-pager", unit])
    #expect(judged.status == 0, "\(judged.output.suffix(200))")
  }

  @Test("the packaged settings hold, and the service reads them")
  func settings() throws {
    let told = try Program.run("serve", "--config", "packaging/dither.yml", "--print-config")
    #expect(told.status == 0 && told.output.contains("state: /var/lib/dither  #"), "\(told.errors)")
    let unit = try String(
      contentsOf: Program.package.appending(path: "packaging/systemd/dither.service"), encoding: .utf8)
    #expect(unit.contains("ExecStart=/usr/bin/dither serve --config /etc/dither/dither.yml\n"))
    #expect(unit.contains("Type=notify\n") && unit.contains("WatchdogSec="))
  }

  @Test("the bill of materials has every package of the build", .enabled(if: isThere("python3")))
  func bill() throws {
    let resolved = Program.package.appending(path: "Package.resolved")
    struct Resolved: Decodable {
      struct Pin: Decodable { var location: String }
      var pins: [Pin]
    }
    struct Bill: Decodable {
      struct Component: Decodable {
        var name: String
        var version: String
        var purl: String?
      }
      struct About: Decodable { var component: Component }
      var bomFormat: String
      var specVersion: String
      var metadata: About
      var components: [Component]
    }
    let pins = try JSONDecoder().decode(Resolved.self, from: Data(contentsOf: resolved)).pins
    let made = try run(["scripts/sbom"])
    #expect(made.status == 0, "\(made.output)")
    let bill = try JSONDecoder().decode(Bill.self, from: Data(made.output.utf8))
    #expect(bill.bomFormat == "CycloneDX" && bill.specVersion == "1.5" && bill.metadata.component.name == "dither")
    #expect(
      bill.components.count == pins.count && bill.components.allSatisfy { $0.purl?.hasPrefix("pkg:swift/") == true })
    for pin in pins {
      let name = pin.location.replacing(".git", with: "").split(separator: "/").last.map(String.init) ?? ""
      #expect(bill.components.contains { $0.name == name }, "\(name)")
    }
    // The same versions give the same bytes.
    #expect(try run(["scripts/sbom"]).output == made.output)
    let version = try Program.run("--version").output
    #expect(version.hasPrefix("dither \(bill.metadata.component.version),"))
  }

  @Test("one version in the program, the C client and the Python package")
  func version() throws {
    let version = try #require(try Program.run("--version").output.split { $0 == " " || $0 == "," }.dropFirst().first)
    for (file, words) in [
      ("Sources/CDither/Makefile", "VERSION = \(version)"), ("Sources/CDither/call.c", "dither-c/\(version)"),
      ("clients/python/pyproject.toml", "version = \"\(version)\""), ("CHANGELOG.md", "## \(version)"),
    ] {
      let text = try String(contentsOf: Program.package.appending(path: file), encoding: .utf8)
      #expect(text.contains(words), "\(file) has another version than \(version)")
    }
  }
}

import ArgumentParser
import DitherBasics
import DitherClient
import DitherProto
import Foundation

/// `dither audits open`: the page of a report, in a browser.
struct AuditsOpenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open", abstract: "Write the page of an audit's report, and open it in a browser.",
    discussion: """
      The browser is that of BROWSER, else the desktop's. Where there is none, the path is printed and nothing else is done.

      Example: dither audits open l8x2k1-9f3
      """)

  @Argument(help: "Its name, as `dither audits list` gives it.")
  var audit: String
  @Option(help: "Write the page to this file. (default: AUDIT.html in 'dither' in the user's folder of caches)")
  var out: String?
  @Flag(inversion: .prefixedNo, help: "Open it; --no-browser writes it alone.")
  var browser = true
  @Flag(help: "Print one JSON object.")
  var json = false
  @OptionGroup var server: ServerOptions

  func run() async throws {
    let page = try await server.withClient { try await $0.report(of: audit, .html).html }
    let file = try place()
    try OutputFile.write(page, to: file.path)
    let isOpen = browser ? await Browser.open(file) : false
    if json { return try Json.print(Answer(audit: audit, path: file.path, opened: isOpen)) }
    print(file.path)
    if browser { Console.note(isOpen ? "opened in the browser" : "no browser was found: open this file in one") }
  }

  /// A name comes from the server's caller; a path may not.
  private func place() throws -> URL {
    if let out { return URL(filePath: out).standardizedFileURL }
    guard audit.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._-]{0,127}/) != nil else {
      throw CommandError(
        .badOption, at: "audit", expected: "a name of letters, digits, '-', '_' and '.'", got: "'\(audit.clipped())'",
        advice: "say where to write it, with --out")
    }
    let folder = URL(filePath: UserFolder.path("XDG_CACHE_HOME", else: ".cache"), directoryHint: .isDirectory)
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return folder.appending(path: "\(audit).html")
  }

  private struct Answer: Encodable {
    var audit: String
    var path: String
    var opened: Bool
  }
}

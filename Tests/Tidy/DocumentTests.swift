import Foundation
import Testing

/// What users read points at what is there.
@Suite("Documents")
struct DocumentTests {
  @Test("links lead to files and headings that exist", arguments: Repository.documents)
  func links(_ file: Repository.File) throws {
    for match in file.text.matches(of: /\]\(([^)\s]+)\)/)
    where !match.1.contains("://") && !match.1.hasPrefix("mailto:") {
      let parts = match.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let folder = (file.path as NSString).deletingLastPathComponent
      let path = parts[0].isEmpty ? file.path : (folder.isEmpty ? parts[0] : "\(folder)/\(parts[0])")
      let target = (path as NSString).standardizingPath
      #expect(Repository.exists(target), "\(file): \(match.1)")
      guard parts.count == 2, let document = Repository.file(target) else { continue }
      #expect(Self.anchors(of: document).contains(parts[1]), "\(file): no heading '\(parts[1])' in \(target)")
    }
  }

  @Test("files that documents name exist", arguments: Repository.documents)
  func names(_ file: Repository.File) {
    let pattern = /`((?:Sources|Tests|docs|scripts|protos|models|recipes|examples|Benchmarks)\/[\w\/.+-]+)`/
    for match in file.text.matches(of: pattern) {
      let path = String(match.1)
      // A letter stands for what a reader adds.
      guard !path.contains("/X.") else { continue }
      #expect(Repository.exists(path), "\(file) names \(path)")
    }
  }

  @Test("every recipe, protocol and script is where a reader is told of it")
  func mentioned() {
    let all = Repository.documents.map(\.text).joined() + (Repository.file("Makefile")?.text ?? "")
    let scripts =
      (try? FileManager.default.contentsOfDirectory(atPath: Repository.root.appending(path: "scripts").path)) ?? []
    let others = scripts.compactMap { Repository.file("scripts/\($0)")?.text }.joined()
    let unheard = scripts.filter { !all.contains($0) && !others.contains("scripts/\($0)") }
    #expect(unheard.isEmpty, "no document names \(unheard.sorted())")
  }

  private static func anchors(of document: Repository.File) -> Set<String> {
    Set(
      document.lines.filter { $0.hasPrefix("#") }.map { line in
        String(
          line.drop { $0 == "#" }.dropFirst().lowercased().replacing(" ", with: "-")
            .filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" })
      })
  }
}

extension DocumentTests {
  @Test("a decision is a choice, its alternative and one figure: two lines")
  func decisions() throws {
    let rows = try #require(Repository.file("docs/decisions.md")).lines.filter { $0.hasPrefix("|") }
    #expect(rows.count > 40)
    for row in rows {
      #expect(row.count <= 300, "\(row.prefix(60))… has \(row.count) characters")
      #expect(row.filter { $0 == "|" }.count == 4, "\(row.prefix(60))… has not three columns")
    }
  }
}

import DitherBasics
import DitherJobs
import DitherProto
import DitherReports
import DitherTransport
import Foundation

/// The pages of trainings: what is in the folder of `--runs`, read anew for each request. Files are read on the pool's
/// threads.
struct RunRoutes: Sendable {
  /// nil: the server was told of none.
  let folder: RunsFolder?
  let pool: ComputePool

  /// Bytes of a page that a training wrote; a longer one is not shown.
  private static let mostPageBytes = 4 << 20
  /// Bytes of a table whose standing is listed.
  private static let mostListedBytes = 256 << 10
  /// The query's name of a record.
  private static let name = "at"

  /// The address of a record's page.
  static func address(_ page: String, _ entry: RunsFolder.Entry) -> String {
    var plain = CharacterSet.alphanumerics
    plain.insert(charactersIn: "/._-")
    let path = entry.path.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    let kind = page == "page" ? "&kind=\(entry.kind.rawValue)" : ""
    return "/runs/\(page)?\(name)=\(path)\(kind)"
  }

  var all: [HttpRoute] {
    [
      HttpRoute(.get, "/runs", .local(.audit)) { [self] _, _ in
        .html(Array(try await pool.run { list().html.source }.utf8))
      },
      HttpRoute(.get, "/runs/run", .local(.audit)) { [self] request, _ in
        try await shown(.run, request) { folder, entry, links in ShownRun(folder.path(entry.path))?.page(links: links) }
      },
      HttpRoute(.get, "/runs/sweep", .local(.audit)) { [self] request, _ in
        try await shown(.sweep, request) { folder, entry, links in
          ShownSweep(folder.path(entry.path) + ".json")?.page(links: links)
        }
      },
      HttpRoute(.get, "/runs/page", .local(.audit)) { [self] request, _ in try await written(request) },
    ]
  }

  private func list() -> RunsPage {
    guard let folder else { return RunsPage() }
    let (found, isWhole) = folder.entries()
    let rows = found.prefix(RunsPage.mostRows).map { entry -> RunsPage.Row in
      let place = folder.path(entry.path), name = entry.path.isEmpty ? "this folder" : entry.path.clipped(to: 100)
      switch entry.kind {
      case .run:
        guard let run = ShownRun(place) else { return RunsPage.Row(entry: entry, title: name, words: "unreadable") }
        return RunsPage.Row(entry: entry, title: name, words: "\(run.standing), \(run.last)")
      case .sweep:
        // A hundred of any size would be too much for a list.
        let sweep = ShownSweep(place + ".json", most: Self.mostListedBytes)
        return RunsPage.Row(entry: entry, title: name, words: sweep?.standing ?? "large, or unreadable")
      case .study: return RunsPage.Row(entry: entry, title: name, words: "")
      }
    }
    return RunsPage(rows: rows, more: found.count - rows.count, isWhole: isWhole)
  }

  /// A page of the console's own, of a record that is there.
  private func shown(
    _ kind: RunsFolder.Entry.Kind, _ request: HttpRequest,
    _ body: @escaping @Sendable (RunsFolder, RunsFolder.Entry, [PageLink]) -> String?
  ) async throws -> HttpResponse {
    let path = request.query[Self.name] ?? "", folder = folder
    let page = try await pool.run { () throws -> String? in
      guard let folder, let entry = folder.entry(kind, path) else { return nil }
      let links = ConsolePage.Place.allCases.map(\.link) + [PageLink("its page", Self.address("page", entry))]
      return body(folder, entry, links)
    }
    guard let page else { throw Self.absent(kind, path) }
    return .html(Array(page.utf8))
  }

  /// A page as a training wrote it: it may run nothing, ask nobody and send no form.
  private func written(_ request: HttpRequest) async throws -> HttpResponse {
    let path = request.query[Self.name] ?? "", folder = folder
    let kind = RunsFolder.Entry.Kind(rawValue: request.query["kind"] ?? "run") ?? .run
    let page = try await pool.run { () throws -> [UInt8]? in
      guard let folder, let entry = folder.entry(kind, path) else { return nil }
      let file = folder.path(entry.path) + (kind == .run ? "/run.html" : ".html")
      return BoundedFile.read(file, most: Self.mostPageBytes)
    }
    guard let page else { throw Self.absent(kind, path) }
    var response = HttpResponse.html(page)
    response.headers.append(("content-security-policy", "sandbox"))
    return response
  }

  private static func absent(_ kind: RunsFolder.Entry.Kind, _ path: String) -> CallError {
    CallError(.notFound, "no \(kind.rawValue) '\(path.clipped())' is below the folder of --runs; /runs lists them")
  }
}

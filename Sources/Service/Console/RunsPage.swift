import DitherReports
import Foundation

/// The records of trainings, newest first.
struct RunsPage {
  /// One record, with what is said of it.
  struct Row {
    var entry: RunsFolder.Entry
    var title: String
    var words: String
  }
  /// nil: the server was told of no folder.
  var rows: [Row]?
  /// Records that have no row.
  var more = 0
  /// Whether the whole folder was looked at.
  var isWhole = true

  /// Rows: with more the page would be above 100 kB.
  static let mostRows = 100

  var html: Html {
    ConsolePage.html("Dither: training", at: .runs, "<h1>Training</h1>\n\(list)")
  }

  private var list: Html {
    guard let rows else {
      return
        "<p>Runs and sweeps are shown where the server is told of their folder: <code>dither serve --runs DIR</code></p>"
    }
    let rest: Html? = more > 0 ? "<p>\(more) more are older.</p>" : nil
    let cut: Html? =
      isWhole ? nil : "<p>The folder has more than is looked at: name a smaller one with <code>--runs</code>.</p>"
    let table = ConsolePage.table(
      ["record", "kind", "standing", "changed", "page"], rows.map(cells),
      none: "Nothing here yet: <code>dither train RECIPE --out DIR</code>")
    return "\(table)\(rest)\(cut)"
  }

  private func cells(_ row: Row) -> [Html] {
    let entry = row.entry, page = RunRoutes.address("page", entry)
    // A study's own page is all that is shown of it.
    let title: Html =
      entry.kind == .study
      ? "<a href=\"\(page)\">\(row.title)</a>"
      : "<a href=\"\(RunRoutes.address(entry.kind.rawValue, entry))\">\(row.title)</a>"
    return [
      title, "\(entry.kind.rawValue)", "\(row.words)", ConsolePage.time(entry.changedMilliseconds),
      entry.kind == .study ? "" : "<a href=\"\(page)\" aria-label=\"Page of \(row.title)\">its page</a>",
    ]
  }
}

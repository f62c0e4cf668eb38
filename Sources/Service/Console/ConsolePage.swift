import DitherReports
import DitherStore
import Foundation

/// The frame of all pages of the console, and the parts that several have.
enum ConsolePage {
  /// Where all pages lead to.
  enum Place: String, CaseIterable {
    case index = "/"
    case glance = "/glance"
    case runs = "/runs"

    var title: String {
      switch self {
      case .index: "Models and audits"
      case .glance: "At a glance"
      case .runs: "Training"
      }
    }

    var link: PageLink { PageLink(title, rawValue) }
  }

  /// - Parameters:
  ///   - isScripted: whether it has what `ConsoleScript` makes live. Without a script it is whole all the same.
  ///   - place: the page itself, where it is one that all lead to.
  static func html(_ title: String, isScripted: Bool = false, at place: Place? = nil, _ body: Html) -> Html {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(title)</title>
    <style>\(style)</style>\(isScripted ? "\n<script src=\"/console.js\" defer></script>" : "" as Html)
    </head>
    <body>
    \(navigation(at: place))
    <main>
    \(body)
    </main>
    </body>
    </html>
    """
  }

  private static func navigation(at place: Place?) -> Html {
    let links = Place.allCases.map { one -> Html in
      let current: Html? = one == place ? " aria-current=\"page\"" : nil
      return "<a href=\"\(one.rawValue)\"\(current)>\(one.title)</a> "
    }
    return "<nav aria-label=\"Console\">\(links)</nav>"
  }

  /// Two audits with reports to be compared; nil of fewer.
  static func comparison(of audits: [Job]) -> Html? {
    let done = audits.filter { $0.state == .done }
    guard done.count > 1 else { return nil }
    return """
      <form method="get" action="/compare" aria-label="Compare two audits"><p>
      <label>Compare audit <input name="a" list="done" value="\(done[1].id)" required></label>
      <label>with <input name="b" list="done" value="\(done[0].id)" required></label> <button type="submit">Compare</button>
      <datalist id="done">\(done.map { "<option value=\"\($0.id)\">\($0.subject)</option>" as Html })</datalist></p></form>
      """
  }

  static func time(_ milliseconds: Int64) -> Html {
    let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    return "<time datetime=\"\(date)\">\(date.replacing("T", with: " ").replacing("Z", with: " UTC"))</time>"
  }

  /// As many as there are, with three digits, never in powers of ten.
  static func number(_ value: Double) -> String {
    abs(value) >= 1000 ? String(format: "%.0f", value) : String(format: "%.3g", abs(value) < 1e-4 ? 0 : value)
  }

  /// `4.38 s`, `7.5 ms`.
  static func duration(_ seconds: Double) -> String {
    seconds < 1 ? "\(number(seconds * 1e3)) ms" : "\(number(seconds)) s"
  }

  static func table(_ titles: [String], _ rows: [[Html]], none: Html) -> Html {
    if rows.isEmpty { return "<p>\(none)</p>" }
    let head = titles.map { "<th scope=\"col\">\($0)</th>" as Html }
    // On a telephone a row is a block, in which each cell but the first says its column's name.
    let body = rows.map { row -> Html in
      let cells = row.enumerated().map { at, cell -> Html in
        at == 0 || at >= titles.count ? "<td>\(cell)</td>" : "<td data-l=\"\(titles[at])\">\(cell)</td>"
      }
      return "<tr>\(cells)</tr>"
    }
    return """
      <div class="wide" tabindex="0" role="region" aria-label="Table: \(titles.first ?? "")"><table><thead><tr>\(head)</tr></thead><tbody>
      \(Html(joining: body, by: "\n"))
      </tbody></table></div>
      """
  }

  /// `stage=trial, owner=us`.
  static func tags(of version: ModelVersion) -> String {
    version.description.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
  }

  /// Audits, in their order.
  static func table(of audits: [Job], none: Html) -> Html {
    table(
      ["audit", "model", "battery", "state", "started"],
      audits.map { job in
        let battery = (try? AuditSpec(job)).map {
          $0.battery.isEmpty ? $0.probes.map(\.probe).joined(separator: ", ") : $0.battery
        }
        let isShown = job.state == .done || !job.state.isFinal
        return [
          isShown ? "<a href=\"/audits/\(job.id)\">\(job.id)</a>" : "\(job.id)", "\(job.subject)", "\(battery ?? "")",
          "<span class=\"\(job.state.rawValue)\">\(job.state.rawValue)</span> \(job.reason)",
          time(job.createdMilliseconds),
        ]
      }, none: none)
  }

  private static let style: Html = """
    :root { color-scheme: light dark; --paper: #fff; --ink: #111; --line: #8884; --quiet: #666; --accent: #2563eb; --bar: #2563eb33;
      --bad: #b93a0a }
    @media (prefers-color-scheme: dark) { :root { --paper: #121212; --ink: #eee; --accent: #7aa7ff; --quiet: #a0a0a0; --bar: #7aa7ff44;
      --bad: #ff9a6b } }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
    main { max-width: 72rem; margin: 0 auto; padding: 1rem }
    nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; max-width: 72rem; margin: 0 auto; padding: 1rem 1rem 0 }
    nav a[aria-current] { color: inherit; font-weight: 700 }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
    .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(16rem, 100%), 1fr)); gap: 1rem 1.5rem }
    figure { margin: 0 } figcaption { color: var(--quiet) } figcaption span { display: block; font-size: .85rem }
    figure svg { width: 100%; height: auto } figure rect { fill: var(--accent) } figure line { stroke: var(--line) }
    figure text { fill: currentColor; font-size: 11px } .trend { max-width: 30rem }
    .trend polyline { fill: none; stroke: var(--accent); stroke-width: 2 } .trend circle { fill: var(--accent) }
    h1 { font-size: 1.6rem; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin-top: 2.5rem }
    .wide { overflow-x: auto }
    table { border-collapse: collapse; width: 100% }
    th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line) }
    td:first-child, td code { overflow-wrap: anywhere }
    th, time, p { color: var(--quiet); font-weight: 500 }
    a { color: var(--accent) }
    .failed { color: var(--bad) } .running, .queued { color: var(--accent) }
    form p { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: center; margin: .5rem 0 }
    input, textarea, select, button { box-sizing: border-box; font: inherit; padding: .3rem .5rem; max-width: 100% }
    input[type=number] { width: 6rem } textarea { width: min(40rem, 100%) }
    canvas { background: #000; touch-action: none; border: 1px solid var(--line); max-width: 100% }
    .try { display: flex; flex-wrap: wrap; gap: 1.5rem } .try > * { min-width: 0 }
    .answer { flex: 1 1 22rem } .answer dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem }
    .answer dt { color: var(--quiet) } .answer dd { margin: 0 }
    .bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .15rem .7rem; align-items: center }
    .bars i { display: block; position: relative; height: 1rem; background: var(--bar) }
    .bars i b { position: absolute; top: .4rem; height: .2rem; background: var(--accent) }
    .bars .best { font-weight: 700 } progress { width: min(30rem, 100%) }
    pre { white-space: pre-wrap; overflow-wrap: anywhere } p code { display: inline-block; max-width: 100% }
    @media (max-width: 1000px) { th, td { padding-right: .5rem } }
    @media (max-width: 700px) {
      table, tbody, tr, td { display: block } thead, td:empty { display: none }
      tr { padding: .5rem 0; border-bottom: 1px solid var(--line) }
      td { border: 0; padding: .1rem 0; overflow-wrap: anywhere }
      td[data-l]::before { content: attr(data-l) ": "; color: var(--quiet) }
    }
    """
}

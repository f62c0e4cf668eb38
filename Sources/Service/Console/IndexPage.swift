import DitherReports
import DitherStore
import Foundation

/// The console's first page: models and audits, newest first. No scripts, nothing from elsewhere.
struct IndexPage {
  var models: [ModelVersion]
  var audits: [Job]

  var html: Html {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Dither</title>
    <style>\(Self.style)</style>
    </head>
    <body>
    <main>
    <h1>Dither</h1>
    <section aria-labelledby="models">
    <h2 id="models">Models</h2>
    \(table(["model", "aliases", "input", "classes", "noise", "digest", "published"], models.map(cells), none: "No models yet: <code>dither upload model.onnx</code>"))
    </section>
    <section aria-labelledby="audits">
    <h2 id="audits">Audits</h2>
    \(table(["audit", "model", "battery", "state", "started"], audits.map(cells), none: "No audits yet: <code>dither audit MODEL --battery smoke</code>"))
    <p>Reports are signed: <code>dither verify REPORT --key</code> with <a href="/report-key.pub.pem">this server's key</a>.</p>
    </section>
    </main>
    </body>
    </html>
    """
  }

  private func cells(_ version: ModelVersion) -> [Html] {
    let signature = SignatureRecord(json: version.model.signature)
    return [
      "<strong>\(version.name)</strong>@\(version.version)", "\(version.aliases.joined(separator: ", "))",
      "\(signature?.inputShape.map(String.init).joined(separator: " × ") ?? "")",
      signature.map { $0.classes > 0 ? "\($0.classes)" : "\($0.task ?? "regression")" } ?? "",
      version.model.noise.isEmpty ? "" : "yes",
      "<code>\(String(version.blob.hex.prefix(12)))</code>", time(version.createdMilliseconds),
    ]
  }

  private func cells(_ job: Job) -> [Html] {
    let battery = (try? AuditSpec(job)).map {
      $0.battery.isEmpty ? $0.probes.map(\.probe).joined(separator: ", ") : $0.battery
    }
    return [
      job.state == .done ? "<a href=\"/audits/\(job.id)\">\(job.id)</a>" : "\(job.id)", "\(job.subject)",
      "\(battery ?? "")", "<span class=\"\(job.state.rawValue)\">\(job.state.rawValue)</span> \(job.message)",
      time(job.createdMilliseconds),
    ]
  }

  private func time(_ milliseconds: Int64) -> Html {
    let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    return "<time datetime=\"\(date)\">\(date.replacing("T", with: " ").replacing("Z", with: " UTC"))</time>"
  }

  private func table(_ titles: [String], _ rows: [[Html]], none: Html) -> Html {
    if rows.isEmpty { return "<p>\(none)</p>" }
    let head = titles.map { "<th scope=\"col\">\($0)</th>" as Html }
    let body = rows.map { row in "<tr>\(row.map { "<td>\($0)</td>" as Html })</tr>" as Html }
    return """
      <div class="wide"><table><thead><tr>\(head)</tr></thead><tbody>
      \(Html(joining: body, by: "\n"))
      </tbody></table></div>
      """
  }

  static let style: Html = """
    :root { color-scheme: light dark; --line: #8884; --quiet: #777; --accent: #2563eb }
    @media (prefers-color-scheme: dark) { :root { --accent: #7aa7ff; --quiet: #999 } }
    body { margin: 0; font: 15px/1.5 system-ui, sans-serif }
    main { max-width: 72rem; margin: 0 auto; padding: 2rem 1rem }
    h1 { font-size: 1.6rem } h2 { font-size: 1.1rem; margin-top: 2.5rem }
    .wide { overflow-x: auto }
    table { border-collapse: collapse; width: 100% }
    th, td { text-align: left; padding: .45rem .8rem .45rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
    th, time, p { color: var(--quiet); font-weight: 500 }
    a { color: var(--accent) }
    .failed { color: #c2410c } .running, .queued { color: var(--accent) }
    """
}

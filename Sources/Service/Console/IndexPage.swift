import DitherReports
import DitherStore
import Foundation

/// The console's first page: models and audits, newest first. No scripts, nothing from elsewhere.
struct IndexPage {
  var models: [ModelVersion]
  var audits: [Job]

  var html: Html {
    ConsolePage.html(
      "Dither",
      """
      <h1>Dither</h1>
      <section aria-labelledby="models">
      <h2 id="models">Models</h2>
      \(ConsolePage.table(["model", "aliases", "input", "classes", "noise", "digest", "published"], models.map(cells), none: "No models yet: <code>dither upload model.onnx</code>"))
      </section>
      <section aria-labelledby="audits">
      <h2 id="audits">Audits</h2>
      \(ConsolePage.table(of: audits, none: "No audits yet: <code>dither audit MODEL --battery smoke</code>"))
      <p>Reports are signed: <code>dither verify REPORT --key</code> with <a href="/report-key.pub.pem">this server's key</a>.</p>
      </section>
      """)
  }

  private func cells(_ version: ModelVersion) -> [Html] {
    let signature = SignatureRecord(json: version.model.signature)
    return [
      "<a href=\"/models/\(version.name)\"><strong>\(version.name)</strong>@\(version.version)</a>",
      "\(version.aliases.joined(separator: ", "))",
      "\(signature?.inputShape.map { $0 < 0 ? "any" : "\($0)" }.joined(separator: " × ") ?? "")",
      signature.map { $0.classes > 0 ? "\($0.classes)" : "\($0.task ?? "regression")" } ?? "",
      version.model.noise.isEmpty ? "" : "yes",
      "<code>\(String(version.blob.hex.prefix(12)))</code>", ConsolePage.time(version.createdMilliseconds),
    ]
  }
}

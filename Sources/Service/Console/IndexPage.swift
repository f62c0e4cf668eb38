import DitherGraph
import DitherReports
import DitherStore
import Foundation

/// The console's first page: models and audits, newest first. No scripts, nothing from elsewhere.
package struct IndexPage {
  /// All that there are, newest first.
  private let models: [ModelVersion]
  private let audits: [Job]
  /// Processes that share the database; one alone is not shown.
  private let replicas: [Replica]
  /// A part of the names that are shown; empty: all.
  private let wanted: String
  /// Whether there is a session to end.
  private let isSignedIn: Bool

  /// Versions with a row: with as many audits the page stays below 100 kB.
  package static let mostModels = 100

  /// - Parameters:
  ///   - wanted: a part of the names that are shown; empty: all.
  ///   - isSignedIn: whether there is a session to end.
  package init(
    models: [ModelVersion], audits: [Job], replicas: [Replica] = [], wanted: String = "", isSignedIn: Bool = false
  ) {
    self.isSignedIn = isSignedIn
    (self.models, self.audits, self.replicas) = (models, audits, replicas)
    self.wanted = String(wanted.prefix(64))
  }

  /// The page.
  package var source: String { html.source }

  private var html: Html {
    let found =
      wanted.isEmpty
      ? models
      : models.filter { version in
        version.name.localizedCaseInsensitiveContains(wanted)
          || ConsolePage.tags(of: version).localizedCaseInsensitiveContains(wanted)
      }
    let none: Html =
      models.isEmpty
      ? "No models yet: <code>dither upload model.onnx</code>" : "No model has '\(wanted)' in its name or tags."
    return ConsolePage.html(
      "Dither", at: .index,
      """
      <h1>Dither</h1>
      <section aria-labelledby="models">
      <h2 id="models">Models</h2>
      <form method="get" action="/" role="search"><p><label>A part of a name or tag <input name="q" type="search" value="\(wanted)"></label>
      <button type="submit">Search</button></p></form>
      \(ConsolePage.table(
        ["model", "aliases", "tags", "input", "classes", "noise", "digest", "published"],
        found.prefix(Self.mostModels).map(cells), none: none))
      \(rest(of: found.count))
      </section>
      <section aria-labelledby="audits">
      <h2 id="audits">Audits</h2>
      \(ConsolePage.table(of: audits, none: "No audits yet: <code>dither audit MODEL --battery smoke</code>"))
      \(ConsolePage.comparison(of: audits))
      <p>Reports are signed: <code>dither verify REPORT --key</code> with <a href="/report-key.pub.pem">this server's key</a>.</p>
      \(signOut)
      </section>
      \(ReplicaTable(replicas: replicas).html)
      """)
  }

  private func rest(of count: Int) -> Html? {
    guard count > Self.mostModels else { return nil }
    return "<p>\(count - Self.mostModels) more: search for a part of a name, or <code>dither models list</code>.</p>"
  }

  private var signOut: Html {
    guard isSignedIn else {
      return "<p><a href=\"\(Console.signIn)\">Sign in</a>, to try models and to begin audits.</p>"
    }
    return "<form method=\"post\" action=\"\(Console.signOut)\"><button type=\"submit\">Sign out</button></form>"
  }

  private func cells(_ version: ModelVersion) -> [Html] {
    let signature = SignatureRecord(json: version.model.signature)
    return [
      "<a href=\"/models/\(version.name)\"><strong>\(version.name)</strong>@\(version.version)</a>",
      "\(version.aliases.joined(separator: ", "))", "\(ConsolePage.tags(of: version))",
      "\(signature?.inputShape.map { $0 < 0 ? "any" : "\($0)" }.joined(separator: " × ") ?? "")",
      signature.map { $0.classes > 0 ? "\($0.classes)" : "\($0.task ?? "regression")" } ?? "",
      version.model.noise.isEmpty ? "" : "yes",
      "<code>\(String(version.blob.hex.prefix(12)))</code>", ConsolePage.time(version.createdMilliseconds),
    ]
  }
}

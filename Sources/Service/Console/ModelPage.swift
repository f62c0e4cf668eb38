import DitherGraph
import DitherProto
import DitherReports
import DitherStore
import Foundation

/// A model: to be tried, its versions, what its newest one takes and says of itself, and its audits.
struct ModelPage {
  var name: String
  /// Newest first, at least one.
  var versions: [ModelVersion]
  /// Audits of any of them.
  var audits: [Job]
  /// The findings of those that are done.
  var trend = AuditTrend(entries: [], unread: 0)
  /// Moves of aliases, newest first.
  var moves: [(alias: String, change: AliasChange)] = []
  /// The newest version's.
  var served: ServedFigures
  /// The newest version's; nil: it has none.
  var calibration: Dither_V1_Calibration?

  /// Draws that its calibration was made with, and holds for; nil: it has none.
  private var calibratedSamples: Int? { calibration.map { Int($0.samples) } }

  private var newest: ModelVersion { versions[0] }
  private var signature: SignatureRecord? { SignatureRecord(json: newest.model.signature) }

  var html: Html {
    ConsolePage.html(
      "Dither: \(name)", isScripted: true,
      """
      <h1>\(name)</h1>
      \(trial)
      <section aria-labelledby="versions"><h2 id="versions">Versions</h2>
      \(ConsolePage.table(["version", "aliases", "tags", "digest", "noise", "by", "published", "another alias"], versions.map(cells), none: ""))
      \(history)</section>
      <section aria-labelledby="facts"><h2 id="facts">The newest</h2><div class="answer"><dl>\(facts)</dl></div>
      \(text("Noise", newest.model.noise))\(card)</section>
      \(served.html)
      <section aria-labelledby="audits"><h2 id="audits">Audits</h2>
      \(ConsolePage.table(of: audits, none: "No audits yet."))
      \(trend.html)
      \(ConsolePage.comparison(of: audits))
      <form class="audit" data-model="\(name)"><p><label>Data <input name="data" placeholder="fashion-mnist:100" required></label>
      <label>Battery <select name="battery"><option>smoke</option><option>standard</option><option>full</option></select></label>
      <button type="submit">Audit</button> <span role="status"></span></p></form></section>
      <noscript><p>Trying, moving aliases and beginning audits here takes a script, which this page has of its own;
      <code>dither predict</code>, <code>dither models alias</code> and <code>dither audit</code> do the same.</p></noscript>
      """)
  }

  /// A picture to draw or to choose, or a row of numbers.
  private var trial: Html {
    // A page asks for one row of numbers.
    guard let signature, signature.inputs == nil, signature.inputShape.allSatisfy({ $0 > 0 }) else { return "" }
    let shape = signature.inputShape, isPicture = shape.count == 3 && [1, 3].contains(shape[0])
    let labels = String(decoding: (try? JSONEncoder().encode(signature.labelNames)) ?? Data("[]".utf8), as: UTF8.self)
    let input: Html =
      isPicture
      ? """
      <p><canvas width="280" height="280" role="img" aria-label="A place to draw in with the pointer"></canvas></p>
      <p>Draw here, or choose a picture.</p>
      <p><button type="button" class="clear">Clear</button>
      <label>A picture <input type="file" accept="image/png,image/jpeg"></label>
      <label><input type="checkbox" name="inverted"> dark on light</label></p>
      """
      : "<p><label>A row of \(shape.reduce(1, *)) numbers as the model takes them (its card tells how they are made), with commas<br><textarea name=\"row\" rows=\"3\"></textarea></label></p>"
    return """
      <section aria-labelledby="try"><h2 id="try">Try it</h2>
      <form class="trial try" data-model="\(name)" data-shape="\(shape.map(String.init).joined(separator: ","))" data-labels="\(labels)">
      <div>\(input)
      <p><label>Draws <input name="samples" type="number" min="0" max="4096" value="\(draws)"></label>
      \(calibratedSamples == nil ? "" : "<label>Coverage <input name=\"coverage\" type=\"number\" min=\"0\" max=\"0.99\" step=\"0.01\" value=\"0.9\"></label>" as Html)
      <button type="submit">Predict</button></p></div>
      <div class="answer" role="status" aria-live="polite"></div>
      </form></section>
      """
  }

  /// Draws to begin with.
  private var draws: Int { calibratedSamples ?? (newest.model.noise.isEmpty ? 0 : 64) }

  private var facts: [Html] {
    guard let signature else { return [] }
    var rows: [(String, String)] = [
      (
        signature.allInputs.count == 1 ? "input" : "inputs",
        signature.allInputs.map { input in
          let type = input.element == .float32 ? "" : ", \(input.element)"
          return "\(input.name)\(type), \(input.shape.map { $0 < 0 ? "any" : "\($0)" }.joined(separator: " × "))"
        }.joined(separator: "; ")
      ),
      ("task", signature.task ?? "classification"),
      ("output", Set([signature.outputName, signature.outputKind].compactMap { $0 }).sorted().joined(separator: ", ")),
      ("classes", signature.labelNames.joined(separator: ", ")),
      ("draws where nobody says", "\(newest.model.defaultSamples)"),
      ("size", newest.model.bytes.formatted(.byteCount(style: .file).locale(Locale(identifier: "en_US_POSIX")))),
    ]
    let calibrated = calibration?.facts(names: signature.labelNames).map { ($0.name, $0.words) }
    rows += calibrated ?? [("calibrated", "no")]
    rows.removeAll { $0.1.isEmpty }
    return rows.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }
  }

  private func cells(_ version: ModelVersion) -> [Html] {
    let reference = "\(version.name)@\(version.version)"
    return [
      """
      <strong>\(version.version)</strong> <a href="/models/\(version.name)/\(version.version)/file" \
      aria-label="Download version \(version.version)" download>file</a>
      """,
      "\(version.aliases.joined(separator: ", "))", "\(ConsolePage.tags(of: version))",
      "<code>\(String(version.blob.hex.prefix(12)))</code>", version.model.noise.isEmpty ? "" : "yes",
      "\(version.createdBy)", ConsolePage.time(version.createdMilliseconds),
      """
      <form class="alias" data-model="\(reference)"><input name="alias" aria-label="An alias for version \(version.version)" \
      placeholder="alias" required> <button type="submit">Point here</button> <span role="status"></span></form>
      """,
    ]
  }

  /// Where aliases were.
  private var history: Html? {
    guard !moves.isEmpty else { return nil }
    let rows = moves.map { move -> [Html] in
      [
        "\(move.alias)", move.change.version.map { "version \($0)" } ?? "away, with its version",
        "\(move.change.setBy)", ConsolePage.time(move.change.setMilliseconds),
      ]
    }
    return """
      <details><summary>Moves of aliases</summary>\(ConsolePage.table(["alias", "to", "by", "when"], rows, none: ""))</details>
      """
  }

  /// A card in Markdown by its facts, with its text as it is written; any other as JSON.
  private var card: Html {
    guard let card = ModelCard(json: newest.card) else { return text("Card", newest.card) }
    let facts: [Html] = card.shown.map { "<dt>\($0.key)</dt><dd>\($0.words)</dd>" }
    return """
      <details open><summary>Card</summary><dl>\(facts)</dl><pre><code>\(card.text)</code></pre></details>
      """
  }

  private func text(_ title: String, _ json: String) -> Html {
    guard !json.isEmpty else { return "" }
    let value = (try? JSONSerialization.jsonObject(with: Data(json.utf8)))
      .flatMap { try? JSONSerialization.data(withJSONObject: $0, options: [.prettyPrinted, .sortedKeys]) }
    return """
      <details><summary>\(title)</summary><pre><code>\(value.map { String(decoding: $0, as: UTF8.self) } ?? json)</code></pre></details>
      """
  }
}

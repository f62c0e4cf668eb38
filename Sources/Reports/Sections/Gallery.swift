import DitherRobustness
import Foundation

/// Pictures before and after, as far as there is room.
extension Page {
  /// Bytes that all pictures together may take.
  static let pictureAllowance = 800_000

  func gallery(room: Int) -> Html? {
    let shown = report.probes.compactMap { probe -> (title: String, pictures: [Illustration])? in
      // The strongest of a corruption's severities is enough.
      if let severity = probe.severity, severity < 5 { return nil }
      guard let pictures = probe.illustrations, !pictures.isEmpty else { return nil }
      return (probe.title, pictures)
    }
    guard !shown.isEmpty else { return nil }
    let drawn = pictures(of: shown.map(\.pictures), room: room - shown.reduce(0) { $0 + 100 + $1.title.utf8.count })
    let missing = shown.reduce(0) { $0 + $1.pictures.count } - drawn.reduce(0) { $0 + $1.count }
    let parts = zip(shown, drawn).map { probe, pictures -> Html? in
      pictures.isEmpty ? nil : "<h3>\(probe.title)</h3><div class=\"gallery\">\(pictures)</div><br>"
    }
    let rest: Html? =
      missing == 0
      ? nil
      : """
      <p class="muted">\(missing) more \(missing == 1 ? "picture is" : "pictures are") left out, here and in every other form of the report: the page \
      would grow too large.</p>
      """
    return """
      <section class="card"><p class="muted">Before, the change (gray is none; stretched to full contrast), after.</p>
      \(parts.compactMap { $0 })\(rest)</section>

      """
  }

  /// The first picture of every probe, then the second of every probe, and so on, while there is room.
  private func pictures(of probes: [[Illustration]], room: Int) -> [[Html]] {
    var drawn = probes.map { _ in [Html]() }, room = room
    for round in 0..<(probes.map(\.count).max() ?? 0) {
      for (at, pictures) in probes.enumerated() where round < pictures.count {
        let markup = picture(pictures[round])
        room -= markup.source.utf8.count
        guard room >= 0 else { return drawn }
        drawn[at].append(markup)
      }
    }
    return drawn
  }

  /// Before, the change and after, as base64.
  private func files(of one: Illustration) -> [String] {
    [one.before, one.change, one.after].map {
      Png.encode(planes: $0, channels: one.channels, height: one.height, width: one.width).base64EncodedString()
    }
  }

  private func picture(_ one: Illustration) -> Html {
    let images = zip(files(of: one), ["before", "the change", "after"]).map { file, title -> Html in
      """
      <img alt="Example \(one.index), \(title)" width="\(one.width)" height="\(one.height)" \
      src="data:image/png;base64,\(file)">
      """
    }
    let isBroken = one.label != one.labelAfter
    return """
      <section><div>\(images)</div><p>\(label(one.label)) → <span class="\(isBroken ? "broken" : "kept")">\
      \(label(one.labelAfter))</span></p></section>
      """
  }
}

extension Illustration {
  /// After less before, around gray, the largest change at full contrast.
  var change: Data {
    let differences = zip(after, before).map { Int($0) - Int($1) }, most = max(differences.map(abs).max() ?? 1, 1)
    return Data(differences.map { UInt8(128 + $0 * 127 / most) })
  }
}

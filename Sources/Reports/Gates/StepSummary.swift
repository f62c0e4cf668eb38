import DitherRobustness

extension Report {
  /// The verdict and the gates as Markdown, as GitHub shows it beside a job (`GITHUB_STEP_SUMMARY`). Text of models and
  /// data stays text.
  public func markdown() -> String {
    let subject = version.map { "\(model)@\($0)" } ?? model
    let rows = Verdict(self).rows.map { row in
      let mark =
        switch row.mark {
        case .plain: ""
        case .good: "✓ "
        case .bad: "✗ "
        }
      return
        "| \(Self.plain(row.name)) | \(mark)\(Self.plain(row.value)) | \(Self.plain(row.range)) | \(Self.plain(row.note)) |"
    }
    var lines = [
      "## dither audit: \(Self.plain(subject))", "", "\(n) examples of \(Self.plain(data)), seed \(seed).", "",
      "| | | 95 % | |", "| --- | --- | --- | --- |",
    ]
    lines += rows
    if let gates, !gates.isEmpty {
      lines += ["", "### Gates", "", "| | |", "| --- | --- |"]
      lines += gates.map { "| \($0.passed ? "✓" : "✗") | \(Self.plain($0.message)) |" }
    }
    for group in findingGroups {
      lines += [
        "",
        "**\(group.kind.severity.rawValue): \(Self.plain(group.kind.title))** (\(group.findings.count)). "
          + Self.plain(group.kind.advice),
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Without what Markdown and HTML would act on.
  private static func plain(_ text: String) -> String {
    text.reduce(into: "") { out, character in
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "|", "`", "*", "_", "[", "]", "\\", "#", "~", "!", "@": out += "\\\(character)"
      case let other where other.isNewline: out += " "
      default: out.append(character)
      }
    }
  }
}

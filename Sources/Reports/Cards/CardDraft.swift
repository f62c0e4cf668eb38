import DitherBasics
import Foundation

/// A card from what is known of a model: the record of its training, its signature, its noise, an audit.
public struct CardDraft: Sendable {
  /// The model's, in the registry.
  public var name: String
  /// The owner's words, or the training's, as JSON has them; its keys are kept below `dither`.
  public var record: Setting
  /// An identifier of SPDX's, as Hugging Face writes it: `apache-2.0`.
  public var license: String?
  /// Extents of one example, as [1, 28, 28].
  public var inputShape: [Int]
  /// `classification`, `regression`; nil: not known.
  public var task: String?
  /// The ONNX file's, as `sha256:…`.
  public var digest: String?
  /// An audit of this model.
  public var audit: AuditFigures?

  /// - Parameter record: JSON, an object; anything else is none.
  public init(name: String, record: String = "", inputShape: [Int] = []) {
    self.name = name
    self.inputShape = inputShape
    let value = ModelCard.value(of: record)
    if case .mapping? = value { self.record = value ?? .none } else { self.record = .mapping([:]) }
  }

  private func said(_ key: String) -> Setting? {
    if case .mapping(let members) = record, let value = members[key], value != .none { value } else { nil }
  }
  private func said(_ key: String, of part: String) -> Double? {
    if case .mapping(let members)? = said(part) { members[key]?.asNumber } else { nil }
  }

  private var isRegression: Bool {
    // Its kinds are told by a word before it.
    task?.hasSuffix("regression") ?? false || task == nil && said("root_mean_squared_error", of: "test") != nil
  }

  /// Source: huggingface.co/tasks.
  private var pipeline: String {
    if isRegression { return "tabular-regression" }
    return inputShape.count == 3 ? "image-classification" : "tabular-classification"
  }

  /// Numbers of the test part: the record's key, the metric's name, words for people.
  private static let metrics: [(key: String, type: String, words: String)] = [
    ("accuracy", "accuracy", "accuracy"), ("noisy_accuracy", "accuracy", "accuracy with its noise"),
    ("negative_log_likelihood", "negative_log_likelihood", "negative log-likelihood, nats"),
    (
      "noisy_negative_log_likelihood", "negative_log_likelihood",
      "negative log-likelihood with its noise, nats"
    ),
    ("expected_calibration_error", "expected_calibration_error", "expected calibration error, 15 bins"),
    ("root_mean_squared_error", "rmse", "root-mean-square error"),
    ("noisy_root_mean_squared_error", "rmse", "root-mean-square error with its noise"),
    ("interval_coverage", "interval_coverage", "share of true values in the interval of 95 %"),
  ]

  private var measured: [(type: String, words: String, value: Double)] {
    Self.metrics.compactMap { metric in said(metric.key, of: "test").map { (metric.type, metric.words, $0) } }
  }

  /// The card.
  public var card: ModelCard {
    let measured = measured, data = said("data")?.asText
    var facts = [
      ModelCard.Fact("license", .text(license ?? "unknown")), .init("library_name", .text("dither")),
      .init("pipeline_tag", .text(pipeline)),
      .init("tags", .list(["dither", "onnx", "uncertainty", "robustness"].map { .text($0) })),
    ]
    if let data { facts.append(.init("datasets", .list([.text(data)]))) }
    if !measured.isEmpty {
      var types: [String] = []
      for metric in measured where !types.contains(metric.type) { types.append(metric.type) }
      facts.append(.init("metrics", .list(types.map { .text($0) })))
      facts.append(.init("model-index", .list([index(measured, data ?? "unknown")])))
    }
    facts.append(.init("dither", own))
    return ModelCard(facts: facts, text: text(measured, data))
  }

  private func index(_ measured: [(type: String, words: String, value: Double)], _ data: String) -> Setting {
    .mapping([
      "name": .text(name),
      "results": .list([
        .mapping([
          "task": .mapping(["type": .text(pipeline)]),
          "dataset": .mapping(["type": .text(data), "name": .text(data), "split": .text("test")]),
          "metrics": .list(
            measured.map {
              .mapping(["type": .text($0.type), "name": .text($0.words), "value": .number($0.value)])
            }),
        ])
      ]),
    ])
  }

  private var own: Setting {
    var members: [String: Setting] = [:]
    if case .mapping(let said) = record { members = said }
    if let digest { members["digest"] = .text(digest) }
    if let audit { members["audit"] = audit.facts }
    return .mapping(members)
  }

  // MARK: the text

  private func text(_ measured: [(type: String, words: String, value: Double)], _ data: String?) -> String {
    var parts = ["# \(Self.plain(name))"]
    if let summary = said("summary")?.asText, !summary.isEmpty { parts.append(summary) }
    parts.append(
      """
      ## Use
      ```
      dither upload \(name).onnx --card \(name).card.md
      dither predict \(name) --input EXAMPLE --samples 64
      ```
      """)
    if let inputs { parts.append(inputs) }
    parts.append(training(data))
    if !measured.isEmpty {
      let rows = measured.map {
        "| \($0.words) | \(String(format: "%.4g", $0.value)) |"
      }
      parts.append(
        "## Figures\nOn the test part.\n\n| measure | value |\n| --- | --- |\n" + rows.joined(separator: "\n"))
    }
    parts.append(audit?.section ?? "## Audit\nNone: how this model breaks was not measured.")
    parts.append(limits)
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// A table's model takes numbers that were made of its columns: other numbers are answered with nonsense.
  private var inputs: String? {
    guard case .list(let items)? = said("features"), !items.isEmpty else { return nil }
    let rows = items.enumerated().map { "| \($0 + 1) | \(Self.plain($1.asText ?? "")) |" }
    return "## Inputs\nA row is these numbers, in this order; as columns are written, unscaled, they are not.\n\n"
      + "| number | made of |\n| --- | --- |\n" + rows.joined(separator: "\n")
  }

  private func training(_ data: String?) -> String {
    var words: [String] = []
    if let data { words.append("Data: `\(Self.plain(data))`.") }
    for (key, title) in [
      ("training_examples", "Examples"), ("epochs", "Epochs"), ("seed", "Seed"), ("parameters", "Parameters"),
    ] {
      // An owner's card may say anything.
      if let count = said(key)?.asNumber { words.append("\(title): \(String(format: "%.0f", count)).") }
    }
    if let software = said("software")?.asText { words.append("Made by \(Self.plain(software)).") }
    let known = words.isEmpty ? "Nothing is recorded of how it was made." : words.joined(separator: " ")
    let recipe = said("recipe")?.asText.map { "\n\nThe recipe:\n```yaml\n\($0.hasSuffix("\n") ? $0 : $0 + "\n")```" }
    return "## Training\n\(known)\(recipe ?? "")"
  }

  private var limits: String {
    var lines = [
      "The figures are of data like those that are named here. On other data they say nothing, and its uncertainty is a tendency there, no guarantee."
    ]
    if audit == nil {
      lines.append("It may be fooled by small changes of its input: that was not tried.")
    } else {
      lines.append("An audit finds what its attacks find: a stronger one may break what these did not.")
    }
    if license == nil { lines.append("No license was stated.") }
    return "## Limits\n" + lines.map { "* \($0)" }.joined(separator: "\n")
  }

  /// Without what Markdown would take for its own.
  static func plain(_ text: String) -> String {
    String(text.clipped(to: 200).filter { !"`|\n<>".contains($0) })
  }
}

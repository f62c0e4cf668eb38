import DitherBasics
import DitherRobustness
import Foundation

/// An audit, as a card tells of it: which report, and what it found.
public struct AuditFigures: Sendable, Equatable {
  /// An attack and what it left.
  public struct Attack: Sendable, Equatable {
    /// As `pgd`, with its ball.
    public var name: String
    /// The share of examples that stay right.
    public var robust: Double
    /// 95 %, where it is known.
    public var interval: [Double]

    /// - Parameters:
    ///   - robust: the share of examples that stay right.
    ///   - interval: of it, or none.
    public init(name: String, robust: Double, interval: [Double]) {
      (self.name, self.robust, self.interval) = (name, robust, interval)
    }
  }

  /// The audit's id, and the battery where one was named.
  public var id: String, battery: String
  /// When it was begun, as ISO 8601.
  public var date: String
  /// SHA-256 of the report's JSON, as it is downloaded.
  public var digest: String
  /// The data's name, and how many examples.
  public var data: String, examples: Int
  /// The share of unchanged examples that are right; nil where it was not measured.
  public var clean: Double?
  /// In the report's order.
  public var attacks: [Attack]

  /// - Parameters:
  ///   - report: the JSON of a report.
  ///   - date: ISO 8601.
  /// - Returns: nil where it is no report.
  public init?(id: String, battery: String, date: String, report: [UInt8]) {
    guard case .mapping(let root)? = try? JSONDecoder().decode(Setting.self, from: Data(report)),
      case .list(let probes)? = root["probes"]
    else { return nil }
    (self.id, self.battery, self.date) = (id, battery, date)
    digest = "sha256:\(Sha256.hash(report).hex)"
    data = root["data"]?.asText ?? ""
    examples = root["n"]?.asNumber.flatMap { Int(exactly: $0) } ?? 0
    let maps = probes.compactMap { probe -> [String: Setting]? in
      if case .mapping(let map) = probe { map } else { nil }
    }
    clean = maps.lazy.compactMap { $0["clean_accuracy"]?.asNumber }.first
    attacks = maps.compactMap { map in
      guard map["kind"]?.asText == "attack", let name = map["probe"]?.asText,
        let robust = map["robust_accuracy"]?.asNumber
      else { return nil }
      var ball = ""
      if case .mapping(let parameters)? = map["parameters"] {
        let words = [
          parameters["norm"]?.asText, parameters["epsilon"]?.asNumber.map { "epsilon \(Setting.number($0))" },
        ]
        ball = words.compactMap { $0 }.joined(separator: ", ")
      }
      var interval: [Double] = []
      if case .list(let ends)? = map["interval"] { interval = ends.compactMap(\.asNumber) }
      return Attack(name: ball.isEmpty ? name : "\(name) (\(ball))", robust: robust, interval: interval)
    }
  }

  /// For the YAML part.
  var facts: Setting {
    var members: [String: Setting] = [
      "id": .text(id), "battery": .text(battery), "date": .text(date), "report_digest": .text(digest),
      "data": .text(data), "examples": .number(Double(examples)),
      "attacks": .list(
        attacks.map { .mapping(["name": .text($0.name), "robust_accuracy": .number($0.robust)]) }),
    ]
    if let clean { members["clean_accuracy"] = .number(clean) }
    return .mapping(members)
  }

  /// For the text.
  var section: String {
    let battery = battery.isEmpty ? "Named probes" : "The battery \(CardDraft.plain(battery))"
    var text = """
      ## Audit
      \(battery) on \(examples) examples of `\(CardDraft.plain(data))`, begun \(date): audit `\(CardDraft.plain(id))`, whose report has the digest `\(digest)`.
      """
    if let clean { text += " Unchanged examples: \(Written.percent(clean)) right." }
    guard !attacks.isEmpty else { return text + " No attack was among its probes." }
    let rows = attacks.map { attack in
      let ends = attack.interval.map(Written.percent), interval = ends.count == 2 ? ends.joined(separator: " to ") : "–"
      return "| \(CardDraft.plain(attack.name)) | \(Written.percent(attack.robust)) | \(interval) |"
    }
    return text + "\n\n| attack | still right | 95 % interval |\n| --- | --- | --- |\n" + rows.joined(separator: "\n")
  }
}

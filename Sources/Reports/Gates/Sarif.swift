import DitherRobustness
import Foundation

extension Report {
  /// Its gates and findings as results of a static analysis, as code hosts show them. Source: SARIF 2.1.0 (OASIS).
  public func sarif() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(Sarif(self))
  }
}

/// The parts of SARIF 2.1.0 that gates and findings need, by its names.
private struct Sarif: Encodable {
  struct Text: Encodable { var text: String }
  struct Rule: Encodable {
    var id: String
    var shortDescription: Text
    var help: Text
  }
  struct Driver: Encodable {
    var name = "dither"
    var semanticVersion: String?
    var rules: [Rule]
  }
  struct Tool: Encodable { var driver: Driver }
  struct Artifact: Encodable { var uri: String }
  struct Region: Encodable { var startLine = 1 }
  struct Physical: Encodable {
    var artifactLocation: Artifact
    var region = Region()
  }
  struct Location: Encodable { var physicalLocation: Physical }
  struct Result: Encodable {
    var ruleId: String
    /// `pass` and `fail`; a level other than `none` belongs to `fail` alone.
    var kind: String
    var level: String
    var message: Text
    var locations: [Location]
  }
  struct Run: Encodable {
    var tool: Tool
    var results: [Result]
  }

  var schema = "https://json.schemastore.org/sarif-2.1.0.json"
  var version = "2.1.0"
  var runs: [Run]

  private enum CodingKeys: String, CodingKey {
    case schema = "$schema"
    case version, runs
  }

  init(_ report: Report) {
    let gates = report.gates ?? [], groups = report.findingGroups
    // A model of the registry is no file: a path of its name stands for it.
    let path = report.version.map { "models/\(report.model)@\($0)" } ?? report.model
    let uri = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? "model"
    let places = [Location(physicalLocation: Physical(artifactLocation: Artifact(uri: uri)))]
    var rules = groups.map {
      Rule(id: $0.kind.name, shortDescription: Text(text: $0.kind.title), help: Text(text: $0.kind.advice))
    }
    if !gates.isEmpty {
      rules.insert(
        Rule(
          id: "gate", shortDescription: Text(text: "A bound that the model must keep"),
          help: Text(text: "Change the model, or the gate.")), at: 0)
    }
    let judged = gates.map { gate in
      Result(
        ruleId: "gate", kind: gate.passed ? "pass" : "fail", level: gate.passed ? "none" : "error",
        message: Text(text: gate.message), locations: places)
    }
    let found = groups.flatMap { group in
      group.sentences.map { message, probes in
        let more = probes.count > 3 ? " and \(probes.count - 3) more" : ""
        return Result(
          ruleId: group.kind.name, kind: "fail", level: group.kind.severity == .low ? "note" : "warning",
          message: Text(text: "\(message) (\(probes.prefix(3).joined(separator: ", "))\(more)) \(group.kind.advice)"),
          locations: places)
      }
    }
    // `dither 0.1.0, sources …`
    let number = report.code?.split(separator: " ").dropFirst().first.map { $0.filter { $0 != "," } }
    runs = [Run(tool: Tool(driver: Driver(semanticVersion: number, rules: rules)), results: judged + found)]
  }
}

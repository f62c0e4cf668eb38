import DitherBasics
import DitherTensor
import Foundation

/// A probe as a person asks for it: a name and some parameters.
public struct ProbeSpec: Codable, Sendable, Hashable {
  /// Its name in the catalog.
  public var probe: String
  public var parameters: [String: String]

  public init(_ probe: String, _ parameters: [String: String] = [:]) {
    self.probe = probe
    self.parameters = parameters
  }

  /// As the command line writes it: `pgd:norm=linf,epsilon=8/255,steps=20`.
  public init(parsing text: String) throws(RobustnessError) {
    let place = "probe \(String(text.prefix { $0 != ":" }).trimmingCharacters(in: .whitespaces).clipped())"
    let form = "name=value, separated by commas", advice = "write it as pgd:norm=linf,epsilon=8/255,steps=20"
    let words: OptionWords
    do { words = try OptionWords(parsing: text, at: place, form: form) } catch {
      throw RobustnessError(
        .parameter, at: error.place, expected: error.expected, got: error.got,
        advice: error.expected == form ? advice : error.advice)
    }
    guard !words.name.contains(",") else {
      let names = words.name.split(separator: ",").map { "--probe \($0.trimmingCharacters(in: .whitespaces))" }
      throw RobustnessError(
        .parameter, at: place, expected: "one probe", got: "'\(words.name.clipped())'",
        advice: "ask for each on its own: \(names.joined(separator: " ").clipped())")
    }
    if let word = words.word {
      throw RobustnessError(.parameter, at: place, expected: form, got: "'\(word.clipped())'", advice: advice)
    }
    self.init(words.name, words.values.compactMapValues(\.asText))
  }

  /// As the command line writes it.
  public var text: String {
    let list = parameters.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: ",")
    return list.isEmpty ? probe : "\(probe):\(list)"
  }

  /// The same with every parameter, those that were left out by their defaults.
  public var wholeText: String {
    guard let probe = try? resolved() else { return text }
    let all = ParameterValue.all(of: probe).mapValues(\.description)
    return ProbeSpec(self.probe, all.merging(parameters) { $1 }).text
  }

  /// A probe's own seed in an audit. By its name alone: its conditions differ in nothing but the condition, and its
  /// results do not depend on what else is in the audit.
  static func seed(of probe: String, in seed: UInt64) -> UInt64 {
    // FNV-1a.
    let hash = probe.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    return mixSeed(seed, hash)
  }

  /// - Throws: for unknown probes, unknown keys and values out of range, by their names.
  public func resolved() throws -> any Probe {
    try Catalog<ProbeKind>.probes.entry(named: probe).probe(parameters)
  }
}

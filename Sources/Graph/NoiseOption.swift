import DitherBasics
import Foundation

extension NoiseTerm {
  /// A term as the command line writes it: `SITE:DISTRIBUTION,key=value,…`, as `weights:gaussian,sigma=0.03`. The keys
  /// and words are those of recipes; without a distribution it is Gaussian.
  /// - Parameter place: where it was found, for messages.
  /// - Throws: naming the key that is unknown, missing or does not fit, with the nearest known one.
  public init(parsing text: String, at place: String) throws(GraphError) {
    var map: [String: Setting]
    do throws(CatalogError) {
      let words = try OptionWords(
        parsing: text, at: place, form: "SITE:DISTRIBUTION,key=value,…, as weights:gaussian,sigma=0.03")
      map = words.values
      for (key, value) in [("site", words.name), ("distribution", words.word)] {
        guard let value else { continue }
        guard map.updateValue(.text(value), forKey: key) == nil else {
          throw CatalogError(.unknownKey, at: "\(place), '\(key)'", expected: "one value", got: "two")
        }
      }
    } catch {
      throw GraphError(.noise, at: error.place, expected: error.expected, got: error.got, advice: error.advice)
    }
    try self.init(.mapping(map), at: place)
  }

  /// The term as a command line writes it: `init(parsing:at:)` reads the same. A schedule has no words here, nor has
  /// noise that is served one.
  public var option: String {
    guard case .mapping(var map) = setting else { return "" }
    for key in ["site", "distribution", "schedule"] { map[key] = nil }
    if scale == .absolute { map["scale"] = nil }
    let values = map.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return "\(site.name):" + ([distribution] + values).joined(separator: ",")
  }
}

extension NoiseModel {
  /// Bytes of one term as it is written, at most.
  public static let longestOption = 1024

  /// The terms as a command line writes them; members, which no option has, are told in words behind them.
  public var options: [String] { terms.map(\.option) + NoiseModel([], members: members).summary }

  /// Whether there are as few terms, each as short, as a model may have: before anything is made of them.
  /// - Throws: where there are more, or one is longer.
  public static func check(options: [String], at place: String = "--noise") throws(GraphError) {
    guard options.count <= termLimit else {
      throw GraphError(.noise, at: place, expected: "at most \(termLimit) terms", got: "\(options.count)")
    }
    if let long = options.firstIndex(where: { $0.utf8.count > longestOption }) {
      throw GraphError(
        .noise, at: "\(place), term \(long + 1)", expected: "at most \(longestOption) bytes",
        got: "\(options[long].utf8.count)")
    }
  }

  /// The word that stands for ``Graph/ownDropout()``.
  public static let ownDropout = NoiseSite.dropout.name

  /// The terms that a command line or a request gives for a graph, one after the other.
  /// - Parameters:
  ///   - options: each a term (``NoiseTerm/init(parsing:at:)``), or `dropout` for the dropout of the file's own nodes.
  ///   - place: the option's name, for messages.
  /// - Throws: where an option is no term, or the graph has no place for one.
  public init(parsing options: [String], of graph: Graph, at place: String = "--noise") throws(GraphError) {
    try Self.check(options: options, at: place)
    var terms: [NoiseTerm] = []
    for text in options {
      if text == Self.ownDropout {
        terms += try graph.ownDropout()
      } else {
        terms.append(try NoiseTerm(parsing: text, at: "\(place) \(text.clipped())"))
      }
    }
    self.init(terms)
    try validate(at: place)
    // Served is what the schedule ends with.
    for term in terms where !term.site.isServed || !term.settled.isActive {
      let advice = term.isActive ? "its schedule ends at 0: leave the schedule out" : "give it a strength above 0"
      throw GraphError(
        .noise, at: place, expected: "noise that a model is served with", got: term.summary,
        advice: term.site.isServed ? advice : "\(term.site.name) are of the training alone")
    }
    try checkSites(in: graph.foldingComputedWeights() ?? graph)
  }

  /// As a file's metadata has it: one line, keys in their order.
  /// - Throws: where it is no model of noise.
  public func json() throws -> String {
    try validate()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

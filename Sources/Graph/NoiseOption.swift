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
}

extension NoiseModel {
  /// The word that stands for ``Graph/ownDropout()``.
  public static let ownDropout = NoiseSite.dropout.name

  /// The terms that a command line gives for a graph, one after the other.
  /// - Parameters:
  ///   - options: each a term (``NoiseTerm/init(parsing:at:)``), or `dropout` for the dropout of the file's own nodes.
  ///   - place: the option's name, for messages.
  /// - Throws: where an option is no term, or the graph has no place for one.
  public init(parsing options: [String], of graph: Graph, at place: String = "--noise") throws(GraphError) {
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
    for term in terms where !term.site.isServed || !term.isActive {
      throw GraphError(
        .noise, at: place, expected: "noise that a model is served with", got: term.summary,
        advice: term.site.isServed ? "give it a strength above 0" : "\(term.site.name) are of the training alone")
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

import DitherBasics
import DitherGraph
import DitherTensor

/// A way to choose noise for a trained model on data: a candidate of ``NoiseTuning``. Its properties are its
/// parameters.
public protocol NoiseCandidate: Codable, Sendable {
  /// Its name on the command line and in tables.
  static var name: String { get }
  init()
  /// - Parameters:
  ///   - trials: the model and the examples; it answers what noise is worth.
  ///   - part: the examples to choose on, and no others.
  /// - Returns: nil where the model has no place for it.
  func fit(_ trials: NoiseTrials, on part: NoiseTrials.Part) throws -> ChosenNoise?
}

extension Catalog where Entry == any NoiseCandidate.Type {
  /// All that `dither tune` knows.
  public static let candidates = Catalog(
    "candidate", [OneSigma.self, SigmaByLayer.self, LaplacePosterior.self, OwnDropout.self, OwnNoise.self],
    name: { $0.name })
}

/// A candidate as a person asks for it: its name, and parameters that differ from their defaults.
public struct NamedCandidate: Sendable {
  /// As it was written, and as tables name it.
  public let text: String
  /// The candidate with its parameters.
  public let candidate: any NoiseCandidate

  /// - Parameter text: `NAME:key=value,…`, as `laplace:layers=last`.
  /// - Throws: naming what is unknown, with the nearest known word.
  public init(parsing text: String) throws(CatalogError) {
    let words = try OptionWords(
      parsing: text, at: "candidate \(text.clipped())", form: "NAME:key=value,…, as laplace:layers=last")
    let entry = try Catalog.candidates.entry(named: words.name)
    if let word = words.word {
      throw CatalogError(
        .badValue, at: "candidate \(words.name)", expected: "key=value", got: "'\(word.clipped())'")
    }
    self.text = text
    candidate = try Parameters.overlaid(words.values, on: entry.init(), of: "candidate \(words.name)")
  }

  /// The candidates of a tuning for which none are named.
  public static let usual = ["sigma", "sigma_by_layer", "laplace", "laplace:layers=last", "dropout", "own"]
}

/// Noise that was chosen for a model.
public struct ChosenNoise: Sendable, Equatable {
  /// The kind of it.
  enum Form: Equatable {
    /// Terms of fixed strength; none: the plain model.
    case terms([NoiseTerm])
    /// A deviation for each weight or for each layer, by the weights' names.
    case deviations([String: Tensor], by: NoiseTerm.Learned, scale: NoiseTerm.Scale, layers: String?)
    /// The noise that the file has.
    case own
  }
  let form: Form
  /// In words, for tables.
  public let summary: String

  init(_ form: Form, _ summary: String) { (self.form, self.summary) = (form, summary) }

  /// The model without noise.
  static let none = ChosenNoise(.terms([]), "none")

  /// Whether it is none.
  public var isNone: Bool { form == .terms([]) }
}

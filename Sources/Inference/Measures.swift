import DitherBasics

/// A number of an answer, or one for each of its classes, made from the draws: the whole of what an answer says of how
/// sure it is.
///
/// A measure is one file and one line below: answers, the wire, the clients and the command line carry names and
/// values.
public protocol Measure: Sendable {
  /// Its name in answers, reports, requests and `--help`.
  static var name: String { get }
  /// Whether larger values mean less certainty; nil: answers are not ordered by it.
  static var risesWithUncertainty: Bool? { get }
  /// The words above its column of a table.
  static var heading: String { get }
  /// Whether it has a value for each class, or for each value of a regression; else it is one.
  static var isByClass: Bool { get }
  /// Whether it can be told of a regression.
  static var isOfValues: Bool { get }
  /// Whether it can be told of classes.
  static var isOfClasses: Bool { get }
  /// Whether an answer has it where no measures are named.
  static var isStandard: Bool { get }
  /// - Returns: one value, or one for each class; nil where the draws cannot tell, as one draw cannot how much draws
  ///   differ.
  static func values(_ draws: Draws) -> [Double]?
}

extension Measure {
  public static var risesWithUncertainty: Bool? { true }
  public static var heading: String { name.replacing("_", with: " ") }
  public static var isByClass: Bool { false }
  public static var isOfValues: Bool { false }
  public static var isOfClasses: Bool { true }
  public static var isStandard: Bool { true }
  /// The value of a measure that has one.
  public static func value(_ draws: Draws) -> Double? { values(draws)?.first }
  /// Whether it can be told of a regression, or else of classes.
  public static func applies(toRegression isRegression: Bool) -> Bool { isRegression ? isOfValues : isOfClasses }
}

extension Catalog where Entry == any Measure.Type {
  /// All that an answer may have.
  public static let measures = Catalog(
    "measure",
    [
      StandardDeviation.self, PredictiveEntropy.self, ExpectedEntropy.self, MutualInformation.self, VariationRatio.self,
      Margin.self, EpistemicVariance.self, AleatoricVariance.self, IntervalLower.self, IntervalUpper.self,
      LargestStandardError.self,
    ], name: { $0.name })

  /// The measures of these names; the standard ones of none.
  /// - Throws: `CatalogFault.unknownName`, with the nearest known name.
  public func named(_ names: [String]) throws(CatalogError) -> [any Measure.Type] {
    guard !names.isEmpty else { return entries.filter { $0.isStandard } }
    var found: [any Measure.Type] = []
    for name in names { found.append(try entry(named: name)) }
    return found
  }
}

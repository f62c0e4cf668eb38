import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import Foundation

/// The trials of a sweep: points of a recipe's keys, each with several seeds, and what they are judged by.
/// docs/sweeps.md describes every key of its file.
public struct SweepPlan: Sendable {
  /// One training of it: a point with a seed.
  public struct Trial: Hashable, Sendable {
    /// From 0, in the order of the search.
    public let point: Int
    /// One of the plan's.
    public let seed: UInt64
    /// - Parameter point: from 0.
    public init(point: Int, seed: UInt64) { (self.point, self.seed) = (point, seed) }
    /// The name of its files.
    var name: String { "point\(point)-seed\(seed)" }
  }

  /// The measure that points are judged by, on the validation part.
  public enum Measure: String, Sendable, CaseIterable, Codable {
    /// −ln of the true classes' probabilities, or of the true values' density.
    case nll
    case accuracy
    case rmse
    /// The same numbers of the mean of draws, with the noise that the model carries.
    case noisyNll = "noisy_nll"
    case noisyAccuracy = "noisy_accuracy"
    case noisyRmse = "noisy_rmse"

    /// The number; nil of a task that has none.
    func value(_ found: Evaluation) -> Double? {
      switch self {
      case .nll: found.negativeLogLikelihood
      case .accuracy: found.accuracy
      case .rmse: found.rootMeanSquaredError
      case .noisyNll: found.noisyNegativeLogLikelihood ?? found.negativeLogLikelihood
      case .noisyAccuracy: found.noisyAccuracy ?? found.accuracy
      case .noisyRmse: found.noisyRootMeanSquaredError ?? found.rootMeanSquaredError
      }
    }
    /// Whether more is better.
    public var isOfRight: Bool { self == .accuracy || self == .noisyAccuracy }
  }

  /// Successive halving: all points are trained for `least` epochs, the better ones of each `factor` on for `factor`
  /// times as many, until the recipe's. Source: Jamieson and Talwalkar 2016, arXiv 1502.07943; in rounds, so that any
  /// number of workers chooses the same, or `asynchronous`, as `Promotions` does.
  struct Halving: Codable, Sendable, Ranged {
    var least = 1
    var factor = 3
    var asynchronous = false
    func check() throws(CatalogError) {
      try require((1...100_000).contains(least), "least", "1 to 100000", least)
      try require((2...1000).contains(factor), "factor", "2 to 1000", factor)
    }
    /// How many go on from a round of so many.
    func kept(of count: Int) -> Int { max(1, (count + factor - 1) / factor) }
    var words: String { "\(least) \(factor)\(asynchronous ? " asynchronous" : "")" }
  }

  public let name: String
  /// As the file has it.
  public let recipe: String
  /// The keys that change.
  public let axes: [SweepAxis]
  /// A value for each axis.
  public let points: [[Setting]]
  /// Seeds of each point.
  public let seeds: [UInt64]
  /// The measure that is chosen by; nil: the task's.
  public let measure: Measure?
  let halving: Halving?
  /// As after `--set`, of all points: `validation=5000`.
  public let common: [String]
  /// The recipe's file.
  private let recipeText: String

  private static let keys = ["name", "recipe", "set", "search", "keys", "seeds", "halving", "choose_by"]

  /// - Parameters:
  ///   - text: a sweep file, YAML.
  ///   - read: the text of a file whose path the sweep file has.
  /// - Throws: `TrainFault.recipe`, before any work: also where a point is no recipe.
  public init(yaml text: String, at file: String = "sweep", read: (String) throws -> String) throws {
    self = try PlanPlaces.locating(text, at: file) {
      let map = try RecipeTree(text).map.mapValues { Setting($0) }
      return try SweepPlan(map, at: file, read: read)
    }
  }

  /// - Parameter map: as a sweep file has it.
  init(_ map: [String: Setting], at file: String, read: (String) throws -> String) throws {
    func refuse(_ key: String, _ expected: String, advice: String? = nil) -> TrainError {
      TrainError(
        .recipe, at: "\(file), '\(key)'", expected: expected,
        got: map[key].map { "'\("\($0)".clipped())'" } ?? "nothing", advice: advice)
    }
    if let stranger = map.keys.sorted().first(where: { !Self.keys.contains($0) }) {
      throw Parameters.unknown(stranger, among: Self.keys, of: file)
    }
    guard let name = map["name"]?.asText, RecipeReader.isName(name) else {
      throw refuse("name", RecipeReader.nameWords)
    }
    guard let recipe = map["recipe"]?.asText else { throw refuse("recipe", "the path of a recipe file") }
    (self.name, self.recipe, recipeText) = (name, recipe, try read(recipe))
    switch map["set"] {
    case nil: common = []
    case .mapping(let values)?:
      try Self.checkOwn(values.keys, at: "\(file), 'set'")
      common = Self.settings(values)
    default: throw refuse("set", "a mapping of the recipe's keys to values")
    }
    guard case .mapping(let axes)? = map["keys"], !axes.isEmpty else {
      throw refuse("keys", "keys of the recipe, each with a list of values or a range {from, to}")
    }
    try Self.checkOwn(axes.keys, at: "\(file), 'keys'")
    self.axes = try axes.sorted { $0.key < $1.key }.map { key, domain in
      SweepAxis(key: key, domain: try Self.domain(domain, at: "\(file), 'keys', '\(key)'"))
    }
    let search: any Search =
      try map["search"].map { try Catalog.searches.value($0, at: "\(file), 'search'") { $0.init() } } ?? GridSearch()
    points = try search.points(self.axes)
    switch map["seeds"] {
    case nil: seeds = [1, 2, 3]
    case .list(let list)?:
      seeds = list.compactMap { $0.asNumber.flatMap { UInt64(exactly: $0) } }
      guard seeds.count == list.count, !seeds.isEmpty, Set(seeds).count == seeds.count else {
        throw refuse("seeds", "different whole numbers from 0")
      }
    default: throw refuse("seeds", "a list of whole numbers")
    }
    halving = try map["halving"].map { setting in
      guard case .mapping(let own) = setting else { throw refuse("halving", "a mapping {least, factor, asynchronous}") }
      return try Parameters.overlay(settings: own, on: Halving(), of: "\(file), 'halving'")
    }
    guard halving == nil || !self.axes.contains(where: { $0.key == "epochs" }) else {
      throw refuse("keys", "no 'epochs' beside 'halving', which compares points after as many epochs")
    }
    measure = try map["choose_by"].map { setting in
      let known = Measure.allCases.map(\.rawValue)
      guard let measure = Measure(rawValue: setting.description) else {
        throw refuse(
          "choose_by", "one of \(known.joined(separator: ", "))",
          advice: nearest(to: setting.description, among: known).map { "did you mean '\($0)'?" })
      }
      return measure
    }
    for point in points.indices { _ = try self.recipe(Trial(point: point, seed: seeds[0])) }
  }

  private static func domain(_ setting: Setting, at place: String) throws -> SweepAxis.Domain {
    switch setting {
    case .list(let values) where !values.isEmpty: return .list(values)
    case .mapping(let map):
      let known = ["from", "to", "scale", "whole"]
      if let stranger = map.keys.sorted().first(where: { !known.contains($0) }) {
        throw Parameters.unknown(stranger, among: known, of: place)
      }
      let scale = map["scale"]?.description ?? "linear", isWhole = map["whole"].map { $0 == .flag(true) } ?? false
      guard let from = map["from"]?.asNumber, let to = map["to"]?.asNumber, from < to,
        ["linear", "log"].contains(scale), scale == "linear" || from > 0
      else {
        throw TrainError(
          .recipe, at: place,
          expected: "{from, to, scale: linear or log, whole: true or false}, from below to, and above 0 of a log scale",
          got: "'\("\(setting)".clipped())'")
      }
      guard !isWhole || to.rounded(.down) >= from.rounded(.up) else {
        throw TrainError(
          .recipe, at: place, expected: "a range with a whole number in it, as whole: true", got: "\(from) to \(to)")
      }
      return .range(from...to, isLogarithmic: scale == "log", isWhole: isWhole)
    default:
      throw TrainError(
        .recipe, at: place, expected: "a list of values, or a range {from, to}", got: "'\("\(setting)".clipped())'")
    }
  }

  /// The trials of a point's or of all points' seeds.
  func trials(of points: [Int]) -> [Trial] { points.flatMap { point in seeds.map { Trial(point: point, seed: $0) } } }

  /// A point as `--set` would say it.
  public func settings(of point: Int) -> [String] {
    zip(axes, points[point]).map { "\($0.key)=\(Self.yaml($1))" }
  }

  /// Keys with their values, each as `--set` would say it.
  static func settings(_ values: [String: Setting]) -> [String] {
    values.sorted { $0.key < $1.key }.map { "\($0.key)=\(yaml($0.value))" }
  }

  /// - Throws: where a plan sets what it gives to each of its trainings itself.
  static func checkOwn(_ keys: some Sequence<String>, at place: String) throws(TrainError) {
    guard let key = keys.first(where: { ["seed", "name"].contains($0) }) else { return }
    throw TrainError(
      .recipe, at: "\(place), '\(key)'", expected: "keys that are not each training's own", got: "'\(key)'",
      advice: key == "seed" ? "say seeds: [1, 2, 3] at the top" : "trainings are named after what they are")
  }

  private static func yaml(_ value: Setting) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if case .text(let text) = value, text.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]*/) != nil { return text }
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
  }

  /// The name of the recipe that all trials are changes of.
  public var baseName: String {
    get throws { try Recipe(yaml: recipeText, at: recipe).name }
  }

  /// The recipe of a trial, with its name.
  /// - Throws: `TrainFault.recipe` with the point.
  public func recipe(_ trial: Trial) throws -> Recipe {
    var settings = try (common + self.settings(of: trial.point)).map { try RecipeSetting(parsing: $0) }
    settings.append(RecipeSetting("seed", "\(trial.seed)", option: "seeds"))
    settings.append(RecipeSetting("name", trial.name, isText: true, option: "name"))
    let made = try Recipe(yaml: recipeText, at: recipe, settings: settings)
    guard made.validation > 0 else {
      throw TrainError(
        .recipe, at: recipe, expected: "'validation' rows to choose by, above 0", got: "none",
        advice: "the test part is for what was chosen: hold out training rows, as set: {validation: 5000}")
    }
    return made
  }

  /// - Throws: `TrainFault.recipe` where trainings on these data do not have what is chosen by.
  func checkMeasure(_ recipe: Recipe, _ data: Dataset) throws {
    guard let measure else { return }
    let task = try Goal(recipe, data).task, isValues = task.isRegression
    let known = Measure.allCases.filter { known in
      switch known {
      case .accuracy, .noisyAccuracy: !isValues
      case .rmse, .noisyRmse: isValues
      case .nll: !isValues || task.kind == .gaussian
      // Draws spread by themselves.
      case .noisyNll: !isValues || task.kind == .gaussian || recipe.noise.isActive
      }
    }
    guard !known.contains(measure) else { return }
    throw TrainError(
      .recipe, at: "'choose_by'",
      expected: "one of \(known.map(\.rawValue).joined(separator: ", ")), as the task is \(task.name)",
      got: "'\(measure.rawValue)'")
  }

  /// Epochs at which points are compared, the recipe's last.
  func rungs(of epochs: Int) -> [Int] {
    guard let halving else { return [epochs] }
    var rungs: [Int] = [], next = halving.least
    while next < epochs {
      rungs.append(next)
      next *= halving.factor
    }
    return rungs + [epochs]
  }

  /// To how many epochs a trial is trained where its round goes to `rung`: without halving to those of its own recipe,
  /// which may be what is tried.
  func epochs(of trial: Trial, at rung: Int) throws -> Int { try halving == nil ? recipe(trial).epochs : rung }

  /// The points of a round that go on to the next, in their order: the better ones.
  /// - Parameter known: the results of the round.
  func survivors(of alive: [Int], _ known: [Trial: SweepResult]) -> [Int] {
    guard let halving else { return alive }
    let table = SweepTable(self, trials(of: alive).compactMap { known[$0] })
    return table.rows.filter { $0.mean != nil }.prefix(halving.kept(of: alive.count)).map(\.point).sorted()
  }

  /// All that its results depend on: a folder's results are of one such text.
  var identity: String {
    let lines = points.indices.map { settings(of: $0).joined(separator: " ") }
    return ([recipeText] + common + lines + ["\(seeds)", "\(halving?.words ?? "")"])
      .joined(separator: "\n")
  }
}

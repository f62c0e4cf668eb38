import DitherBasics
import DitherRobustness
import Foundation

/// A question that trainings answer: arms are tuned alike on validation rows, trained anew with fresh seeds, and
/// compared in pairs on the test part. docs/studies.md describes every key of its file.
public struct StudyPlan: Sendable {
  /// A way of training that is compared with others.
  public struct Arm: Sendable {
    /// As its files are named.
    public let name: String
    /// A few words for the reader.
    public let title: String
    /// Keys of the recipe with other values.
    let set: [String: Setting]
    /// Keys that are chosen on the validation part, as a sweep's `keys`; empty: nothing is.
    let tune: [String: Setting]
    /// How points are searched; nil: the grid.
    let search: Setting?
  }

  /// Data or circumstances in which all arms are compared.
  public struct Case: Sendable {
    /// As its files are named.
    public let name: String
    /// Cases of one group are tuned once, by the first of them, and make one table.
    public let group: String
    let set: [String: Setting]
  }

  /// One final training.
  public struct Trial: Hashable, Sendable {
    /// Places in the plan, from 0.
    public let arm: Int, place: Int
    /// One of the final seeds.
    public let seed: UInt64
  }

  /// A sentence that the results decide.
  public struct Claim: Sendable {
    /// As it is asked.
    public let says: String
    /// The arm that it is about; of several the one that tuning found best.
    public let arms: [String]
    /// The arm that it is compared with, pair by pair; nil: it is about the measure itself.
    public let minus: String?
    /// One of the plan's.
    public let measure: String
    /// The group of cases; nil: every one for itself.
    public let group: String?
    /// The least mean, in the direction that is better; of a difference its interval must be above 0, or
    /// above this where it is negative.
    public let atLeast: Double
    /// Whether differences are shares of what they are from.
    public let isRelative: Bool
  }

  /// Trainings of the choice: held-out rows, seeds and measure.
  struct Tuning: Codable, Sendable, Ranged {
    var validation = 5000
    var seeds: [Int] = [1, 2]
    var chooseBy: String?
    func check() throws(CatalogError) {
      try require((1...10_000_000).contains(validation), "validation", "1 to 10000000", validation)
      try require(
        !seeds.isEmpty && seeds.allSatisfy { $0 >= 0 } && Set(seeds).count == seeds.count, "seeds",
        "different whole numbers from 0", seeds)
      let known = SweepPlan.Measure.allCases.map(\.rawValue)
      try require(
        chooseBy.map(known.contains) ?? true, "choose_by", "one of \(known.joined(separator: ", "))", chooseBy ?? "")
    }
    enum CodingKeys: String, CodingKey {
      case validation, seeds
      case chooseBy = "choose_by"
    }
  }

  public let name: String
  /// A sentence.
  public let question: String
  /// Advice that follows from the results, written when they were there; empty: nothing yet.
  public let advice: String
  /// The recipe's path, as the file has it.
  public let recipe: String
  /// Two or more.
  public let arms: [Arm]
  /// One or more.
  public let cases: [Case]
  /// The arm that all others are compared with.
  public let baseline: Int
  /// Seeds of the final trainings, none of which anything was chosen by.
  public let seeds: [UInt64]
  /// The columns of its tables.
  public let measures: [StudyMeasure]
  /// In their order.
  public let claims: [Claim]
  /// Whether it is the short form, whose results decide nothing.
  public let isQuick: Bool
  let tuning: Tuning
  /// Keys of the recipe with other values, of all trainings.
  let settingsForAll: [String: Setting]
  private let final: [String: Setting]
  private let recipeText: String

  private static let keys = [
    "name", "question", "recipe", "set", "arms", "baseline", "cases", "tuning", "final", "seeds", "measures", "claims",
    "quick", "advice",
  ]

  /// - Parameters:
  ///   - text: a study file, YAML.
  ///   - isQuick: lays the file's `quick` over it: fewer rows, epochs, seeds.
  ///   - read: the text of a file whose path the study file has.
  /// - Throws: `TrainFault.recipe`, before any work: also where an arm is no recipe in one of the cases.
  public init(yaml text: String, at file: String = "study", isQuick: Bool = false, read: (String) throws -> String)
    throws
  {
    self = try PlanPlaces.locating(text, at: file) {
      let map = try RecipeTree(text).map.mapValues { Setting($0) }
      return try StudyPlan(map, at: file, isQuick: isQuick, read: read)
    }
  }

  private init(
    _ map: [String: Setting], at file: String, isQuick: Bool, read: (String) throws -> String
  ) throws {
    var map = map
    let reader = StudyReader(map, at: file)
    try reader.check(map, Self.keys, "")
    if isQuick {
      let quick = try reader.mapping("quick")
      try reader.check(quick, ["set", "seeds", "tuning", "cases", "arms", "measures"], "'quick'")
      map = Self.laid(quick, over: map)
    }
    let whole = StudyReader(map, at: file)
    self.isQuick = isQuick
    guard let name = map["name"]?.asText, RecipeReader.isName(name) else {
      throw whole.refuse("name", RecipeReader.nameWords)
    }
    self.name = name
    question = try whole.text("question", "a sentence")
    advice = map["advice"]?.asText ?? ""
    recipe = try whole.text("recipe", "the path of a recipe file")
    recipeText = try read(recipe)
    settingsForAll = try whole.recipeKeys("set")
    final = try ["validation": .number(0)].merging(whole.recipeKeys("final")) { $1 }
    tuning = try Parameters.overlay(settings: whole.mapping("tuning"), on: Tuning(), of: "\(file), 'tuning'")
    arms = try whole.arms()
    cases = try whole.cases()
    let wanted = map["baseline"]?.asText ?? arms.first?.name ?? ""
    guard let baseline = arms.firstIndex(where: { $0.name == wanted }) else {
      throw whole.refuse(
        "baseline", "the name of an arm: \(arms.map(\.name).joined(separator: ", "))",
        advice: nearest(to: wanted, among: arms.map(\.name)).map { "did you mean '\($0)'?" })
    }
    self.baseline = baseline
    seeds = try whole.seeds("seeds", [11, 12, 13])
    measures = try whole.measures()
    claims = try whole.claims(arms, cases, measures)
    guard Set(tuning.seeds.map { UInt64($0) }).isDisjoint(with: seeds) else {
      throw whole.refuse("seeds", "seeds that nothing was chosen by: none of \(tuning.seeds)")
    }
    for arm in arms.indices {
      for place in cases.indices {
        let recipe = try recipe(Trial(arm: arm, place: place, seed: seeds[0]), [])
        if let measure = measures.first(where: \.needsValidation), recipe.validation == 0 {
          throw TrainError(
            .recipe, at: "\(file), measure '\(measure.name.clipped())'",
            expected: "training rows that are held out, as its part is 'validation'", got: "none",
            advice: "say how many, as 'final: {validation: 30000}'")
        }
      }
      _ = try sweep(arm, of: cases[0].group)
    }
  }

  /// `quick` over the whole: its `set` over each case's and arm's too, of lists so many of the first.
  private static func laid(_ quick: [String: Setting], over map: [String: Setting]) -> [String: Setting] {
    var map = map
    func merged(_ key: String) {
      guard case .mapping(let own)? = quick[key] else { return }
      var all: [String: Setting] = [:]
      if case .mapping(let there)? = map[key] { all = there }
      map[key] = .mapping(all.merging(own) { $1 })
    }
    merged("set")
    merged("tuning")
    if let seeds = quick["seeds"] { map["seeds"] = seeds }
    if let measures = quick["measures"] { map["measures"] = measures }
    if let count = quick["cases"]?.asNumber, case .list(let all)? = map["cases"] {
      map["cases"] = .list(Array(all.prefix(max(Int(count), 1))))
    }
    if case .list(let names)? = quick["arms"], case .list(let all)? = map["arms"] {
      map["arms"] = .list(
        all.filter { arm in
          if case .mapping(let own) = arm, let name = own["name"] { names.contains(name) } else { true }
        })
    }
    // Claims may be of arms and measures that are not there.
    map["claims"] = nil
    return map
  }

  /// Groups of cases, in their order.
  public var groups: [String] {
    cases.reduce(into: []) { groups, one in if !groups.contains(one.group) { groups.append(one.group) } }
  }

  /// The final trainings.
  public var trials: [Trial] {
    cases.indices.flatMap { place in
      seeds.flatMap { seed in arms.indices.map { Trial(arm: $0, place: place, seed: seed) } }
    }
  }

  /// The name of a trial's files.
  func name(of trial: Trial) -> String { "\(arms[trial.arm].name).\(cases[trial.place].name).seed\(trial.seed)" }

  /// The recipe of a final training.
  /// - Parameter chosen: what tuning found, as `--set` says it.
  func recipe(_ trial: Trial, _ chosen: [String]) throws -> Recipe {
    let arm = arms[trial.arm], place = cases[trial.place]
    let set = settingsForAll.merging(final) { $1 }.merging(arm.set) { $1 }.merging(place.set) { $1 }
    // As in a sweep: what tuning found stands above all that is set.
    let texts = SweepPlan.settings(set) + chosen
    var settings = try texts.map { try RecipeSetting(parsing: $0) }
    settings.append(RecipeSetting("seed", "\(trial.seed)", option: "seeds"))
    settings.append(RecipeSetting("name", "study", isText: true, option: "name"))
    return try Recipe(yaml: recipeText, at: recipe, settings: settings)
  }

  /// The sweep that an arm is tuned by for a group of cases; nil: it has nothing to tune.
  func sweep(_ arm: Int, of group: String) throws -> SweepPlan? {
    let arm = arms[arm]
    guard !arm.tune.isEmpty, let place = cases.first(where: { $0.group == group }) else { return nil }
    let set = settingsForAll.merging(arm.set) { $1 }.merging(place.set) { $1 }
      .merging(["validation": .number(Double(tuning.validation))]) { $1 }
    var map: [String: Setting] = [
      "name": .text(arm.name), "recipe": .text(recipe), "set": .mapping(set), "keys": .mapping(arm.tune),
      "seeds": .list(tuning.seeds.map { .number(Double($0)) }),
    ]
    map["search"] = arm.search
    map["choose_by"] = tuning.chooseBy.map { .text($0) }
    return try SweepPlan(map, at: "arm '\(arm.name)'") { _ in recipeText }
  }

  /// Trainings that choose an arm's values, of all groups.
  public func choices(of arm: Int) throws -> Int {
    try groups.reduce(0) { sum, group in
      try sum + (sweep(arm, of: group).map { $0.points.count * $0.seeds.count } ?? 0)
    }
  }

  /// The recipe of the first final training, without what tuning would find.
  public func example() throws -> Recipe { try recipe(Trial(arm: 0, place: 0, seed: seeds[0]), []) }

  /// All that its final results depend on, beside what tuning found.
  var identity: String {
    let all =
      arms.map { "\($0.name) \(SweepPlan.settings($0.set)) \(SweepPlan.settings($0.tune))" }
      + cases.map { "\($0.name) \(SweepPlan.settings($0.set))" }
    return
      ([recipeText] + SweepPlan.settings(settingsForAll) + SweepPlan.settings(final) + all
      + ["\(tuning.validation) \(tuning.seeds) \(tuning.chooseBy ?? "")"]).joined(separator: "\n")
  }
}

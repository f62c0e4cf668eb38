import DitherBasics
import DitherRobustness

/// The mapping of a study file, key by key.
struct StudyReader {
  private let map: [String: Setting]
  private let file: String

  init(_ map: [String: Setting], at file: String) { (self.map, self.file) = (map, file) }

  func refuse(_ key: String, _ expected: String, advice: String? = nil) -> TrainError {
    TrainError(
      .recipe, at: "\(file), '\(key)'", expected: expected,
      got: map[key].map { "'\("\($0)".clipped())'" } ?? "nothing", advice: advice)
  }

  private func refuse(_ place: String, _ setting: Setting?, _ expected: String, advice: String? = nil) -> TrainError {
    TrainError(
      .recipe, at: "\(file), \(place)", expected: expected,
      got: setting.map { "'\("\($0)".clipped())'" } ?? "nothing", advice: advice)
  }

  /// - Throws: naming a key that is not among `known`, with the nearest one.
  func check(_ map: [String: Setting], _ known: [String], _ place: String) throws {
    if let stranger = map.keys.sorted().first(where: { !known.contains($0) }) {
      throw Parameters.unknown(stranger, among: known, of: place.isEmpty ? file : "\(file), \(place)")
    }
  }

  func text(_ key: String, _ expected: String) throws(TrainError) -> String {
    guard let text = map[key]?.asText, !text.isEmpty else { throw refuse(key, expected) }
    return text
  }

  /// A mapping; empty without the key.
  func mapping(_ key: String) throws(TrainError) -> [String: Setting] { try mapping(map[key], "'\(key)'") }

  private func mapping(_ setting: Setting?, _ place: String) throws(TrainError) -> [String: Setting] {
    switch setting {
    case nil: return [:]
    case .mapping(let own)?: return own
    case let other?: throw refuse(place, other, "a mapping of keys to values")
    }
  }

  /// Keys of a recipe with other values.
  private func recipeKeys(_ setting: Setting?, _ place: String) throws(TrainError) -> [String: Setting] {
    let own = try mapping(setting, place)
    try SweepPlan.checkOwn(own.keys, at: "\(file), \(place)")
    return own
  }

  /// The same, at the top of the file.
  func recipeKeys(_ key: String) throws(TrainError) -> [String: Setting] { try recipeKeys(map[key], "'\(key)'") }

  private func items(_ key: String, _ expected: String) throws(TrainError) -> [Setting] {
    guard let setting = map[key] else { return [] }
    guard case .list(let items) = setting, !items.isEmpty else { throw refuse(key, expected) }
    return items
  }

  func seeds(_ key: String, _ other: [UInt64]) throws(TrainError) -> [UInt64] {
    let items = try items(key, "a list of different whole numbers from 0")
    let seeds = items.compactMap { $0.asNumber.flatMap { UInt64(exactly: $0) } }
    guard seeds.count == items.count, Set(seeds).count == seeds.count else {
      throw refuse(key, "a list of different whole numbers from 0")
    }
    return seeds.isEmpty ? other : seeds
  }

  private func named(_ own: [String: Setting], _ place: String) throws(TrainError) -> String {
    guard let name = own["name"]?.asText, RecipeReader.isName(name) else {
      throw refuse("\(place), 'name'", own["name"], RecipeReader.nameWords)
    }
    return name
  }

  private func unique(_ names: [String], _ key: String) throws(TrainError) {
    if let twice = Dictionary(grouping: names, by: \.self).first(where: { $0.value.count > 1 })?.key {
      throw refuse("'\(key)'", .text(twice), "names that are there once")
    }
  }

  func arms() throws -> [StudyPlan.Arm] {
    let arms = try items("arms", "a list of arms, each with a name").enumerated().map { at, setting in
      let place = "'arms', item \(at + 1)", own = try mapping(setting, place)
      try check(own, ["name", "title", "set", "tune", "search"], place)
      let name = try named(own, place)
      return StudyPlan.Arm(
        name: name, title: own["title"]?.asText ?? name, set: try recipeKeys(own["set"], "\(place), 'set'"),
        tune: try recipeKeys(own["tune"], "\(place), 'tune'"), search: own["search"])
    }
    guard arms.count > 1 else { throw refuse("arms", "two arms or more") }
    try unique(arms.map(\.name), "arms")
    return arms
  }

  /// One case that changes nothing where there are none.
  func cases() throws -> [StudyPlan.Case] {
    let found = try items("cases", "a list of cases, each with a name").enumerated().flatMap { at, setting in
      let place = "'cases', item \(at + 1)", own = try mapping(setting, place)
      try check(own, ["name", "set", "each"], place)
      let name = try named(own, place), set = try recipeKeys(own["set"], "\(place), 'set'")
      let each = try recipeKeys(own["each"], "\(place), 'each'")
      guard let (key, values) = each.first else { return [StudyPlan.Case(name: name, group: name, set: set)] }
      guard each.count == 1, case .list(let list) = values, !list.isEmpty else {
        throw refuse("\(place), 'each'", own["each"], "one key with a list of values")
      }
      return list.enumerated().map { number, value in
        StudyPlan.Case(name: "\(name)-\(number)", group: name, set: set.merging([key: value]) { $1 })
      }
    }
    try unique(found.map(\.name), "cases")
    return found.isEmpty ? [StudyPlan.Case(name: "all", group: "all", set: [:])] : found
  }

  func measures() throws -> [StudyMeasure] {
    var found: [StudyMeasure] = []
    for (at, setting) in try items("measures", "a list of measures").enumerated() {
      found.append(try StudyMeasure(setting, at: "\(file), 'measures', item \(at + 1)", behind: found))
    }
    try unique(found.map(\.name), "measures")
    return found.isEmpty ? [try StudyMeasure(.text("accuracy"), at: file)] : found
  }

  func claims(_ arms: [StudyPlan.Arm], _ cases: [StudyPlan.Case], _ measures: [StudyMeasure]) throws
    -> [StudyPlan.Claim]
  {
    try items("claims", "a list of claims").enumerated().map { at, setting in
      let place = "'claims', item \(at + 1)", own = try mapping(setting, place)
      try check(own, ["says", "arm", "minus", "measure", "group", "at_least", "relative"], place)
      func one(_ key: String, _ setting: Setting?, of known: [String]) throws(TrainError) -> String {
        guard let text = setting?.asText, known.contains(text) else {
          throw refuse(
            "\(place), '\(key)'", setting, "one of \(known.joined(separator: ", "))",
            advice: setting?.asText.flatMap { nearest(to: $0, among: known) }.map { "did you mean '\($0)'?" })
        }
        return text
      }
      let names = arms.map(\.name)
      let wanted: [Setting] = if case .list(let list)? = own["arm"] { list } else { own["arm"].map { [$0] } ?? [] }
      guard !wanted.isEmpty else { throw refuse("\(place), 'arm'", own["arm"], "an arm, or a list of arms") }
      guard let says = own["says"]?.asText else { throw refuse("\(place), 'says'", own["says"], "a sentence") }
      let isRelative = own["relative"] == .flag(true)
      guard own["relative"] == nil || isRelative && own["minus"] != nil else {
        throw refuse("\(place), 'relative'", own["relative"], "true, beside 'minus'")
      }
      return StudyPlan.Claim(
        says: says, arms: try wanted.map { try one("arm", $0, of: names) },
        minus: try own["minus"].map { try one("minus", $0, of: names) },
        measure: try one("measure", own["measure"], of: measures.map(\.name)),
        group: try own["group"].map { try one("group", $0, of: cases.map(\.group)) },
        atLeast: try own["at_least"].map {
          guard let number = $0.asNumber else { throw refuse("\(place), 'at_least'", $0, "a number") }
          return number
        } ?? 0, isRelative: isRelative)
    }
  }
}

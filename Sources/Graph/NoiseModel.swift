import DitherBasics
import DitherTensor

/// Which noise, and where: in recipes, in plans and in a model's file the same.
///
/// As a mapping it is `{format: 2, terms: […], members: K}`. Format 1, which has no number, is read as before.
public struct NoiseModel: Codable, Sendable, Equatable {
  /// One kind of noise at one site.
  public typealias Term = NoiseTerm
  /// Where in a graph noise goes.
  public typealias Site = NoiseSite
  /// The measure of a noise.
  public typealias Scale = NoiseTerm.Scale

  /// The format that is written.
  public static let format = 2
  /// How many terms there may be.
  public static let termLimit = DrawSite.termLimit

  /// At most ``termLimit``, independent of one another.
  public var terms: [NoiseTerm]
  /// How many networks the model is of, of which each draw is one: an ensemble, or draws from a posterior. Their
  /// parameters are the graph's ``ParameterSamples``; nil: it is one.
  public var members: Int?
  /// A model of these terms, which `validate` checks.
  public init(_ terms: [NoiseTerm], members: Int? = nil) {
    self.terms = terms
    self.members = members
  }

  /// Whether a draw's negative is as likely as the draw.
  public var isSymmetric: Bool { members == nil && terms.allSatisfy { $0.combination == .adds } }

  /// The noise that a model is served with: each schedule at its end, without what is noise of the training alone.
  public var settled: NoiseModel { NoiseModel(terms.filter(\.site.isServed).map(\.settled), members: members) }

  /// Whether it has numbers of its own among a graph's constants.
  public var hasConstants: Bool { members != nil || terms.contains { $0.learned != nil } }

  /// Whether it does anything.
  public var isActive: Bool { members != nil || terms.contains(where: \.isActive) }

  /// The probability of the rarest of all that a draw may do to a number, or of the draw of one member; nil where every
  /// draw differs a little.
  public var rarerProbability: Double? {
    let ofTerms = terms.lazy.filter(\.isActive).compactMap(\.rarerProbability).min()
    let ofMembers = members.flatMap { $0 > 1 ? 1 / Double($0) : nil }
    return [ofTerms, ofMembers].compactMap { $0 }.min()
  }

  /// The same noise, `factor` times as strong; members are what they are.
  public func scaled(by factor: Float) -> NoiseModel {
    NoiseModel(terms.map { $0.scaled(by: factor) }, members: members)
  }

  /// In words, for reports: a line for each term, and one for members.
  public var summary: [String] { terms.map(\.summary) + (members.map { ["one of \($0) members for each draw"] } ?? []) }

  /// - Throws: when there are too many terms, or what one of them says does not go together.
  public func validate(at place: String = "noise") throws(GraphError) {
    guard terms.count <= Self.termLimit else {
      throw GraphError(.noise, at: place, expected: "at most \(Self.termLimit) terms", got: "\(terms.count)")
    }
    if let members, !ParameterSamples.counts.contains(members) {
      throw GraphError(
        .noise, at: "\(place), 'members'",
        expected: "\(ParameterSamples.counts.lowerBound) to \(ParameterSamples.counts.upperBound)", got: "\(members)")
    }
    for term in terms { try term.validate(at: place) }
  }
}

extension NoiseModel {
  /// - Parameters:
  ///   - setting: a mapping of `format` and `terms`, or the list of terms alone.
  ///   - place: where it was found, for messages.
  /// - Throws: naming the key that is unknown, missing or does not fit, with the nearest known one.
  public init(_ setting: Setting, at place: String = "noise") throws(GraphError) {
    let list: [Setting]
    var members: Int?
    switch setting {
    case .list(let found): list = found
    case .mapping(let map):
      list = try Self.list(of: map, at: place)
      members = try map["members"].map { setting throws(GraphError) in
        guard let number = setting.asNumber.flatMap(Int.init(exactly:)) else {
          throw GraphError(
            .noise, at: "\(place), 'members'", expected: "a whole number", got: "'\("\(setting)".clipped())'")
        }
        return number
      }
    default:
      throw GraphError(
        .noise, at: place, expected: "a list of terms {site, sigma, …}", got: "'\("\(setting)".clipped())'")
    }
    guard list.count <= Self.termLimit else {
      throw GraphError(.noise, at: place, expected: "at most \(Self.termLimit) terms", got: "\(list.count)")
    }
    var terms: [NoiseTerm] = []
    for (number, setting) in list.enumerated() {
      terms.append(try NoiseTerm(setting, at: "\(place), term \(number + 1)"))
    }
    self.init(terms, members: members)
    if members != nil { try validate(at: place) }
  }

  private static func list(of map: [String: Setting], at place: String) throws(GraphError) -> [Setting] {
    let keys = ["format", "terms"] + (map["format"]?.asNumber == Double(Self.format) ? ["members"] : [])
    if let stranger = map.keys.sorted().first(where: { !keys.contains($0) }) {
      throw GraphError(
        .noise, at: place, expected: "one of \(keys.joined(separator: ", "))", got: "'\(stranger.clipped())'",
        advice: nearest(to: stranger, among: keys).map { "did you mean '\($0)'?" })
    }
    let format = map["format"] ?? .number(1)
    guard format.asNumber == 1 || format.asNumber == Double(Self.format) else {
      throw GraphError(
        .noise, at: "\(place), 'format'", expected: "1 to \(Self.format)",
        got: format.asNumber == nil ? "'\("\(format)".clipped())'" : "\(format)",
        advice: (format.asNumber ?? 0) > Double(Self.format) ? "the file is of a later version of Dither" : nil)
    }
    guard case .list(let list)? = map["terms"] else {
      throw GraphError(
        .noise, at: "\(place), 'terms'", expected: "a list of terms {site, sigma, …}",
        got: map["terms"].map { "'\("\($0)".clipped())'" } ?? "nothing")
    }
    // Nothing of what format 2 brought means anything in format 1.
    if format.asNumber == 1 {
      let known = ["site", "distribution", "sigma", "scale"]
      for case (let number, .mapping(let term)) in list.enumerated() {
        if let stranger = term.keys.sorted().first(where: { !known.contains($0) }) {
          throw GraphError(
            .noise, at: "\(place), term \(number + 1)", expected: "one of \(known.joined(separator: ", "))",
            got: "'\(stranger.clipped())'", advice: Self.advice(stranger, known))
        }
      }
    }
    return list
  }

  private static func advice(_ stranger: String, _ known: [String]) -> String? {
    if NoiseTerm.keys.contains(stranger) { return "say \"format\": \(format), which has '\(stranger)'" }
    return nearest(to: stranger, among: known).map { "did you mean '\($0)'?" }
  }

  /// As recipes and files write it.
  public var setting: Setting {
    var map = ["format": Setting.number(Double(Self.format)), "terms": .list(terms.map(\.setting))]
    map["members"] = members.map { .number(Double($0)) }
    return .mapping(map)
  }

  public init(from decoder: any Decoder) throws { try self.init(Setting(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try setting.encode(to: encoder) }
}

/// A term in its model: its position, and which of those at its site it is. Draws are addressed by the latter, so they
/// do not depend on terms of other sites.
struct NumberedTerm {
  let position: Int
  let number: Int
  let term: NoiseTerm
}

extension NoiseModel {
  /// The terms that do something.
  var numberedTerms: [NumberedTerm] {
    var counts: [NoiseSite: Int] = [:], numbered: [NumberedTerm] = []
    for (position, term) in terms.enumerated() {
      let number = counts[term.site, default: 0]
      counts[term.site] = number + 1
      if term.isActive { numbered.append(NumberedTerm(position: position, number: number, term: term)) }
    }
    return numbered
  }
}

import DitherBasics

/// One term of noise: distribution × site × scale × schedule, on some layers or on all.
public struct NoiseTerm: Sendable {
  /// The measure of a noise that adds.
  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// sigma is the standard deviation.
    case absolute
    /// The standard deviation is sigma · |value|, element by element, of the value without noise.
    case relative
    /// The standard deviation is sigma times that of the layer's weights, or of the parameter's gradient.
    case relativeToLayer = "relative_to_layer"
  }

  /// Which rows of a batch share a draw. In training; a served model draws for every example.
  public enum Draws: Sendable, Hashable {
    /// Every example has its own.
    case example
    /// All rows of a batch share one.
    case batch
    /// Each `count` rows that follow each other share one.
    case group(Int)
  }

  /// Which weights share a strength that is trained with the network.
  public enum Learned: String, Codable, Sendable, CaseIterable {
    /// All of a layer. Source: He, Rakin and Fan 2019, parametric noise injection, arXiv 1811.09310.
    case layer
    /// All of an output channel.
    case channel
    /// None: each has its own. Source: Blundell et al. 2015, Bayes by Backprop, arXiv 1505.05424.
    case element
  }

  /// Where it goes.
  public var site: NoiseSite
  /// Its distribution, of `Catalog.noises`, with its parameters.
  public var noise: any Noise
  /// How strong a noise that adds is; nil for others, whose strength is a parameter of their own.
  public var sigma: Float?
  /// The measure of its sigma.
  public var scale: Scale
  /// A factor on the strength over the training; nil: 1 throughout.
  public var schedule: (any Schedule)?
  /// A pattern of names of layers, inputs or parameters, in which `*` stands for any letters; nil: all.
  public var layers: String?
  /// The probability that an example has the noise at all, above 0 to 1; nil: every one has.
  public var fraction: Float?
  /// Whether its strength is trained, where noise is on weights; nil: it is sigma. Else a recipe's sigma is where it
  /// begins, and a graph's a factor on the numbers of ``LearnedDeviation``.
  public var learned: Learned?
  /// nil: an example, but where layers draw their weights, in training, the batch.
  public var draws: Draws?

  /// The probability of the rarest of what it may do to a number; nil where every draw differs a little.
  var rarerProbability: Double? {
    guard let fraction = fraction.map(Double.init), fraction < 1 else { return noise.rarerProbability }
    return min(fraction * (noise.rarerProbability ?? 1), 1 - fraction)
  }

  /// Gaussian noise.
  public init(_ site: NoiseSite, sigma: Float, scale: Scale = .absolute) {
    self.init(site, GaussianNoise(), sigma: sigma, scale: scale)
  }

  /// A noise with a strength of its own, or one that adds with `sigma`.
  public init(_ site: NoiseSite, _ noise: any Noise, sigma: Float? = nil, scale: Scale = .absolute) {
    self.site = site
    self.noise = noise
    self.sigma = sigma
    self.scale = scale
  }

  /// - Parameter distribution: the name of a noise that adds, of `Catalog.noises`.
  /// - Throws: when there is none.
  public init(_ site: NoiseSite, sigma: Float, scale: Scale = .absolute, distribution: String) throws(CatalogError) {
    self.init(site, try Catalog.noises.entry(named: distribution).init(), sigma: sigma, scale: scale)
  }

  /// - Parameter rate: the probability, below 1, that a value becomes 0.
  public static func dropout(_ site: NoiseSite, rate: Float) -> NoiseTerm {
    var noise = DropoutNoise()
    noise.rate = rate
    return NoiseTerm(site, noise)
  }

  /// The name of its distribution.
  public var distribution: String { type(of: noise).name }
  /// In words, for reports.
  public var summary: String {
    func parameters(_ noise: some Noise) -> [String: Setting] { (try? Parameters.settings(of: noise)) ?? [:] }
    var parts = ["\(distribution) on \(site.name)"]
    if combination == .adds { parts += ["σ = \(sigma ?? 0)", scale.rawValue] }
    parts += parameters(noise).sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
    if let learned { parts.append("learned by \(learned.rawValue)") }
    if let layers { parts.append("layers \(layers)") }
    if let fraction { parts.append("on \(fraction) of the examples") }
    return parts.joined(separator: ", ")
  }

  /// The one number that says how strong it is: its sigma, or its rate.
  public var strength: Float { sigma ?? (noise as? any RatedNoise)?.rate ?? (isActive ? 1 : 0) }

  var combination: NoiseCombination { type(of: noise).combination }
  var isGaussian: Bool { noise is GaussianNoise }
  var hasFreeSigns: Bool { (noise as? any AddedNoise).map { type(of: $0).hasFreeSigns } ?? false }

  /// Whether it does anything.
  public var isActive: Bool { combination == .adds ? (sigma ?? 0) > 0 : noise.isActive }

  /// The part of it that is served: its schedule at its end, and draws for every example.
  public var settled: NoiseTerm {
    var settled = scaled(by: Float(schedule?.factor(at: 1) ?? 1))
    settled.schedule = nil
    settled.draws = nil
    return settled
  }

  /// The same noise, `factor` times as strong.
  public func scaled(by factor: Float) -> NoiseTerm {
    var scaled = self
    if combination == .adds {
      scaled.sigma = sigma.map { $0 * factor }
    } else {
      scaled.noise = noise.scaled(by: factor)
    }
    return scaled
  }

  /// Whether the pattern of layers fits one of `names`.
  func reaches(_ names: [String]) -> Bool {
    layers.map { pattern in names.contains { isMatch($0, pattern) } } ?? true
  }
}

// MARK: as a mapping of keys

extension NoiseTerm {
  /// The keys that every term may have; its distribution's parameters are beside them.
  public static let keys = [
    "site", "distribution", "sigma", "scale", "learned", "schedule", "layers", "fraction", "draws",
  ]

  /// - Parameter place: where the term was found, for messages.
  /// - Throws: naming the key that is unknown, missing or does not fit, with the nearest known one.
  public init(_ setting: Setting, at place: String) throws(GraphError) {
    guard case .mapping(var map) = setting else {
      throw GraphError(.noise, at: place, expected: "a mapping of keys", got: "\(setting)".clipped())
    }
    map = Self.upgraded(map)
    do throws(CatalogError) {
      site = try NoiseSite(named: try Self.word(map, "site", at: place))
      let distribution = try map["distribution"] == nil ? GaussianNoise.name : Self.word(map, "distribution", at: place)
      let defaults = try Catalog.noises.entry(named: distribution).init()
      let own = map.filter { !Self.keys.contains($0.key) }
      if let stranger = own.keys.sorted().first(where: { !Self.parameterNames(of: defaults).contains($0) }) {
        throw Parameters.unknown(stranger, among: Self.keys + Self.parameterNames(of: defaults), of: place)
      }
      noise = try Parameters.overlaid(own, on: defaults, of: "\(place), \(distribution)")
      sigma = try map["sigma"].map { setting throws(CatalogError) in
        guard let number = setting.asNumber else { throw Self.refusal("sigma", "a number", map, at: place) }
        return Float(number)
      }
      scale = try Self.choice("scale", map, at: place) ?? .absolute
      learned = try Self.choice("learned", map, at: place)
      schedule = try map["schedule"].map { setting throws(CatalogError) in
        try Catalog.schedules.value(setting, at: "\(place), schedule") { $0.init() }
      }
      layers = try map["layers"] == nil ? nil : Self.word(map, "layers", at: place)
      fraction = try map["fraction"].map { setting throws(CatalogError) in
        guard let number = setting.asNumber, number > 0, number <= 1 else {
          throw Self.refusal("fraction", "a number above 0, to 1", map, at: place)
        }
        return Float(number)
      }
      draws = try map["draws"].map { setting throws(CatalogError) in
        guard let draws = Draws(setting.description) else {
          throw Self.refusal("draws", "'example', 'batch', or 'group of' a number above 1", map, at: place)
        }
        return draws
      }
      if type(of: noise).combination == .adds, sigma == nil { throw Self.refusal("sigma", "a number", map, at: place) }
      if type(of: noise).combination != .adds, map["scale"] != nil {
        throw Self.refusal("scale", "none, as \(distribution) has its own strength", map, at: place)
      }
    } catch {
      throw GraphError(
        .noise, at: error.place.hasPrefix(place) ? error.place : "\(place), \(error.place)", expected: error.expected,
        got: error.got, advice: error.advice)
    }
    try validate(at: place)
  }

  private static func word(_ map: [String: Setting], _ key: String, at place: String) throws(CatalogError) -> String {
    guard let word = map[key]?.asText else { throw refusal(key, "a name", map, at: place) }
    return word
  }

  /// One of a few words; nil without the key.
  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _ map: [String: Setting], at place: String
  ) throws(CatalogError) -> Choice? where Choice.RawValue == String {
    guard map[key] != nil else { return nil }
    let name = try word(map, key, at: place), names = Choice.allCases.map(\.rawValue)
    guard let choice = Choice(rawValue: name) else {
      throw CatalogError(
        .badValue, at: "\(place), '\(key)'", expected: "one of \(names.joined(separator: ", "))",
        got: "'\(name.clipped())'",
        advice: nearest(to: name, among: names).map { "did you mean '\($0)'?" })
    }
    return choice
  }

  private static func refusal(_ key: String, _ expected: String, _ map: [String: Setting], at place: String)
    -> CatalogError
  {
    CatalogError(
      .badValue, at: "\(place), '\(key)'", expected: expected,
      got: map[key].map { "'\("\($0)".clipped())'" } ?? "nothing")
  }

  private static func parameterNames(of noise: any Noise) -> [String] {
    func names(_ noise: some Noise) -> [String] { Parameters.keys(of: noise) }
    return names(noise)
  }

  /// A term as format 1 wrote it, in today's keys: dropout's strength was a standard deviation relative to the value.
  private static func upgraded(_ map: [String: Setting]) -> [String: Setting] {
    guard map["distribution"] == .text(DropoutNoise.name), map["rate"] == nil, map["scale"] == .text("relative"),
      let sigma = map["sigma"]?.asNumber, sigma >= 0
    else { return map }
    var upgraded = map
    upgraded["sigma"] = nil
    upgraded["scale"] = nil
    upgraded["rate"] = .number(1 - 1 / (1 + sigma * sigma))
    return upgraded
  }

  /// As it is written: keys at their defaults are left out, but for scale.
  public var setting: Setting {
    func parameters(_ noise: some Noise) -> [String: Setting] { (try? Parameters.settings(of: noise)) ?? [:] }
    var map = parameters(noise)
    map["site"] = .text(site.name)
    map["distribution"] = .text(distribution)
    map["sigma"] = sigma.map { .number(Double("\($0)") ?? Double($0)) }
    if combination == .adds { map["scale"] = .text(scale.rawValue) }
    map["learned"] = learned.map { .text($0.rawValue) }
    map["layers"] = layers.map { .text($0) }
    map["fraction"] = fraction.map { .number(Double("\($0)") ?? Double($0)) }
    map["draws"] = draws.map { .text($0.description) }
    map["schedule"] = schedule.map { schedule in
      func written(_ schedule: some Schedule) -> [String: Setting] { (try? Parameters.settings(of: schedule)) ?? [:] }
      return .mapping(written(schedule).merging(["kind": .text(type(of: schedule).name)]) { own, _ in own })
    }
    return .mapping(map)
  }

  /// - Throws: when a sigma is not a finite number ≥ 0, or keys do not go with each other.
  func validate(at place: String) throws(GraphError) {
    do throws(GraphError) {
      try noise.validate()
    } catch {
      var located = error
      located.place = "\(place), \(error.place)"
      throw located
    }
    let owner = "\(place), \(distribution) on \(site.name)"
    if combination == .adds {
      guard let sigma, sigma.isFinite, (0...1e6).contains(sigma) else {
        throw GraphError(.noise, at: owner, expected: "a sigma from 0 to 1e6", got: sigma.map { "\($0)" } ?? "none")
      }
      guard scale != .relativeToLayer || site.hasLayers else {
        throw GraphError(.noise, at: owner, expected: "scale absolute or relative", got: "relative_to_layer")
      }
    } else if let sigma {
      throw GraphError(
        .noise, at: owner, expected: "no sigma: \(distribution) has its own strength", got: "sigma \(sigma)")
    } else if scale != .absolute {
      throw GraphError(
        .noise, at: owner, expected: "no scale: \(distribution) has its own strength", got: "scale \(scale.rawValue)")
    }
    if let learned {
      guard combination == .adds, site == .weights, (sigma ?? 0) > 0 else {
        throw GraphError(
          .noise, at: "\(owner), 'learned'", expected: "noise that adds to weights, of a sigma above 0",
          got: "\(learned.rawValue) on \(site.name)\(combination == .adds ? " of sigma \(sigma ?? 0)" : "")")
      }
    }
    if let fraction {
      guard fraction > 0, fraction <= 1, !site.hasLayers, site != .gradients else {
        throw GraphError(
          .noise, at: owner,
          expected: site.hasLayers || site == .gradients
            ? "no fraction: all examples share a layer's draws" : "a fraction above 0, to 1",
          got: "fraction \(fraction)")
      }
    }
    if case .group(let count) = draws, count < 2 || site.hasLayers {
      throw GraphError(
        .noise, at: owner, expected: site.hasLayers ? "draws: example or batch" : "groups of two or more",
        got: "group of \(count)")
    }
    guard draws == nil || site != .gradients else {
      throw GraphError(
        .noise, at: owner, expected: "no draws: a step has one gradient", got: "\(draws?.description ?? "")")
    }
  }
}

extension NoiseTerm.Draws: CustomStringConvertible {
  public var description: String {
    switch self {
    case .example: "example"
    case .batch: "batch"
    case .group(let count): "group of \(count)"
    }
  }

  /// As `description` writes it.
  public init?(_ text: String) {
    switch text {
    case "example": self = .example
    case "batch": self = .batch
    default:
      guard text.hasPrefix("group of "), let count = Int(text.dropFirst(9)) else { return nil }
      self = .group(count)
    }
  }

  /// The row whose draw `row` has.
  func row(_ row: Int) -> Int {
    switch self {
    case .example: row
    case .batch: 0
    case .group(let count): row / count * count
    }
  }
}

extension NoiseSite {
  /// - Throws: `CatalogFault.unknownName` with the nearest known one. Names of older files are known.
  public init(named name: String) throws(CatalogError) {
    if let former = Catalog.sites.entries.first(where: { $0.formerNames.contains(name) }) {
      self = former
    } else {
      self = try Catalog.sites.entry(named: name)
    }
  }
}

extension NoiseTerm: Equatable {
  public static func == (a: NoiseTerm, b: NoiseTerm) -> Bool { a.setting == b.setting }
}

extension NoiseTerm: Codable {
  public init(from decoder: any Decoder) throws { try self.init(Setting(from: decoder), at: "noise") }
  public func encode(to encoder: any Encoder) throws { try setting.encode(to: encoder) }
}

import DitherBasics
import DitherGraph
import Foundation
import Yams

/// How a model is trained: what a recipe file says. docs/recipes.md describes every key.
public struct Recipe: Sendable {
  public var name: String
  /// Of `Catalog.dataSets`.
  public var data: String
  /// Rows of the training part that are held out to choose the stopping point.
  public var validation = 0
  public var architecture: any Architecture = MLP()
  public var optimizer: any Optimizer = SGD()
  public var schedule: any Schedule = CosineSchedule()
  /// What is trained with. Its weight, activation and normalisation terms are also what the model is served with.
  public var noise = NoiseModel([])
  public var noiseSchedule: any Schedule = ConstantSchedule()
  /// Served with instead of the training noise.
  public var servedNoise: NoiseModel?
  public var labelSmoothing = 0.0
  public var epochs = 10
  public var batch = 128
  public var seed: UInt64 = 1
  /// Epochs without a better validation accuracy after which training stops; nil: never. With it the best weights are kept.
  public var patience: Int?
  /// What convolutions and dense layers compute in while training; weights and their updates are fp32.
  public var precision = Plan.Precision.float32
  public var summary = ""
  /// The file's text, for the card and for `--resume` to compare.
  public private(set) var text = ""

  private static let keys = [
    "name", "summary", "data", "validation", "model", "optimizer", "schedule", "noise", "noise_schedule",
    "served_noise",
    "label_smoothing", "epochs", "batch", "seed", "patience", "precision",
  ]

  /// - Throws: `TrainFault.recipe` naming the key, or the catalog's error with the nearest known name.
  public init(yaml text: String) throws {
    let loaded: Any?
    do { loaded = try Yams.load(yaml: text) } catch {
      throw TrainError(.recipe, at: "recipe", expected: "YAML", got: "\(error)".clipped(to: 300))
    }
    guard let map = loaded as? [String: Any] else {
      throw TrainError(.recipe, at: "recipe", expected: "a mapping of keys", got: "something else")
    }
    for key in map.keys.sorted() where !Self.keys.contains(key) {
      throw TrainError(
        .recipe, at: "recipe", expected: "one of \(Self.keys.joined(separator: ", "))", got: "'\(key.clipped())'",
        advice: nearest(to: key, among: Self.keys).map { "did you mean '\($0)'?" })
    }
    func refuse(_ key: String, _ expected: String) -> TrainError {
      TrainError(
        .recipe, at: "recipe, '\(key)'", expected: expected, got: map[key].map { "\($0)".clipped() } ?? "nothing")
    }
    func integer(_ key: String, _ range: ClosedRange<Int>) throws(TrainError) -> Int? {
      guard let value = map[key] else { return nil }
      guard let number = value as? Int, range.contains(number) else {
        throw refuse(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
    guard let name = map["name"] as? String, name.wholeMatch(of: /[a-z0-9][a-z0-9._-]{0,63}/) != nil else {
      throw refuse("name", "lower-case letters, digits, dots and dashes")
    }
    guard let data = map["data"] as? String else { throw refuse("data", "the name of a data set") }
    self.name = name
    self.data = data
    self.text = text
    summary = map["summary"] as? String ?? ""
    validation = try integer("validation", 0...10_000_000) ?? validation
    epochs = try integer("epochs", 1...100_000) ?? epochs
    batch = try integer("batch", 1...65_536) ?? batch
    seed = UInt64(try integer("seed", 0...Int.max) ?? 1)
    patience = try integer("patience", 1...100_000)
    if let value = map["precision"] {
      guard let found = (value as? String).flatMap(Plan.Precision.init(rawValue:)) else {
        throw refuse("precision", Plan.Precision.allCases.map(\.rawValue).joined(separator: " or "))
      }
      precision = found
    }
    if let value = map["label_smoothing"] {
      guard let number = Self.number(value), (0..<1).contains(number) else {
        throw refuse("label_smoothing", "a number from 0 to below 1")
      }
      labelSmoothing = number
    }
    if let value = map["model"] {
      architecture = try Self.make(value, "model", { try Catalog.architectures.entry(named: $0).init() })
    }
    if let value = map["optimizer"] {
      optimizer = try Self.make(value, "optimizer", { try Catalog.optimizers.entry(named: $0).init() })
    }
    if let value = map["schedule"] {
      schedule = try Self.make(value, "schedule", { try Catalog.schedules.entry(named: $0).init() })
    }
    if let value = map["noise_schedule"] {
      noiseSchedule = try Self.make(value, "noise_schedule", { try Catalog.schedules.entry(named: $0).init() })
    }
    if let value = map["noise"] { noise = try Self.noise(value, "noise") }
    if let value = map["served_noise"] { servedNoise = try Self.noise(value, "served_noise") }
    guard patience == nil || validation > 0 else {
      throw refuse("patience", "'validation' rows to stop by, above 0")
    }
  }

  public init(file path: String) throws {
    let text: String
    do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
      throw TrainError(.recipe, at: path, expected: "a recipe file", got: error.localizedDescription)
    }
    try self.init(yaml: text)
  }

  /// The noise that the trained model carries: what is asked for, or what it was trained with behind its input.
  public var modelNoise: NoiseModel? {
    let noise = servedNoise ?? NoiseModel(self.noise.terms.filter { $0.site != .input && $0.site != .gradients })
    return noise.terms.isEmpty ? nil : noise
  }

  private static func number(_ value: Any) -> Double? {
    if let number = value as? Double { return number }
    if let number = value as? Int { return Double(number) }
    return (value as? String).flatMap(Parameters.number)
  }

  /// `kind: sgd, rate: 0.1` or just `sgd`.
  private static func make<Thing>(_ value: Any, _ key: String, _ defaults: (String) throws -> Thing) throws -> Thing {
    if let name = value as? String { return try defaults(name) }
    guard var map = value as? [String: Any], let kind = map.removeValue(forKey: "kind") as? String else {
      throw TrainError(
        .recipe, at: "recipe, '\(key)'", expected: "a name, or a mapping with 'kind'", got: "\(value)".clipped())
    }
    let made = try defaults(kind)
    guard let coded = made as? any Codable else { return made }
    var parameters: [String: String] = [:]
    for (name, value) in map { parameters[name] = text(value) }
    func overlay<Coded: Codable>(_ coded: Coded) throws -> Any {
      try Parameters.overlay(parameters, on: coded, of: "\(key) \(kind)")
    }
    guard let result = try overlay(coded) as? Thing else { return made }
    return result
  }

  private static func text(_ value: Any) -> String {
    if let list = value as? [Any] { return "[\(list.map(text).joined(separator: ","))]" }
    if let flag = value as? Bool { return flag ? "true" : "false" }
    return "\(value)"
  }

  private static func noise(_ value: Any, _ key: String) throws -> NoiseModel {
    guard let list = value as? [[String: Any]] else {
      throw TrainError(
        .recipe, at: "recipe, '\(key)'", expected: "a list of {site, sigma, …}", got: "\(value)".clipped())
    }
    let known = ["site", "sigma", "distribution", "scale", "rate"]
    var terms: [NoiseModel.Term] = []
    for map in list {
      if let unknown = map.keys.sorted().first(where: { !known.contains($0) }) {
        throw TrainError(
          .recipe, at: "recipe, '\(key)'", expected: known.joined(separator: ", "), got: "'\(unknown.clipped())'")
      }
      let namedSite = (map["site"] as? String).flatMap(NoiseModel.Site.init(rawValue:))
      if let rate = map["rate"] {
        guard let namedSite, map["distribution"] as? String == "dropout", map["sigma"] == nil, map["scale"] == nil,
          let rate = number(rate), (0..<1).contains(rate)
        else {
          throw TrainError(
            .recipe, at: "recipe, '\(key)'",
            expected: "a rate from 0 to below 1 with a site and the distribution dropout, in place of sigma and scale",
            got: "\(map)".clipped())
        }
        terms.append(.dropout(namedSite, rate: Float(rate)))
        continue
      }
      guard let site = namedSite,
        let sigma = map["sigma"].flatMap(number)
      else {
        throw TrainError(
          .recipe, at: "recipe, '\(key)'",
          expected: "a site of \(NoiseModel.Site.allCases.map(\.rawValue).joined(separator: ", ")) and a sigma",
          got: "\(map)".clipped())
      }
      guard let scale = NoiseModel.Scale(rawValue: map["scale"] as? String ?? NoiseModel.Scale.absolute.rawValue) else {
        throw TrainError(
          .recipe, at: "recipe, '\(key)'",
          expected: "a scale of \(NoiseModel.Scale.allCases.map(\.rawValue).joined(separator: ", "))",
          got: "\(map)".clipped())
      }
      terms.append(
        .init(site, sigma: Float(sigma), scale: scale, distribution: map["distribution"] as? String ?? "gaussian"))
    }
    let model = NoiseModel(terms)
    try model.validate()
    return model
  }
}

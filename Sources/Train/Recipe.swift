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
  /// What is trained with. Its terms behind the input are also what the model is served with, each schedule at its end.
  public var noise = NoiseModel([])
  /// Served with instead of the training noise.
  public var servedNoise: NoiseModel?
  public var labelSmoothing = 0.0
  public var epochs = 10
  public var batch = 128
  public var seed: UInt64 = 1
  /// Epochs without a better validation accuracy after which training stops; nil: never. With it the best weights are
  /// kept.
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
      guard let number = Setting(value).asNumber, (0..<1).contains(number) else {
        throw refuse("label_smoothing", "a number from 0 to below 1")
      }
      labelSmoothing = number
    }
    if let value = map["model"] {
      architecture = try Catalog.architectures.value(Setting(value), at: "model") { $0.init() }
    }
    if let value = map["optimizer"] {
      optimizer = try Catalog.optimizers.value(Setting(value), at: "optimizer") { $0.init() }
    }
    if let value = map["schedule"] {
      schedule = try Catalog.schedules.value(Setting(value), at: "schedule") { $0.init() }
    }
    if let value = map["noise"] { noise = try NoiseModel(Setting(value), at: "recipe, 'noise'") }
    if let value = map["noise_schedule"] {
      let common = try Catalog.schedules.value(Setting(value), at: "noise_schedule") { $0.init() }
      for at in noise.terms.indices where noise.terms[at].schedule == nil { noise.terms[at].schedule = common }
    }
    if let value = map["served_noise"] { servedNoise = try NoiseModel(Setting(value), at: "recipe, 'served_noise'") }
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
    let noise = servedNoise ?? NoiseModel(self.noise.terms.filter { $0.site != .input })
    let settled = NoiseModel(noise.settled.terms.filter(\.isActive))
    return settled.terms.isEmpty ? nil : settled
  }
}

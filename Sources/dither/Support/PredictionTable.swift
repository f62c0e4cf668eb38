import DitherBasics
import DitherInference
import DitherProto
import DitherRobustness

/// The answers of one `dither predict`, as `--json` and as a table.
struct PredictionTable: Encodable {
  struct Quantile: Encodable {
    var level: Double
    var values: [Double]
  }
  /// One example's. Its measures are keys beside the others, and absent where they were not measured.
  struct Row {
    var input: String
    /// nil of a regression.
    var label: UInt32?
    var labelName: String?
    /// Probabilities of the classes, or the values of a regression.
    var mean: [Double]
    var measures: [Dither_V1_Measure]
    var quantiles: [Quantile]
    var predictionSet: [UInt32]?
  }
  /// Why no more were drawn, in the wire's words; the better ones first.
  enum StopReason: String, Encodable, CaseIterable {
    case requested
    case toleranceMet = "tolerance_met"
    case sampleLimit = "sample_limit"
    case deadlineNear = "deadline_near"

    init(_ reason: Dither_V1_PredictResponse.StopReason) {
      switch reason {
      case .requested, .UNRECOGNIZED: self = .requested
      case .toleranceMet: self = .toleranceMet
      case .sampleLimit: self = .sampleLimit
      case .deadlineNear: self = .deadlineNear
      }
    }
    var words: String {
      switch self {
      case .requested: "as requested"
      case .toleranceMet: "tolerance met"
      case .sampleLimit: "the limit: tolerance not met"
      case .deadlineNear: "deadline near: tolerance not met"
      }
    }
    /// The worse of two endings: it speaks for all of several requests.
    func worse(_ other: Self) -> Self {
      let order = Self.allCases
      return order.firstIndex(of: self) ?? 0 >= order.firstIndex(of: other) ?? 0 ? self : other
    }
  }

  var model = ""
  var version: UInt64 = 0
  var digest = ""
  var samples: UInt32 = 0
  var seed: UInt64 = 0
  /// The terms of the noise that was drawn; none of the deterministic pass.
  var noise: [String] = []
  var stopReason: StopReason?
  var temperature = 1.0
  /// The number of the calibration that was used; 0: none.
  var calibration: UInt64 = 0
  /// The promise of the prediction sets: "marginal" or "class_conditional"; nil: there are none.
  var setKind: String?
  /// Classes that are in every set, as too few examples of theirs calibrated the model; nil: there are no sets.
  var alwaysInSet: [UInt32]?
  /// As it was asked for; nil: none was.
  var coverage: Double?
  var predictions: [Row] = []

  var seedToKeep: UInt64? { predictions.isEmpty ? nil : seed }

  mutating func add(_ response: Dither_V1_PredictResponse, names: ArraySlice<String>, coverage: Double?) {
    model = response.model
    version = response.version
    digest = response.digest
    samples = max(samples, response.samples)
    seed = response.seed
    noise = response.noise
    let reason = StopReason(response.stopReason)
    stopReason = stopReason?.worse(reason) ?? reason
    temperature = response.temperature
    calibration = response.calibration
    self.coverage = coverage
    // A regression has intervals, which are measures.
    let hasSets = response.setKind != .noSets
    if hasSets {
      setKind = response.setKind == .classConditional ? "class_conditional" : "marginal"
      alwaysInSet = response.alwaysInSet
    }
    for (name, prediction) in zip(names, response.predictions) {
      predictions.append(Row(prediction, input: name, hasSet: hasSets))
    }
  }

  /// - Parameters:
  ///   - asked: names of the measures that were asked for; none: the standard ones.
  ///   - classNames: of the model, or empty.
  ///   - hasNoise: whether the noise is told.
  func show(_ asked: [String], classNames: [String], noise hasNoise: Bool) {
    let hasLabels = predictions.contains { $0.label != nil }
    let numbered = "calibration \(calibration)", cooled = "temperature \(temperature.digits(3)) (\(numbered))"
    let calibrated = calibration > 0 ? "  " + (hasLabels ? cooled : numbered) : ""
    let reason = samples == 0 ? " (deterministic)" : stopReason.map { " (\($0.words))" } ?? ""
    print("\(model)@\(version)  \(samples) samples\(reason)  seed \(seed)\(calibrated)")
    if hasNoise { for term in noise { print("noise   \(term)") } }
    if setKind == "class_conditional" { print("sets hold the true class as often as asked in each class") }
    func name(_ label: UInt32) -> String? {
      classNames.indices.contains(Int(label)) ? classNames[Int(label)] : nil
    }
    if let always = alwaysInSet, !always.isEmpty {
      let names = always.map { label in name(label).map { "\(label) (\($0))" } ?? "\(label)" }
      print("in every set, as too few examples calibrated it: class \(names.joined(separator: ", "))")
    }
    let measures = measures(asked), hasSets = predictions.contains { $0.predictionSet != nil }
    let levels = hasLabels ? [] : predictions.first?.quantiles.map(\.level) ?? []
    let head =
      ["input"] + (hasLabels ? ["label", "probability"] : ["value"]) + measures.map(heading)
      + levels.map { "\($0) quantile" } + (hasSets ? ["set"] : [])
    print(
      table(
        [head]
          + predictions.map { row in
            row.cells + measures.map(row.cell)
              + (hasLabels ? [] : row.quantiles.map { Self.numbers($0.values) })
              + (hasSets ? ["{\((row.predictionSet ?? []).map { name($0) ?? "\($0)" }.joined(separator: ", "))}"] : [])
          }))
  }

  /// Names of the measures that were asked for, whether or not they were measured (all standard ones where none was
  /// named), and of all others that the server sent.
  private func measures(_ asked: [String]) -> [String] {
    let isRegression = predictions.contains { $0.label == nil }
    let known = Catalog<any Measure.Type>.measures.entries.filter {
      $0.isStandard && $0.applies(toRegression: isRegression)
    }
    var names = asked.isEmpty ? known.map { $0.name } : asked
    for measure in predictions.flatMap(\.measures) where !names.contains(measure.name) { names.append(measure.name) }
    return names
  }

  private func heading(_ measure: String) -> String {
    if let coverage, let end = ConformalIntervals.names.firstIndex(of: measure) {
      return "\((100 * coverage).short) % \(end == 0 ? "from" : "to")"
    }
    return (try? Catalog<any Measure.Type>.measures.entry(named: measure))?.heading ?? measure
  }

  fileprivate static func numbers(_ values: [Double]) -> String {
    values.map { abs($0) < 1e-2 && $0 != 0 || abs($0) >= 1e7 ? Written.number($0) : $0.digits(3) }.joined(
      separator: ", ")
  }
}

extension PredictionTable.Row {
  init(_ prediction: Dither_V1_Prediction, input: String, hasSet: Bool) {
    var label: UInt32?
    if case .label(let found) = prediction.labelled { label = found }
    self.init(
      input: input, label: label, labelName: prediction.labelName.isEmpty ? nil : prediction.labelName,
      mean: label == nil ? prediction.values : prediction.probabilities, measures: prediction.measures,
      quantiles: prediction.quantiles.map { .init(level: $0.level, values: $0.values) },
      predictionSet: hasSet ? prediction.predictionSet : nil)
  }

  /// The input and the answer itself.
  fileprivate var cells: [String] {
    guard let label else { return [input, PredictionTable.numbers(mean)] }
    return [input, labelName ?? "\(label)", own(mean).digits(3)]
  }

  /// A measure that has a value for each class is told by that of the label.
  fileprivate func cell(_ measure: String) -> String {
    guard let values = measures.first(where: { $0.name == measure })?.values, !values.isEmpty else { return "–" }
    return label != nil && values.count == mean.count ? own(values).digits(3) : PredictionTable.numbers(values)
  }

  private func own(_ values: [Double]) -> Double {
    label.flatMap { values.indices.contains(Int($0)) ? values[Int($0)] : nil } ?? .nan
  }
}

extension PredictionTable.Row: Encodable {
  /// A key by any name.
  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(input, forKey: Key("input"))
    try container.encodeIfPresent(label, forKey: Key("label"))
    try container.encodeIfPresent(labelName, forKey: Key("label_name"))
    try container.encode(mean, forKey: Key(label == nil ? "values" : "probabilities"))
    for measure in measures {
      let known = try? Catalog<any Measure.Type>.measures.entry(named: measure.name)
      let isByClass = known?.isByClass ?? ConformalIntervals.names.contains(measure.name)
      if let value = measure.values.first, measure.values.count == 1, !isByClass {
        try container.encode(value, forKey: Key(measure.name))
      } else {
        try container.encode(measure.values, forKey: Key(measure.name))
      }
    }
    if !quantiles.isEmpty { try container.encode(quantiles, forKey: Key("quantiles")) }
    try container.encodeIfPresent(predictionSet, forKey: Key("prediction_set"))
  }
}

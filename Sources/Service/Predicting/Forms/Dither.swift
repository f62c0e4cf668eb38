import DitherBasics
import DitherGraph
import DitherInference
import DitherProto
import SwiftProtobuf

extension PredictionQuery {
  /// - Throws: what is missing, or of no known kind, by its field.
  init(_ request: Dither_V1_PredictRequest) throws(ServiceError) {
    guard request.hasInput != !request.inputs.isEmpty else {
      throw ServiceError(
        .badField, at: "input", expected: request.hasInput ? "either input or inputs" : "an array",
        got: request.hasInput ? "both" : "none")
    }
    model = request.model
    inputs = request.hasInput ? [InputArray(request.input)] : request.inputs.map { InputArray($0) }
    if case .samples(let count) = request.howMany { samples = Int(count) }
    if request.tolerance != 0 { tolerance = request.tolerance }
    if request.maxSamples != 0 { maxSamples = Int(request.maxSamples) }
    if case .seed(let given) = request.seeded { seed = given }
    switch request.draws {
    case .fresh: path = .fresh
    case .shared: path = .explicit
    case .UNRECOGNIZED(let number):
      throw ServiceError(.badField, at: "draws", expected: "0 (fresh) or 1 (shared)", got: "\(number)")
    }
    antithetic = request.antithetic
    quantiles = request.quantiles
    measures = request.measures
    if request.coverage != 0 { coverage = request.coverage }
    switch request.setRule {
    case .lac: setRule = nil
    case .aps: setRule = .aps
    case .UNRECOGNIZED(let number):
      throw ServiceError(.badField, at: "set_rule", expected: "0 (LAC) or 1 (APS)", got: "\(number)")
    }
    switch request.intervalRule {
    case .intervalAuto: intervalRule = nil
    case .intervalAbsolute: intervalRule = .absolute
    case .intervalNormalized: intervalRule = .normalized
    case .intervalQuantiles: intervalRule = .quantiles
    case .UNRECOGNIZED(let number):
      throw ServiceError(
        .badField, at: "interval_rule", expected: "0 (auto), 1 (absolute), 2 (normalized) or 3 (quantiles)",
        got: "\(number)")
    }
    neverEmpty = request.neverEmpty
    uncalibrated = request.uncalibrated
    noise = request.noise
  }
}

extension InputArray {
  init(_ array: Dither_V1_Array) {
    self.init(element: Element(array.type), shape: array.shape, data: array.data)
  }

  init(_ input: Dither_V1_NamedArray) {
    self.init(
      element: Element(input.array.type), shape: input.array.shape, data: input.array.data, name: input.name)
  }
}

extension InputArray.Element {
  init?(_ type: Dither_V1_Array.TypeEnum) {
    switch type {
    case .float32: self = .float32
    case .uint8: self = .uint8
    case .int64: self = .int64
    case .unspecified, .UNRECOGNIZED: return nil
    }
  }
}

extension Dither_V1_PredictResponse {
  init(_ answer: PredictionAnswer) {
    self.init()
    model = answer.model
    version = UInt64(answer.version)
    digest = answer.digest
    samples = UInt32(answer.samples)
    seed = answer.seed
    noise = answer.noise
    stopReason =
      switch answer.stopReason {
      case .requested: .requested
      case .toleranceMet: .toleranceMet
      case .sampleLimit: .sampleLimit
      case .deadlineNear: .deadlineNear
      }
    temperature = answer.temperature
    calibration = UInt64(answer.calibration ?? 0)
    if let sets = answer.sets {
      setKind = sets.isClassConditional ? .classConditional : .marginal
      alwaysInSet = sets.always.map(UInt32.init)
    }
    timing.queueUs = answer.queued.microseconds
    timing.computeUs = answer.computed.microseconds
    predictions = answer.predictions.enumerated().map { row, prediction in
      var message = Dither_V1_Prediction(prediction, quantiles: answer.quantiles)
      message.labelName = answer.labelName(of: prediction) ?? ""
      if let sets = answer.sets { message.predictionSet = sets.classes[row].map(UInt32.init) }
      return message
    }
  }
}

extension Dither_V1_Prediction {
  fileprivate init(_ prediction: Prediction, quantiles levels: [Double]) {
    self.init()
    if let found = prediction.label {
      label = UInt32(found)
      probabilities = prediction.mean
    } else {
      values = prediction.mean
    }
    measures = prediction.measurements.map { measurement in
      Dither_V1_Measure.with {
        $0.name = measurement.name
        $0.values = measurement.values
      }
    }
    quantiles = zip(levels, prediction.quantiles).map { level, values in
      Dither_V1_Quantile.with {
        $0.level = level
        $0.values = values
      }
    }
  }
}

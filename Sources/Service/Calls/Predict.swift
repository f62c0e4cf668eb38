import DitherBasics
import DitherGraph
import DitherInference
import DitherProto
import DitherStore
import DitherTensor
import DitherTransport
import Foundation

/// `Inference/Predict`: probabilities with their uncertainty. Checked on the caller's thread, computed in a batch, answered
/// from a compute thread.
package struct PredictCall: PromptCall {
  package static let method = Dither_V1_Inference.predict
  package static let policy = CallPolicy(role: .predict)

  let registry: ModelRegistry
  let batcher: Batcher
  let metrics: Metrics
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    registry = services.registry
    batcher = services.batcher
    metrics = services.metrics
    limits = services.limits
  }

  package func answer(
    _ request: Dither_V1_PredictRequest, _ caller: Caller,
    _ complete: @escaping @Sendable (Result<Dither_V1_PredictResponse, any Error>) -> Void
  ) {
    registry.withModel(request.model) { result in
      do {
        let resolved = try result.get()
        try batcher.submit(work(request, resolved, caller, complete))
      } catch {
        complete(.failure(error))
      }
    }
  }

  private func work(
    _ request: Dither_V1_PredictRequest, _ resolved: ModelRegistry.Resolved, _ caller: Caller,
    _ complete: @escaping Completion
  ) throws -> PredictionWork {
    let model = resolved.loaded.model
    guard request.hasInput else {
      throw ServiceError(.badField, at: "input", expected: "an array", got: "none")
    }
    let inputs = try PredictionInput.tensor(request.input, for: model.signature, limits)
    let sets = try predictionSets(request, resolved)
    let budget = try budget(request, resolved, sets)
    try checkSize(rows: inputs.rowCount, draws: budget.draws(of: model), classes: model.signature.classes)
    let quantiles = try quantiles(request)
    let temperature = request.uncalibrated ? 1 : resolved.calibration?.fitted.temperature ?? 1
    let seed = request.seeded.map { if case .seed(let seed) = $0 { seed } else { 0 } } ?? Self.drawSeed()
    return PredictionWork(
      model: resolved.loaded, inputs: inputs, budget: budget, seed: seed, quantiles: quantiles,
      path: try path(request), antithetic: request.antithetic, temperature: temperature, deadline: caller.deadline,
      isCancelled: caller.isCancelled
    ) { [metrics] result in
      complete(
        result.flatMap { outcome in
          metrics.record(rows: outcome.predictions.count, samples: outcome.samples)
          // Only this request: those that ran with it have their answers.
          if let row = outcome.predictions.firstIndex(where: { $0.label == Label.none }) {
            return .failure(
              ServiceError(
                .noAnswer, at: "input, row \(row)", expected: "a finite answer of \(resolved.version.reference)",
                got: "NaN or infinity", advice: "leave the row out, or ask another version"))
          }
          var response = Self.response(outcome, resolved, seed, quantiles, sets, inputs)
          response.temperature = temperature
          response.calibration = request.uncalibrated ? 0 : UInt64(resolved.calibration?.number ?? 0)
          return .success(response)
        })
    }
  }

  private func path(_ request: Dither_V1_PredictRequest) throws(ServiceError) -> NoisePath {
    switch request.draws {
    case .fresh: return .fresh
    case .shared: return .explicit
    case .UNRECOGNIZED(let number):
      throw ServiceError(.badField, at: "draws", expected: "0 (fresh) or 1 (shared)", got: "\(number)")
    }
  }

  /// Below 2⁵³, so that a JSON number holds it.
  private static func drawSeed() -> UInt64 { UInt64.random(in: 0..<1 << 53) }

  /// What prediction sets are made by.
  private struct PredictionSets: Sendable {
    var rule: Conformal.Score
    var threshold: Double
    /// Draws of each answer that the threshold holds for.
    var samples: Int
  }

  /// - Returns: nil where none are asked for.
  private func predictionSets(
    _ request: Dither_V1_PredictRequest, _ resolved: ModelRegistry.Resolved
  ) throws(ServiceError) -> PredictionSets? {
    let rule: Conformal.Score
    switch request.setRule {
    case .lac: rule = .lac
    case .aps: rule = .aps
    case .UNRECOGNIZED(let number):
      throw ServiceError(.badField, at: "set_rule", expected: "0 (LAC) or 1 (APS)", got: "\(number)")
    }
    guard request.coverage != 0 else { return nil }
    guard request.coverage > 0, request.coverage < 1 else {
      throw ServiceError(
        .badField, at: "coverage", expected: "a number between 0 and 1", got: "\(request.coverage)")
    }
    guard !request.uncalibrated, !request.antithetic else {
      throw ServiceError(
        .badField, at: "coverage", expected: "calibrated answers of independent draws",
        got: request.uncalibrated ? "uncalibrated" : "antithetic", advice: "leave one of them out")
    }
    let reference = resolved.version.reference
    guard let fitted = resolved.calibration?.fitted else {
      throw ServiceError(
        .notReady, at: "coverage", expected: "a calibration of \(reference)", got: "none",
        advice: "calibrate it: `dither calibrate \(reference) --data …`")
    }
    let threshold = fitted.threshold(coverage: request.coverage, rule)
    guard threshold.isFinite else {
      throw ServiceError(
        .notReady, at: "coverage",
        expected: "at most \(fitted.mostCoverage), as \(fitted.conformalExamples) examples calibrated \(reference)",
        got: "\(request.coverage)", advice: "calibrate with more examples")
    }
    return PredictionSets(rule: rule, threshold: threshold, samples: fitted.samples)
  }

  private func budget(
    _ request: Dither_V1_PredictRequest, _ resolved: ModelRegistry.Resolved, _ sets: PredictionSets?
  ) throws -> MonteCarloPredictor.Budget {
    let most = MonteCarloPredictor.mostSamples
    if let sets {
      // The sets hold for the predictor that was calibrated, and for no other.
      let asked: Int? = if case .samples(let asked) = request.howMany { Int(asked) } else { nil }
      guard request.tolerance == 0, asked == nil || asked == sets.samples else {
        throw ServiceError(
          .badField, at: "samples", expected: "\(sets.samples), as the version was calibrated with",
          got: asked.map(String.init) ?? "a tolerance", advice: "leave it out, or calibrate with so many draws")
      }
      return .samples(sets.samples)
    }
    guard request.tolerance == 0 else {
      guard request.tolerance.isFinite, request.tolerance > 0 else {
        throw ServiceError(.badField, at: "tolerance", expected: "a number above 0", got: "\(request.tolerance)")
      }
      guard request.howMany == nil else {
        throw ServiceError(
          .badField, at: "samples", expected: "either samples or a tolerance", got: "both",
          advice: "bound a tolerance with max_samples")
      }
      let bound = request.maxSamples == 0 ? limits.defaultMaxSamples : Int(request.maxSamples)
      guard bound <= most else {
        throw ServiceError(.badField, at: "max_samples", expected: "at most \(most)", got: "\(bound)")
      }
      return .tolerance(request.tolerance, most: bound)
    }
    guard case .samples(let asked) = request.howMany else {
      return .samples(resolved.version.model.defaultSamples)
    }
    guard asked <= UInt32(most) else {
      throw ServiceError(.badField, at: "samples", expected: "0 to \(most)", got: "\(asked)")
    }
    return .samples(Int(asked))
  }

  private func checkSize(rows: Int, draws: Int, classes: Int) throws(ServiceError) {
    let (perRow, overflow) = max(draws, 1).multipliedReportingOverflow(by: classes)
    let (all, overflows) = perRow.multipliedReportingOverflow(by: rows)
    guard !overflow, !overflows, all <= limits.probabilitiesPerRequest else {
      throw ServiceError(
        .badField, at: "samples",
        expected: "rows × draws × classes of at most \(limits.probabilitiesPerRequest)",
        got: "\(rows) × \(draws) × \(classes)", advice: "ask for fewer draws, or for fewer rows at a time")
    }
  }

  private func quantiles(_ request: Dither_V1_PredictRequest) throws(ServiceError) -> [Double] {
    guard request.quantiles.count <= 32, request.quantiles.allSatisfy((0...1).contains) else {
      throw ServiceError(
        .badField, at: "quantiles", expected: "at most 32 levels from 0 to 1",
        got: "\(request.quantiles.prefix(33))".clipped())
    }
    return request.quantiles
  }

  private static func response(
    _ outcome: PredictionOutcome, _ resolved: ModelRegistry.Resolved, _ seed: UInt64, _ levels: [Double],
    _ sets: PredictionSets?, _ inputs: Tensor
  ) -> Dither_V1_PredictResponse {
    var response = Dither_V1_PredictResponse()
    response.model = resolved.version.name
    response.version = UInt64(resolved.version.version)
    response.digest = "\(resolved.version.blob)"
    response.samples = UInt32(outcome.samples)
    response.seed = seed
    response.stopReason =
      switch outcome.stopReason {
      case .requested: .requested
      case .toleranceMet: .toleranceMet
      case .sampleLimit: .sampleLimit
      case .deadlineNear: .deadlineNear
      }
    response.timing.queueUs = outcome.queued.microseconds
    response.timing.computeUs = outcome.computed.microseconds
    let names = resolved.loaded.model.signature.labelNames
    response.predictions = outcome.predictions.enumerated().map { row, prediction in
      var message = message(prediction, names, levels)
      if let sets {
        message.predictionSet = Conformal.set(
          prediction.probabilities, sets.rule, threshold: sets.threshold,
          u: Conformal.chance(seed: seed, example: inputs.row(row))
        ).map(UInt32.init)
      }
      return message
    }
    return response
  }

  private static func message(
    _ prediction: Prediction, _ names: [String], _ levels: [Double]
  ) -> Dither_V1_Prediction {
    var message = Dither_V1_Prediction()
    message.label = UInt32(prediction.label)
    message.labelName = names.indices.contains(prediction.label) ? names[prediction.label] : ""
    message.probabilities = prediction.probabilities
    message.std = prediction[StandardDeviation.self] ?? prediction.probabilities.map { _ in 0 }
    message.predictiveEntropy = prediction[PredictiveEntropy.self]?.first ?? 0
    message.expectedEntropy = prediction[ExpectedEntropy.self]?.first ?? 0
    message.mutualInformation = prediction[MutualInformation.self]?.first ?? 0
    message.variationRatio = prediction[VariationRatio.self]?.first ?? 0
    message.margin = prediction[Margin.self]?.first ?? 0
    message.standardError = prediction[LargestStandardError.self]?.first ?? 0
    message.quantiles = zip(levels, prediction.quantiles).map { level, values in
      var quantile = Dither_V1_Quantile()
      quantile.level = level
      quantile.values = values
      return quantile
    }
    return message
  }
}

/// Arrays of the wire as a model takes them.
enum PredictionInput {
  /// - Throws: `ServiceFault.badField` that names the field.
  static func tensor(
    _ array: Dither_V1_Array, for signature: ModelSignature, field: String = "input",
    _ limits: ServerConfiguration.Limits
  ) throws -> Tensor {
    let rows = try rowCount(array, signature, field)
    guard rows <= limits.rowsPerRequest else {
      throw ServiceError(
        .badField, at: "\(field).shape", expected: "at most \(limits.rowsPerRequest) rows", got: "\(rows)",
        advice: "send them in several requests")
    }
    let count = rows * signature.inputShape.count
    let width = array.type == .float32 ? 4 : 1
    guard array.data.count == count * width else {
      throw ServiceError(
        .badField, at: "\(field).data", expected: "\(count * width) bytes for \(array.shape) of \(name(array.type))",
        got: "\(array.data.count)")
    }
    if array.type == .uint8 { return try signature.input(bytes: [UInt8](array.data), rows: rows) }
    let values = floats(array.data, count: count)
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw ServiceError(
        .badField, at: "\(field).data", expected: "finite numbers", got: "\(values[bad]) at element \(bad)")
    }
    return signature.normalised(Tensor(signature.inputShape.replacingBatch(rows), values))
  }

  private static func rowCount(
    _ array: Dither_V1_Array, _ signature: ModelSignature, _ field: String
  ) throws(ServiceError) -> Int {
    guard array.type == .float32 || array.type == .uint8 else {
      throw ServiceError(
        .badField, at: "\(field).type", expected: "FLOAT32 or UINT8 for this model", got: name(array.type))
    }
    let expected = signature.inputShape.dimensions
    guard array.shape.count == expected.count + 1, array.shape.dropFirst().elementsEqual(expected.map(Int64.init)),
      let rows = array.shape.first.flatMap(Int.init(exactly:)), rows > 0
    else {
      throw ServiceError(
        .badField, at: "\(field).shape",
        expected: "[B, \(expected.map(String.init).joined(separator: ", "))] with B from 1",
        got: "\(array.shape)".clipped())
    }
    return rows
  }

  private static func floats(_ data: Data, count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      // The wire is little-endian, as every machine is that this is built for.
      filled = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / 4
    }
  }

  private static func name(_ type: Dither_V1_Array.TypeEnum) -> String {
    switch type {
    case .float32: "FLOAT32"
    case .uint8: "UINT8"
    case .int64: "INT64"
    case .unspecified: "no type"
    case .UNRECOGNIZED(let number): "type \(number)"
    }
  }
}

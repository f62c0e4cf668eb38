import DitherBasics
import DitherGraph
import DitherInference
import DitherStore
import DitherTensor

/// Answers queries: checked on the caller's thread, computed in a batch, answered from a compute thread.
struct Predicting: Sendable {
  typealias Completion = @Sendable (Result<PredictionAnswer, any Error>) -> Void

  let registry: ModelRegistry
  let batcher: Batcher
  let metrics: Metrics
  let limits: ServerConfiguration.Limits
  let statistics: PredictionStatistics

  init(_ services: Services) {
    registry = services.registry
    batcher = services.batcher
    metrics = services.metrics
    limits = services.limits
    statistics = services.statistics
  }

  func answer(_ query: PredictionQuery, _ caller: Caller, _ complete: @escaping Completion) {
    do { try query.check() } catch { return complete(.failure(error)) }
    let submit: @Sendable (Result<ModelRegistry.Resolved, any Error>) -> Void = { result in
      do {
        try batcher.submit(work(query, result.get(), caller, complete))
      } catch {
        complete(.failure(error))
      }
    }
    registry.withModel(query.model, drawing: query.noise) { result in
      switch result {
      case .failure: submit(result)
      case .success(let resolved): registry.withSize(of: query.inputs, resolved, submit)
      }
    }
  }

  private func work(
    _ query: PredictionQuery, _ resolved: ModelRegistry.Resolved, _ caller: Caller, _ complete: @escaping Completion
  ) throws -> PredictionWork {
    let model = resolved.model, inputs = try query.inputs.rows(for: model.signature, limits)
    let sets = try PredictionSets(query, resolved), sampling = try sampling(query, resolved, sets)
    let asked = ContinuousClock.now, watch = resolved.calibration?.watch
    // Answers are compared with the calibration's where they are made as those were.
    let isAlike = resolved.calibration.map { known in
      !query.uncalibrated && !sampling.antithetic && sampling.isFixed && sampling.path == .fresh
        && sampling.mostDraws(of: model) == (model.noise == nil ? 0 : known.fitted.samples)
    }
    try checkSize(rows: inputs.rowCount, draws: sampling.mostDraws(of: model), width: model.signature.width)
    return PredictionWork(
      model: resolved.loaded, network: model, inputs: inputs, sampling: sampling, deadline: caller.deadline,
      isCancelled: caller.isCancelled, thread: caller.thread
    ) { [metrics, statistics] result in
      statistics.record(result, of: resolved.version.reference, took: ContinuousClock.now - asked)
      complete(
        result.flatMap { outcome in
          metrics.record(rows: outcome.predictions.count, samples: outcome.samples)
          watch?.record(inputs, outcome.predictions, isAlike: isAlike ?? false)
          // Only this request: those that ran with it have their answers.
          if let row = outcome.predictions.firstIndex(where: { !$0.hasAnswer }) {
            return .failure(
              ServiceError(
                .noAnswer, at: "input, row \(row)", expected: "a finite answer of \(resolved.version.reference)",
                got: "NaN or infinity", advice: "leave the row out, or ask another version"))
          }
          let found = sets?.sets(of: outcome.predictions, inputs.tensor, seed: sampling.seed)
          if let found { statistics.record(sets: found.classes, of: resolved.version.reference) }
          return .success(
            PredictionAnswer(
              model: resolved.version.name, version: resolved.version.version, digest: "\(resolved.version.blob)",
              outputName: model.signature.outputName, task: model.signature.task, samples: outcome.samples,
              seed: sampling.seed, noise: outcome.samples > 0 ? resolved.loaded.noise : [],
              stopReason: outcome.stopReason, labelNames: model.signature.labelNames,
              predictions: outcome.predictions, quantiles: sampling.quantiles,
              sets: found,
              temperature: sampling.temperature,
              calibration: query.uncalibrated ? nil : (resolved.calibration?.number).map(Int.init),
              queued: outcome.queued, computed: outcome.computed))
        })
    }
  }

  private func sampling(
    _ query: PredictionQuery, _ resolved: ModelRegistry.Resolved, _ sets: PredictionSets?
  ) throws -> Sampling {
    let sampling = Sampling(
      try budget(query, resolved, sets), seed: query.seed ?? Self.drawSeed(), path: query.path,
      antithetic: query.antithetic,
      temperature: query.uncalibrated ? 1 : resolved.calibration?.fitted.temperature ?? 1,
      quantiles: query.quantiles, measures: query.measures)
    try sampling.check()
    return sampling
  }

  private func budget(
    _ query: PredictionQuery, _ resolved: ModelRegistry.Resolved, _ sets: PredictionSets?
  ) throws(ServiceError) -> Sampling.Budget {
    if let sets {
      // The sets hold for the predictor that was calibrated, and for no other.
      guard query.tolerance == nil, query.samples == nil || query.samples == sets.samples else {
        throw ServiceError(
          .badField, at: "samples", expected: "\(sets.samples), as the version was calibrated with",
          got: query.samples.map(String.init) ?? "a tolerance",
          advice: "leave it out, or calibrate with so many draws")
      }
      return .samples(sets.samples)
    }
    guard let tolerance = query.tolerance else {
      let usual = resolved.version.model.defaultSamples
      let samples = query.samples ?? (usual == 0 && !query.noise.isEmpty ? CheckedModel.usualSamples : usual)
      guard samples == 0 || resolved.loaded.model.noise != nil else {
        throw .nothingToDraw(samples, from: resolved.version.reference)
      }
      return .samples(samples)
    }
    guard query.samples == nil else {
      throw ServiceError(
        .badField, at: "samples", expected: "either samples or a tolerance", got: "both",
        advice: "bound a tolerance with max_samples")
    }
    return .tolerance(tolerance, most: query.maxSamples ?? limits.defaultMaxSamples)
  }

  /// Below 2⁵³, so that a JSON number holds it.
  private static func drawSeed() -> UInt64 { UInt64.random(in: 0..<1 << 53) }

  private func checkSize(rows: Int, draws: Int, width: Int) throws(ServiceError) {
    let (perRow, overflow) = max(draws, 1).multipliedReportingOverflow(by: width)
    let (all, overflows) = perRow.multipliedReportingOverflow(by: rows)
    guard !overflow, !overflows, all <= limits.probabilitiesPerRequest else {
      throw ServiceError(
        .badField, at: "samples",
        expected: "rows × draws × classes of at most \(limits.probabilitiesPerRequest)",
        got: "\(rows) × \(draws) × \(width)", advice: "ask for fewer draws, or for fewer rows at a time")
    }
  }
}

import DitherBasics
import DitherGraph
import DitherInference
import DitherStore
import DitherTensor
import DitherTransport
import Foundation

/// Answers queries: checked on the caller's thread, computed in a batch, answered from a compute thread.
struct Predicting: Sendable {
  typealias Completion = @Sendable (Result<PredictionAnswer, any Error>) -> Void

  let registry: ModelRegistry
  let batcher: Batcher
  let limits: ServerConfiguration.Limits
  let statistics: PredictionStatistics
  let books: Bookkeeping
  let teller: PredictionTeller
  private let rates: CallerRates

  init(_ services: Services) {
    registry = services.registry
    batcher = services.batcher
    limits = services.limits
    statistics = services.statistics
    books = services.books
    teller = services.teller
    rates = services.rates
  }

  func answer(_ query: PredictionQuery, _ caller: Caller, _ complete: @escaping Completion) {
    do { try query.check() } catch { return complete(.failure(error)) }
    guard let (trial, isShadow) = registry.trial(of: query.model, for: caller.scope) else {
      return serve(query, caller, complete)
    }
    guard isShadow else {
      var routed = query
      routed.model = trial.reference
      return serve(routed, caller, complete)
    }
    serve(query, caller) { result in
      complete(result)
      if case .success(let answer) = result { shadow(query, answer, trial) }
    }
  }

  /// After the caller has its answer: the candidate computes the same rows with the same draws, and is compared.
  private func shadow(_ query: PredictionQuery, _ answer: PredictionAnswer, _ trial: Rollouts.Trial) {
    let rollouts = registry.rollouts
    guard rollouts.begin(trial, isBusy: batcher.depth >= Rollouts.mostShadows) else { return }
    var asked = query
    asked.model = trial.reference
    asked.seed = answer.seed
    (asked.coverage, asked.setRule, asked.intervalRule, asked.neverEmpty) = (nil, nil, nil, false)
    (asked.quantiles, asked.measures) = ([], [])
    let question = asked
    Task {
      serve(question, Caller(name: "shadow", deadline: ContinuousClock.now + Self.shadowTime)) { result in
        rollouts.end(trial, answer.predictions, try? result.get().predictions)
      }
    }
  }

  /// For which a shadow is waited.
  private static let shadowTime = Duration.seconds(30)

  private func serve(_ query: PredictionQuery, _ caller: Caller, _ complete: @escaping Completion) {
    let submit: @Sendable (Result<ModelRegistry.Resolved, any Error>) -> Void = { result in
      do {
        let work = try work(query, result.get(), caller, complete)
        try rates.take(work.samples, .samples, by: caller.name, caller.rates)
        do { try batcher.submit(work) } catch {
          rates.giveBack(work.samples, .samples, of: caller.name)
          throw error
        }
      } catch {
        complete(.failure(error))
      }
    }
    registry.withModel(query.model, for: caller.scope, drawing: query.noise) { result in
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
    let coverage = try AskedCoverage(query, resolved), sampling = try sampling(query, resolved, coverage)
    let asked = ContinuousClock.now, watch = resolved.calibration?.watch
    // Answers are compared with the calibration's where they are made as those were.
    let isAlike = resolved.calibration.map { known in
      !query.uncalibrated && !sampling.antithetic && sampling.isFixed && sampling.path == .fresh
        && sampling.mostDraws(of: model) == (model.noise == nil ? 0 : known.fitted.samples)
    }
    try checkSize(rows: inputs.rowCount, draws: sampling.mostDraws(of: model), width: model.signature.width)
    let reference = resolved.version.reference
    let most = max(sampling.mostDraws(of: model), 1), isPaced = caller.rates.samples != nil
    return PredictionWork(
      model: resolved.loaded, network: model, inputs: inputs, sampling: sampling, caller: caller.name,
      deadline: caller.deadline,
      isCancelled: caller.isCancelled, thread: caller.thread
    ) { [statistics, books, teller, rates] result in
      if isPaced {
        rates.giveBack(Self.unused(most * inputs.rowCount, result), .samples, of: caller.name)
      }
      let took = ContinuousClock.now - asked, now = Date()
      let answer = result.flatMap { outcome in
        Result { try Self.answer(outcome, query, resolved, inputs, sampling, coverage?.sets) }
      }
      // Before the answer leaves, so that who has it finds it counted; all but this line happens later.
      books.note(bytes: inputs.tensor.count * MemoryLayout<Float>.size) {
        let outcome = try? result.get(), found = try? answer.get()
        statistics.record(
          PredictionStatistics.Ended(
            outcome: outcome, setSizes: found?.sets?.classes.map(\.count) ?? [], isAnswered: found != nil, took: took,
            at: now),
          of: reference)
        guard let outcome, let watch else { return }
        watch.record(
          inputs, outcome.predictions, seed: outcome.samples > 0 ? sampling.seed : nil, isAlike: isAlike ?? false)
      }
      teller.tell(result, of: reference, rows: inputs.rowCount, asked: asked, caller)
      complete(answer)
    }
  }

  private static func answer(
    _ outcome: PredictionOutcome, _ query: PredictionQuery, _ resolved: ModelRegistry.Resolved,
    _ inputs: CheckedInputs, _ sampling: Sampling, _ sets: PredictionSets?
  ) throws -> PredictionAnswer {
    let version = resolved.version, signature = resolved.model.signature
    // Only this request: those that ran with it have their answers.
    if let row = outcome.predictions.firstIndex(where: { !$0.hasAnswer }) {
      throw ServiceError(
        .noAnswer, at: "input, row \(row)", expected: "a finite answer of \(version.reference)",
        got: "NaN or infinity",
        advice:
          "give a table's numbers as its training data had them (the card tells how), leave the row out, or ask another version"
      )
    }
    return PredictionAnswer(
      model: version.name, version: version.version, digest: "\(version.blob)", outputName: signature.outputName,
      task: signature.task, samples: outcome.samples, seed: sampling.seed,
      noise: outcome.samples > 0 ? resolved.loaded.noise : [], stopReason: outcome.stopReason,
      labelNames: signature.labelNames, predictions: outcome.predictions, quantiles: sampling.quantiles,
      sets: sets?.sets(of: outcome.predictions, inputs.tensor, seed: sampling.seed),
      temperature: sampling.temperature,
      calibration: query.uncalibrated ? nil : (resolved.calibration?.number).map(Int.init), queued: outcome.queued,
      computed: outcome.computed)
  }

  /// The samples of a request that came to nothing: those that were not needed, and all where the queue had no room.
  private static func unused(_ most: Int, _ result: Result<PredictionOutcome, any Error>) -> Int {
    switch result {
    case .success(let outcome): most - max(outcome.samples, 1) * outcome.predictions.count
    case .failure(let error as ServiceError) where error.code == .overloaded: most
    case .failure: 0
    }
  }

  private func sampling(
    _ query: PredictionQuery, _ resolved: ModelRegistry.Resolved, _ coverage: AskedCoverage?
  ) throws -> Sampling {
    let sampling = Sampling(
      try budget(query, resolved, coverage), seed: query.seed ?? Self.drawSeed(), path: query.path,
      antithetic: query.antithetic,
      temperature: query.uncalibrated ? 1 : resolved.calibration?.fitted.temperature ?? 1,
      quantiles: query.quantiles, measures: query.measures, intervals: coverage?.intervals)
    try sampling.check()
    return sampling
  }

  private func budget(
    _ query: PredictionQuery, _ resolved: ModelRegistry.Resolved, _ coverage: AskedCoverage?
  ) throws(ServiceError) -> Sampling.Budget {
    if let coverage {
      // It holds for the predictor that was calibrated, and for no other.
      guard query.tolerance == nil, query.samples == nil || query.samples == coverage.samples else {
        throw ServiceError(
          .badField, at: "samples", expected: "\(coverage.samples), as the version was calibrated with",
          got: query.samples.map(String.init) ?? "a tolerance",
          advice: "leave it out, or calibrate with so many draws")
      }
      return .samples(coverage.samples)
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

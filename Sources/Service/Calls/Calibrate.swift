import DitherBasics
import DitherJobs
import DitherInference
import DitherProto
import DitherRobustness
import DitherStore
import DitherTensor
import DitherTransport

/// `Registry/Calibrate`: fits a version's temperature and the thresholds of its prediction sets, or of a regression the
/// distances of its intervals, and stores them with it.
package struct CalibrateCall: UnaryCall {
  package static let method = Dither_V1_Registry.calibrate
  package static let policy = CallPolicy(role: .publish, defaultDeadline: .seconds(600))

  let registry: ModelRegistry
  let pool: ComputePool
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    registry = services.registry
    pool = services.fitting
    limits = services.limits
  }

  package func answer(_ request: Dither_V1_CalibrateRequest, _ caller: Caller) async throws -> Dither_V1_Calibration {
    let resolved = try await registry.model(request.model, for: caller.scope)
    let record = try await pool.run { try fit(request, resolved, caller) }
    let names = resolved.loaded.model.signature.labelNames
    guard !request.tryOnly else { return Dither_V1_Calibration(record, of: resolved.version, nil, names) }
    let stored = try await registry.calibrate(resolved.version, record, by: caller.name)
    return Dither_V1_Calibration(record, of: stored, stored.calibration, names)
  }

  private func fit(
    _ request: Dither_V1_CalibrateRequest, _ resolved: ModelRegistry.Resolved, _ caller: Caller
  ) throws -> CalibrationRecord {
    let version = resolved.version, most = Sampling.mostSamples
    guard request.samples <= UInt32(most) else {
      throw ServiceError(.badField, at: "samples", expected: "0 to \(most)", got: "\(request.samples)")
    }
    guard request.samples == 0 || resolved.loaded.model.noise != nil else {
      throw ServiceError.nothingToDraw(Int(request.samples), from: version.reference)
    }
    let own = resolved.loaded.model
    guard !own.signature.task.isRegression || !request.classConditional else {
      throw ServiceError(
        .badField, at: "class_conditional", expected: "a model that tells classes apart", got: "a regression",
        advice: "leave it out; interval_rule of a prediction says how its intervals are made")
    }
    let data = try data(request)
    let model = try own.sized(for: own.signature.rowShapes(of: data.inputs, as: data.layout))
    let checked = try data.checked(
      for: [AuditSubject(name: version.reference, digest: "\(version.blob)", model: model)], count: data.labels.count)
    let samples = request.samples > 0 ? Int(request.samples) : version.model.defaultSamples
    let shape = [checked.labels.count] + model.signature.inputShape.dimensions
    let inputs = model.signature.normalized(checked.inputs.reshaped(.init(shape)))
    let fitted: FittedCalibration
    if let values = checked.values {
      fitted = .values(
        try IntervalCalibration(
          fitting: model, inputs: inputs, values: values, samples: samples, seed: request.seed,
          proceed: { try caller.proceed() }))
    } else {
      fitted = .classes(
        try ModelCalibration(
          fitting: model, inputs: inputs, labels: checked.labels, samples: samples, seed: request.seed,
          classConditional: request.classConditional, proceed: { try caller.proceed() }))
    }
    return CalibrationRecord(data: data.name, dataDigest: checked.digest, fitted: fitted)
  }

  private func data(_ request: Dither_V1_CalibrateRequest) throws -> AuditData {
    switch request.data {
    case .dataSet(let reference):
      return try AuditRequest.Data.named(reference).read(usual: nil).prefix(limits.auditExamples)
    case .examples(let examples): return try AuditRequest.Data(examples, limits).read(usual: nil)
    case nil:
      throw AuditRequest.Data.missing(advice: "name examples that the model was not trained on, as mnist:5000-10000")
    }
  }
}

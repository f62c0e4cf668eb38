import DitherBasics
import DitherJobs
import DitherInference
import DitherProto
import DitherRobustness
import DitherStore
import DitherTensor
import DitherTransport

/// `Registry/Calibrate`: fits a version's temperature and the thresholds of its prediction sets, and stores them with
/// it.
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
    let data = try data(request), own = resolved.loaded.model
    let model = try own.sized(for: own.signature.rowShapes(of: data.inputs, as: data.layout))
    let checked = try data.checked(
      for: [AuditSubject(name: version.reference, digest: "\(version.blob)", model: model)], count: data.labels.count)
    let samples = request.samples > 0 ? Int(request.samples) : version.model.defaultSamples
    let shape = [checked.labels.count] + model.signature.inputShape.dimensions
    let fitted = try ModelCalibration(
      fitting: model, inputs: model.signature.normalized(checked.inputs.reshaped(.init(shape))),
      labels: checked.labels, samples: samples, seed: request.seed,
      classConditional: request.classConditional, proceed: { try caller.proceed() })
    return CalibrationRecord(data: data.name, dataDigest: checked.digest, calibration: fitted)
  }

  private func data(_ request: Dither_V1_CalibrateRequest) throws -> AuditData {
    switch request.data {
    case .dataSet(let reference):
      var data = try AuditRequest.Data.named(reference).read(usual: nil)
      let count = min(data.labels.count, limits.auditExamples)
      data.inputs = data.inputs.rows(0..<count)
      data.labels = Array(data.labels[..<count])
      return data
    case .examples(let examples): return try AuditRequest.Data(examples, limits).read(usual: nil)
    case nil:
      throw AuditRequest.Data.missing(advice: "name examples that the model was not trained on, as mnist:5000-10000")
    }
  }
}

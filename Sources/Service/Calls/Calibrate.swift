import DitherBasics
import DitherDatasets
import DitherInference
import DitherProto
import DitherRobustness
import DitherStore
import DitherTensor
import DitherTransport

/// `Registry/Calibrate`: fits a version's temperature and the thresholds of its prediction sets, and stores them with it.
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
    let resolved = try await registry.model(request.model)
    return try await pool.run { try calibrate(request, resolved, caller) }
  }

  private func calibrate(
    _ request: Dither_V1_CalibrateRequest, _ resolved: ModelRegistry.Resolved, _ caller: Caller
  ) throws -> Dither_V1_Calibration {
    let version = resolved.version, model = resolved.loaded.model, most = Sampling.mostSamples
    guard request.samples <= UInt32(most) else {
      throw ServiceError(.badField, at: "samples", expected: "0 to \(most)", got: "\(request.samples)")
    }
    let data = try data(request)
    let checked = try data.checked(
      for: [AuditSubject(name: version.reference, digest: "\(version.blob)", model: model)], count: data.labels.count)
    let samples = request.samples > 0 ? Int(request.samples) : version.model.defaultSamples
    let shape = [checked.labels.count] + model.signature.inputShape.dimensions
    let fitted = try ModelCalibration(
      fitting: model, inputs: model.signature.normalised(checked.inputs.reshaped(.init(shape))),
      labels: checked.labels, samples: samples, seed: request.seed, proceed: { try caller.proceed() })
    let record = CalibrationRecord(data: data.name, dataDigest: checked.digest, calibration: fitted)
    guard !request.tryOnly else { return Dither_V1_Calibration(record, of: version, nil) }
    let stored = try registry.calibrate(version, record, by: caller.name)
    return Dither_V1_Calibration(record, of: stored, stored.calibration)
  }

  private func data(_ request: Dither_V1_CalibrateRequest) throws -> AuditData {
    switch request.data {
    case .dataSet(let reference):
      let set = try Dataset.load(reference).first(limits.auditExamples)
      return AuditData(name: reference, inputs: set.inputs, labels: set.labels, start: set.start)
    case .examples(let examples):
      guard examples.labels.count <= limits.auditExamples else {
        throw ServiceError(
          .badField, at: "examples.labels", expected: "at most \(limits.auditExamples)",
          got: "\(examples.labels.count)")
      }
      return try AuditExamples.data(examples)
    case nil:
      throw ServiceError(
        .badField, at: "data", expected: "data_set or examples", got: "neither",
        advice: "name examples that the model was not trained on, as mnist:5000-10000")
    }
  }
}

import DitherInference
import DitherProto
import DitherStore
import SwiftProtobuf

/// A calibration as it is stored with a version.
struct CalibrationRecord: Codable, Sendable {
  /// As the data was named, and the digest of its examples.
  var data: String
  var dataDigest: String
  var calibration: ModelCalibration
}

extension Dither_V1_Calibration {
  /// - Parameter stored: nil: it was a trial.
  init(_ record: CalibrationRecord, of version: ModelVersion, _ stored: StoredCalibration?) {
    self.init()
    let fitted = record.calibration
    number = UInt64(stored?.number ?? 0)
    model = version.name
    self.version = UInt64(version.version)
    temperature = fitted.temperature
    samples = UInt32(fitted.samples)
    seed = fitted.seed
    data = record.data
    dataDigest = record.dataDigest
    temperatureExamples = UInt32(fitted.temperatureExamples)
    conformalExamples = UInt32(fitted.conformalExamples)
    mostCoverage = fitted.mostCoverage
    thresholds = [0.5, 0.8, 0.9, 0.95, 0.99].filter { $0 <= fitted.mostCoverage }.map { coverage in
      .with {
        $0.coverage = coverage
        $0.lac = fitted.threshold(coverage: coverage, .lac)
        $0.aps = fitted.threshold(coverage: coverage, .aps)
      }
    }
    before = Quality(fitted.before)
    after = Quality(fitted.after)
    createdMs = stored?.createdMilliseconds ?? 0
    createdBy = stored?.createdBy ?? ""
  }
}

extension Dither_V1_Calibration.Quality {
  fileprivate init(_ quality: ModelCalibration.Quality) {
    self.init()
    negativeLogLikelihood = quality.negativeLogLikelihood
    brier = quality.brier
    expectedCalibrationError = quality.expectedCalibrationError
  }
}

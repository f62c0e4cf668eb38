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
  /// Coverages whose thresholds are told.
  private static let coverages = [0.5, 0.8, 0.9, 0.95, 0.99]

  /// - Parameters:
  ///   - stored: nil: it was a trial.
  ///   - names: of the classes, or empty.
  init(_ record: CalibrationRecord, of version: ModelVersion, _ stored: StoredCalibration?, _ names: [String]) {
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
    if let counts = fitted.classExamples {
      classes = counts.enumerated().map { label, count in
        .with {
          $0.label = UInt32(label)
          $0.name = names.indices.contains(label) ? names[label] : ""
          $0.examples = UInt32(count)
          $0.mostCoverage = ModelCalibration.mostCoverage(of: count)
          $0.thresholds = Self.thresholds(of: fitted, upTo: $0.mostCoverage, label, of: counts.count)
        }
      }
    } else {
      thresholds = Self.thresholds(of: fitted, upTo: fitted.mostCoverage, 0, of: 1)
    }
    before = Quality(fitted.before)
    after = Quality(fitted.after)
    createdMs = stored?.createdMilliseconds ?? 0
    createdBy = stored?.createdBy ?? ""
  }

  private static func thresholds(
    of fitted: ModelCalibration, upTo most: Double, _ label: Int, of classes: Int
  ) -> [Threshold] {
    coverages.filter { $0 <= most }.map { coverage in
      .with {
        $0.coverage = coverage
        $0.lac = fitted.thresholds(coverage: coverage, .lac, classes: classes)[label]
        $0.aps = fitted.thresholds(coverage: coverage, .aps, classes: classes)[label]
      }
    }
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

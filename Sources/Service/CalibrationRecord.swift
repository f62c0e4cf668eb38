import DitherInference
import DitherProto
import DitherStore
import SwiftProtobuf

/// A calibration as it is stored with a version.
struct CalibrationRecord: Codable, Sendable {
  /// As the data was named, and the digest of its examples.
  var data: String
  var dataDigest: String
  var fitted: FittedCalibration

  private enum Key: CodingKey { case data, dataDigest, calibration, intervals }

  init(data: String, dataDigest: String, fitted: FittedCalibration) {
    (self.data, self.dataDigest, self.fitted) = (data, dataDigest, fitted)
  }

  init(from decoder: any Swift.Decoder) throws {
    let record = try decoder.container(keyedBy: Key.self)
    data = try record.decode(String.self, forKey: .data)
    dataDigest = try record.decode(String.self, forKey: .dataDigest)
    if let intervals = try record.decodeIfPresent(IntervalCalibration.self, forKey: .intervals) {
      fitted = .values(intervals)
    } else {
      fitted = .classes(try record.decode(ModelCalibration.self, forKey: .calibration))
    }
  }

  func encode(to encoder: any Swift.Encoder) throws {
    var record = encoder.container(keyedBy: Key.self)
    try record.encode(data, forKey: .data)
    try record.encode(dataDigest, forKey: .dataDigest)
    switch fitted {
    case .classes(let calibration): try record.encode(calibration, forKey: .calibration)
    case .values(let intervals): try record.encode(intervals, forKey: .intervals)
    }
  }
}

/// Found by a calibration, of either kind of model.
enum FittedCalibration: Sendable {
  case classes(ModelCalibration)
  /// A regression's.
  case values(IntervalCalibration)

  /// That every draw's logits are divided by; nil of a regression, which has none.
  var temperature: Double? {
    switch self {
    case .classes(let fitted): fitted.temperature
    case .values: nil
    }
  }

  /// Draws of each answer that it holds for.
  var samples: Int {
    switch self {
    case .classes(let fitted): fitted.samples
    case .values(let fitted): fitted.samples
    }
  }

  /// How its examples are distributed; nil of calibrations before there was this.
  var drift: DriftReference? {
    switch self {
    case .classes(let fitted): fitted.drift
    case .values(let fitted): fitted.drift
    }
  }
}

extension Dither_V1_Calibration {
  /// Coverages whose thresholds are told.
  private static let coverages = [0.5, 0.8, 0.9, 0.95, 0.99]

  /// - Parameters:
  ///   - stored: nil: it was a trial.
  ///   - names: of the classes, or empty.
  init(_ record: CalibrationRecord, of version: ModelVersion, _ stored: StoredCalibration?, _ names: [String]) {
    self.init()
    number = UInt64(stored?.number ?? 0)
    model = version.name
    self.version = UInt64(version.version)
    temperature = record.fitted.temperature ?? 1
    samples = UInt32(record.fitted.samples)
    data = record.data
    dataDigest = record.dataDigest
    switch record.fitted {
    case .classes(let fitted): fill(fitted, names)
    case .values(let fitted): fill(fitted)
    }
    createdMs = stored?.createdMilliseconds ?? 0
    createdBy = stored?.createdBy ?? ""
  }

  private mutating func fill(_ fitted: ModelCalibration, _ names: [String]) {
    seed = fitted.seed
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
  }

  private mutating func fill(_ fitted: IntervalCalibration) {
    seed = fitted.seed
    conformalExamples = UInt32(fitted.examples)
    mostCoverage = fitted.mostCoverage
    let known = Self.coverages.filter { $0 <= fitted.mostCoverage }
    values = fitted.rmse.enumerated().map { value, rmse in
      .with {
        $0.rmse = rmse
        $0.intervals = known.map { Interval(fitted, coverage: $0, value) }
      }
    }
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

extension Dither_V1_Calibration.Interval {
  /// - Parameter value: its number.
  fileprivate init(_ fitted: IntervalCalibration, coverage: Double, _ value: Int) {
    self.init()
    func threshold(_ rule: ConformalIntervals.Rule) -> Double {
      fitted.intervals(coverage: coverage, rule)?.thresholds[value] ?? 0
    }
    self.coverage = coverage
    absolute = threshold(.absolute)
    hasDeviation_p = fitted.hasDeviation
    normalized = threshold(.normalized)
    quantiles = threshold(.quantiles)
    ownCoverage = fitted.ownCoverage(at: coverage)?[value] ?? 0
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

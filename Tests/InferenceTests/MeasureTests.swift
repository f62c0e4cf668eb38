import DitherBasics
import DitherDatasets
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Measures and metrics against NumPy, SciPy and scikit-learn in double precision.
@Suite("Uncertainty reference", .enabled(if: Golden.isPresent, "reference vectors absent"))
struct MeasureTests {
  static let cases = Golden.folders(in: "uncertainty").filter { !["conformal", "ood", "temperature"].contains($0) }

  private func draws(_ name: String) throws -> (all: [Draws], labels: [Int]) {
    let probs = try Golden.npy("uncertainty/\(name)/probs.npy"), p = probs.numbers
    let (s, b, c) = (probs.shape[0], probs.shape[1], probs.shape[2])
    let all = (0..<b).map { row in
      Draws(probabilities: (0..<s).flatMap { d in (0..<c).map { p[(d * b + row) * c + $0] } }, classes: c)
    }
    return (all, try Golden.npy("uncertainty/\(name)/labels.npy").integers())
  }

  @Test("measures of each example", arguments: cases)
  func measures(_ name: String) throws {
    let all = try draws(name).all
    func expect(_ file: String, _ mine: [Double]) throws {
      let golden = try Golden.npy("uncertainty/\(name)/\(file).npy").numbers
      #expect(mine.count == golden.count)
      let worst = zip(mine, golden).map { abs($0 - $1) }.max() ?? 0
      #expect(worst < 1e-10, "\(file)")
    }
    try expect("mean", all.flatMap(\.mean))
    try expect("predictive_entropy", all.compactMap(PredictiveEntropy.value))
    try expect("margin", all.compactMap(Margin.value))
    // One draw cannot tell how much draws differ, nor divide the total.
    let parts: [(String, any Measure.Type)] = [
      ("std_ddof1", StandardDeviation.self), ("expected_entropy", ExpectedEntropy.self),
      ("mutual_information", MutualInformation.self), ("variation_ratio_mode", VariationRatio.self),
    ]
    for (file, measure) in parts {
      let values = all.compactMap(measure.values)
      if all.allSatisfy({ $0.samples < 2 }) { #expect(values.isEmpty) } else { try expect(file, values.flatMap { $0 }) }
    }
  }

  @Test("metrics of the mean", arguments: cases)
  func metrics(_ name: String) throws {
    let (all, labels) = try draws(name), p = all.map(\.mean)
    let golden = try Golden.json("uncertainty/\(name)/metrics.json")
    func expect(_ key: String, _ mine: Double, tolerance: Double = 1e-9) {
      guard let value = golden.number("metrics_of_the_mean", key, "golden") else { return }
      #expect(abs(mine - value) < tolerance, "\(key)")
    }
    expect("accuracy", Metrics.accuracy(p, labels))
    expect("nll", Metrics.negativeLogLikelihood(p, labels))
    expect("brier", Metrics.brier(p, labels))
    expect("failure_auroc", Metrics.failureAUROC(p, labels))
    expect("adaptive_ece15", Metrics.adaptiveCalibrationError(p, labels))
    // Its confidences tie, which the reference takes in the order of the file; which bin an edge falls into is not agreed between packages.
    guard name != "bin_edges" else { return }
    expect("aurc", Metrics.areaUnderRiskCoverage(p, labels))
    if let value = golden.number("metrics_of_the_mean", "aurc", "excess_aurc_exact") {
      #expect(abs(Metrics.excessAreaUnderRiskCoverage(p, labels) - value) < 1e-9)
    }
    let errors = Metrics.calibrationErrors(Metrics.reliability(p, labels))
    expect("ece15", errors.expected)
    expect("mce15", errors.maximum)
    expect("ece15_rms", errors.rms)
  }

  @Test("out-of-distribution scores", arguments: ["smooth", "ties", "tiny", "reversed"])
  func ood(_ name: String) throws {
    let inside = try Golden.npy("uncertainty/ood/\(name)_id_score.npy").numbers
    let outside = try Golden.npy("uncertainty/ood/\(name)_ood_score.npy").numbers
    let golden = try Golden.json("uncertainty/ood/metrics.json")
    func expect(_ key: String, _ mine: Double) throws {
      let value = try #require(golden.number(name, key))
      #expect(abs(mine - value) < 1e-9, "\(key)")
    }
    try expect("auroc", Metrics.areaUnderROC(negatives: inside, positives: outside))
    try expect("aupr_ood_positive", Metrics.averagePrecision(negatives: inside, positives: outside))
    try expect("fpr95_ood_positive", Metrics.falsePositiveRate(negatives: inside, positives: outside))
    let (low, high) = (inside.map { -$0 }, outside.map { -$0 })
    try expect("aupr_id_positive", Metrics.averagePrecision(negatives: high, positives: low))
    try expect("fpr95_id_positive", Metrics.falsePositiveRate(negatives: high, positives: low))
  }

  @Test("temperature", arguments: ["over", "under", "large"])
  func temperature(_ name: String) throws {
    let logits = try Golden.npy("uncertainty/temperature/\(name)_logits.npy"), z = logits.numbers, c = logits.shape[1]
    let labels = try Golden.npy("uncertainty/temperature/\(name)_labels.npy").integers()
    let rows = (0..<logits.shape[0]).map { Array(z[$0 * c..<($0 + 1) * c]) }
    let golden = try #require(try Golden.json("uncertainty/temperature/metrics.json").number(name, "T"))
    #expect(try abs(Temperature.fit(logits: rows, labels: labels) / golden - 1) < 1e-6)
  }

  @Test("conformal thresholds and sets", arguments: ["n8_c5", "n37_c3", "n99_c4", "n500_c10"])
  func conformal(_ name: String) throws {
    func rows(_ file: String) throws -> [[Double]] {
      let array = try Golden.npy("uncertainty/conformal/\(name)_\(file).npy"), c = array.shape[1], p = array.numbers
      return (0..<array.shape[0]).map { Array(p[$0 * c..<($0 + 1) * c]) }
    }
    let calibration = try rows("cal_probs"), test = try rows("test_probs")
    let labels = try Golden.npy("uncertainty/conformal/\(name)_cal_labels.npy").integers()
    let u = try Golden.npy("uncertainty/conformal/\(name)_cal_u.npy").numbers
    let golden = try Golden.json("uncertainty/conformal/metrics.json")
    for alpha in [0.1, 0.05, 0.2] {
      func expect(_ key: String, _ scores: [Double]) {
        let mine = Conformal.threshold(scores, alpha: alpha)
        guard let value = golden.number(name, "alpha_\(alpha)", key, "golden") else {
          return #expect(mine == .infinity, "\(key) at \(alpha)")
        }
        #expect(abs(mine - value) < 1e-12, "\(key) at \(alpha)")
      }
      expect("lac", zip(calibration, labels).map { Conformal.score($0, $1, .lac) })
      expect("aps_deterministic", zip(calibration, labels).map { Conformal.score($0, $1, .aps) })
      expect("aps_randomised", calibration.indices.map { Conformal.score(calibration[$0], labels[$0], .aps, u: u[$0]) })
    }
    for (kind, file) in [(Conformal.Score.lac, "lac_sets"), (.aps, "aps_deterministic_sets")] {
      let threshold = Conformal.threshold(zip(calibration, labels).map { Conformal.score($0, $1, kind) }, alpha: 0.1)
      let expected = try rows(file)
      for (p, members) in zip(test, expected) {
        #expect(Conformal.set(p, kind, threshold: threshold) == members.indices.filter { members[$0] != 0 })
      }
    }
  }
}

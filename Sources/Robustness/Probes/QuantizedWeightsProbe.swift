import DitherBasics
import DitherInference
import DitherTensor

/// Accuracy with weights rounded to few bits: symmetric, one scale for each output (the first axis), from −(2^(b−1) −
/// 1) to 2^(b−1) − 1. Source: Nagel et al. 2021, arXiv 2106.08295, 2.2 (rounding to nearest, without retraining).
struct QuantizedWeightsProbe: Probe {
  static let name = "quantised_weights"
  static let summary = "accuracy with weights rounded to few bits"
  /// With ; between.
  var bits = "8;6;5;4;3;2"

  func validate() throws(RobustnessError) { _ = try widths() }
  var takesAllExamples: Bool { true }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    // Rounding is about sixteen passes over the weights.
    let count = (try? widths().count) ?? 1
    return ProbeCost(forward: examples * (draws + count), sweeps: 16 * count)
  }

  private func widths() throws(RobustnessError) -> [Int] {
    let numbers = try NumberList.parse(bits, "bits", in: 2...16)
    if let broken = numbers.first(where: { $0 != $0.rounded() }) {
      throw RobustnessError(.parameter, at: "bits", expected: "whole numbers from 2 to 16", got: "\(broken)")
    }
    return numbers.map { Int($0) }
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Outcome.clean(batch, predictor), summary = Summary()
    let landscape = try WeightLandscape(batch, predictor), n = batch.labels.count
    var accuracies: [Summary.Point] = [], losses: [Summary.Point] = []
    for bits in try widths() {
      let found = try landscape.evaluate(quantized(landscape, bits))
      accuracies.append(.init(Double(bits), Proportion(found.correct, of: n)))
      losses.append(.init(Double(bits), found.loss))
      summary.add(
        "accuracy_\(bits)_bits", Double(found.correct) / Double(n), Proportion(found.correct, of: n).interval, n: n,
        "accuracy with weights of \(bits) bits")
    }
    summary.add(
      .init(
        chart: "Accuracy with quantized weights", name: "rounded to nearest", x: "bits", y: "accuracy",
        points: accuracies))
    outcome.summary = summary
    return outcome
  }

  private func quantized(_ landscape: WeightLandscape, _ bits: Int) -> [Float] {
    var result = landscape.start
    let top = Float((1 << (bits - 1)) - 1)
    for weight in landscape.weights {
      let each = weight.range.count / weight.shape[0]
      for row in 0..<weight.shape[0] {
        let part = weight.range.lowerBound + row * each..<weight.range.lowerBound + (row + 1) * each
        let scale = result[part].reduce(0) { max($0, abs($1)) } / top
        guard scale > 0 else { continue }
        for i in part { result[i] = (result[i] / scale).rounded(.toNearestOrEven) * scale }
      }
    }
    return result
  }
}

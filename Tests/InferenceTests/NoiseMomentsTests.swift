import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// Moments of logits and probabilities under weight noise, from 30 000 explicit draws in PyTorch.
@Suite("Weight noise against brute force", .enabled(if: Golden.isPresent, "reference vectors absent"))
struct NoiseMomentsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let file: String
    let term: NoiseModel.Term
    let path: NoisePath
    var testDescription: String { "\(file), \(path)" }
  }
  static let additive = NoiseModel.Term(.weights, sigma: 0.05)
  static let relative = NoiseModel.Term(.weights, sigma: 0.2, scale: .relative)
  static let cases = [
    Case(file: "mlp_additive_0.05", term: additive, path: .fresh),
    Case(file: "mlp_additive_0.05", term: additive, path: .explicit),
    Case(file: "mlp_multiplicative_0.2", term: relative, path: .fresh),
    Case(file: "mlp_multiplicative_0.2", term: relative, path: .explicit),
  ]

  @Test("means and deviations agree within their standard errors", arguments: cases)
  func moments(_ test: Case) throws {
    var graph = try Graph(onnx: Golden.bytes("onnx/mlp/model.onnx"))
    graph.noise = NoiseModel([test.term])
    let model = try Model(graph)
    #expect(model.drawsFreshNoise)
    let inputs = try Golden.npy("noise/inputs.npy").tensor
    let rows = inputs.rowCount, classes = 10, samples = test.path == .fresh ? 8192 : 192
    // Explicit draws are shared by rows of one seed, so the rows are given one each.
    let seeds = (0..<rows).map { mixSeed(11, UInt64($0)) }
    let outputs = try model.sampledOutputs(inputs, NoiseDraws(0..<samples, seeds: seeds, path: test.path))
    for kind in ["logits", "probabilities"] {
      let mean = try Golden.npy("noise/\(test.file)_\(kind)_mean.npy").numbers
      let std = try Golden.npy("noise/\(test.file)_\(kind)_std.npy").numbers
      let got = moments(of: outputs, around: mean, kind: kind)
      if kind == "logits" {
        // All deviations together: a wrong sigma shows long before any single one is off. Classes share draws.
        let ratio = (0..<rows * classes).reduce(0) { $0 + got.std[$1] / std[$1] } / Double(rows * classes)
        #expect(abs(ratio - 1) < 5 * (0.5 / Double(samples * rows) + 0.5 / 30_000).squareRoot())
      }
      for k in 0..<rows * classes {
        let n = 1 / Double(samples) + 1 / 30_000, deviation = max(std[k], 1e-9) * n.squareRoot()
        #expect(abs(got.mean[k] - mean[k]) / deviation < 5, "\(kind) mean of row \(k / classes), class \(k % classes)")
        // Probabilities near 0 and 1 are skewed, and their deviations' errors far larger than the normal's.
        if kind == "logits" {
          #expect(abs(got.std[k] - std[k]) < 7 * deviation, "std of row \(k / classes), class \(k % classes)")
        }
      }
    }
  }

  /// Of outputs [samples, rows, classes], in one pass over sums of differences from `center`: cheap unoptimized.
  private func moments(of outputs: Tensor, around center: [Double], kind: String) -> (mean: [Double], std: [Double]) {
    let samples = outputs.shape[0], width = center.count, classes = outputs.shape[2]
    var sum = [Double](repeating: 0, count: width), squares = sum
    outputs.elements.withUnsafeBufferPointer { z in
      var value = [Double](repeating: 0, count: width)
      for s in 0..<samples {
        for k in 0..<width { value[k] = Double(z[s * width + k]) }
        if kind == "probabilities" {
          for first in stride(from: 0, to: width, by: classes) {
            var total = 0.0
            for k in first..<first + classes {
              value[k] = exp(value[k])
              total += value[k]
            }
            for k in first..<first + classes { value[k] /= total }
          }
        }
        for k in 0..<width {
          let d = value[k] - center[k]
          sum[k] += d
          squares[k] += d * d
        }
      }
    }
    let n = Double(samples)
    return (
      (0..<width).map { center[$0] + sum[$0] / n },
      (0..<width).map { max((squares[$0] - sum[$0] * sum[$0] / n) / (n - 1), 0).squareRoot() }
    )
  }

  @Test("an example answers the same alone, in any batch and in any round")
  func batchInvariance() throws {
    var graph = try Graph(onnx: Golden.bytes("onnx/mlp/model.onnx"))
    graph.noise = NoiseModel([Self.additive])
    let predictor = MonteCarloPredictor(try Model(graph)), inputs = try Golden.npy("noise/inputs.npy").tensor
    let together = try predictor.predict(inputs, Sampling(.samples(48), seed: 7))
    for row in 0..<inputs.rowCount {
      let alone = try predictor.predict(inputs.rows(row..<row + 1), Sampling(.samples(48), seed: 7))
      for (a, b) in zip(alone.predictions[0].mean, together.predictions[row].mean) {
        #expect(abs(a - b) < 1e-6)
      }
      let one = try #require(alone.predictions[0][MutualInformation.self]?.first)
      #expect(try abs(one - #require(together.predictions[row][MutualInformation.self]?.first)) < 1e-6)
    }
    let rounds = try predictor.predict(inputs, Sampling(.tolerance(1e-9, most: 48), seed: 7))
    #expect(rounds.samples == 48 && rounds.stopReason == .sampleLimit)
    for (a, b) in zip(rounds.predictions, together.predictions) {
      #expect(try abs(#require(a[Margin.self]?.first) - #require(b[Margin.self]?.first)) < 1e-6)
    }
  }

  @Test func toleranceIsMet() throws {
    var graph = try Graph(onnx: Golden.bytes("onnx/mlp/model.onnx"))
    graph.noise = NoiseModel([Self.additive])
    let inputs = try Golden.npy("noise/inputs.npy").tensor
    let answer = try MonteCarloPredictor(Model(graph)).predict(
      inputs, Sampling(.tolerance(0.01, most: 10_000), seed: 1))
    #expect(answer.stopReason == .toleranceMet)
    #expect(answer.predictions.allSatisfy { $0[LargestStandardError.self].map { $0[0] <= 0.01 } ?? false })
    let none = try MonteCarloPredictor(Model(graph)).predict(inputs, .deterministic)
    #expect(none.samples == 0)
    for prediction in none.predictions {
      #expect(prediction.measurements.map(\.name) == ["predictive_entropy", "margin"])
    }
  }
}

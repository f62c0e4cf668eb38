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
    Case(file: "mlp_additive_0.05", term: additive, path: .exact),
    Case(file: "mlp_additive_0.05", term: additive, path: .explicit),
    Case(file: "mlp_multiplicative_0.2", term: relative, path: .exact),
    Case(file: "mlp_multiplicative_0.2", term: relative, path: .explicit),
  ]

  @Test("means and deviations agree within their standard errors", arguments: cases)
  func moments(_ test: Case) throws {
    var graph = try Graph(onnx: Golden.bytes("onnx/mlp/model.onnx"))
    graph.noise = NoiseModel([test.term])
    let model = try Model(graph)
    #expect(model.takesExactNoise)
    let inputs = try Golden.npy("noise/inputs.npy").tensor
    let rows = inputs.rowCount, classes = 10, samples = test.path == .exact ? 8192 : 1024
    // Explicit draws are shared by rows of one seed, so the rows are given one each.
    let seeds = (0..<rows).map { mixSeed(11, UInt64($0)) }
    let outputs = try model.sampledOutputs(inputs, samples: 0..<samples, seeds: seeds, path: test.path)
    for kind in ["logits", "probabilities"] {
      let mean = try Golden.npy("noise/\(test.file)_\(kind)_mean.npy").numbers
      let std = try Golden.npy("noise/\(test.file)_\(kind)_std.npy").numbers
      var outside5 = 0
      for row in 0..<rows {
        let draws = (0..<samples).map { s -> [Double] in
          let z = (0..<classes).map { Double(outputs.elements[(s * rows + row) * classes + $0]) }
          guard kind == "probabilities" else { return z }
          let top = z.max() ?? 0, e = z.map { exp($0 - top) }, total = e.reduce(0, +)
          return e.map { $0 / total }
        }
        for c in 0..<classes {
          let values = draws.map { $0[c] }, m = values.reduce(0, +) / Double(samples)
          let s = (values.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(samples - 1)).squareRoot()
          let k = row * classes + c, n = 1 / Double(samples) + 1 / 30_000
          let deviation = max(std[k], 1e-9) * n.squareRoot()
          let offMean = abs(m - mean[k]) / deviation
          #expect(offMean < 7, "\(kind) mean of row \(row), class \(c)")
          if offMean > 5 { outside5 += 1 }
          // Probabilities near 0 and 1 are skewed, and their deviations' errors far larger than the normal's.
          if kind == "logits" { #expect(abs(s - std[k]) < 7 * deviation, "std of row \(row), class \(c)") }
        }
      }
      #expect(outside5 == 0)
    }
  }

  @Test("an example answers the same alone, in any batch and in any round")
  func batchInvariance() throws {
    var graph = try Graph(onnx: Golden.bytes("onnx/mlp/model.onnx"))
    graph.noise = NoiseModel([Self.additive])
    let predictor = MonteCarloPredictor(try Model(graph)), inputs = try Golden.npy("noise/inputs.npy").tensor
    let together = try predictor.predict(inputs, budget: .samples(48), seed: 7)
    for row in 0..<inputs.rowCount {
      let alone = try predictor.predict(inputs.rows(row..<row + 1), budget: .samples(48), seed: 7)
      for (a, b) in zip(alone.predictions[0].probabilities, together.predictions[row].probabilities) {
        #expect(abs(a - b) < 1e-6)
      }
      #expect(abs(alone.predictions[0].mutualInformation - together.predictions[row].mutualInformation) < 1e-6)
    }
    let rounds = try predictor.predict(inputs, budget: .tolerance(1e-9, most: 48), seed: 7)
    #expect(rounds.samples == 48 && rounds.stopReason == .sampleLimit)
    #expect(zip(rounds.predictions, together.predictions).allSatisfy { abs($0.margin - $1.margin) < 1e-6 })
  }

  @Test func toleranceIsMet() throws {
    var graph = try Graph(onnx: Golden.bytes("onnx/mlp/model.onnx"))
    graph.noise = NoiseModel([Self.additive])
    let inputs = try Golden.npy("noise/inputs.npy").tensor
    let answer = try MonteCarloPredictor(Model(graph)).predict(inputs, budget: .tolerance(0.01, most: 10_000), seed: 1)
    #expect(answer.stopReason == .toleranceMet)
    #expect(answer.predictions.allSatisfy { $0.standardError <= 0.01 })
    let none = try MonteCarloPredictor(Model(graph)).predict(inputs, budget: .samples(0), seed: 1)
    #expect(
      none.samples == 0 && none.predictions.allSatisfy { $0.mutualInformation == 0 && $0.std.allSatisfy { $0 == 0 } })
  }
}

import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

extension Bench {
  /// How far bf16 is from fp32 on the shipped models: the largest difference of a probability and how many labels
  /// change, over a thousand test images, for the deterministic pass; and the time of that pass.
  static let precision: [Bench] = [
    ("mnist-mlp-baseline", "mnist"), ("mnist-mlp-noise", "mnist"), ("mnist-cnn-baseline", "mnist"),
    ("mnist-cnn-noise", "mnist"), ("fashion-mlp-baseline", "fashion-mnist"), ("fashion-mlp-noise", "fashion-mnist"),
  ].map { name, data in
    Bench("precision/\(name)", "the shipped model in bf16 beside fp32, 1000 test images") { seconds in
      guard Plan.hasBfloat16 else { throw Skip(reason: "this CPU has no bf16 products") }
      guard let file = FileManager.default.contents(atPath: "models/\(name).onnx") else {
        throw Skip(reason: "models/\(name).onnx is not in this folder")
      }
      guard let set = try? Dataset.load("\(data):1000") else {
        throw Skip(reason: "\(data) is not on this machine: dither data get \(data)")
      }
      let exact = try Model(onnx: [UInt8](file)), short = try Model(onnx: [UInt8](file), precision: .bfloat16)
      func probabilities(_ model: Model) throws -> [[Double]] {
        try MonteCarloPredictor(model).predict(set.inputs, .deterministic).predictions.map(\.mean)
      }
      let a = try probabilities(exact), b = try probabilities(short)
      var largest = 0.0, changed = 0
      for (p, q) in zip(a, b) {
        largest = max(largest, zip(p, q).reduce(0) { max($0, abs($1.0 - $1.1)) })
        if p.firstIndex(of: p.max() ?? 0) != q.firstIndex(of: q.max() ?? 0) { changed += 1 }
      }
      var times: [Double] = []
      for _ in 0..<5 {
        let start = ContinuousClock.now
        _ = try short.outputs(set.inputs)
        times.append(start.duration(to: .now).seconds)
      }
      return Measurement(
        times: times, details: ["largest_probability_difference": largest, "labels_changed": Double(changed)])
    }
  }
}

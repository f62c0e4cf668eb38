import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

extension Bench {
  /// The fit of a diagonal Laplace posterior: the Gauss–Newton curvature of the shipped MNIST MLP's weights over 10 000
  /// images, on two threads. Bar: five times as fast as laplace-torch's, and the same variances within 1 %
  /// (scripts/bench-laplace-peers).
  static let laplace = Bench(
    "laplace/mnist-mlp", "the curvature of a Laplace posterior, 10 000 images, two threads"
  ) { seconds in
    let path = "models/mnist-mlp-baseline.onnx"
    guard let file = FileManager.default.contents(atPath: path) else {
      throw Skip(reason: "\(path) is not in this folder")
    }
    guard let set = try? Dataset.load("mnist:10000") else {
      throw Skip(reason: "mnist is not on this machine: dither data get mnist")
    }
    let model = try Model(onnx: [UInt8](file))
    let inputs = model.signature.normalized(
      set.inputs.reshaped(Shape([set.count] + model.signature.inputShape.dimensions)))
    func fit() throws -> GaussNewton { try GaussNewton(model, inputs: inputs, threads: 2) }
    let found = try fit()
    var times: [Double] = []
    let end = ContinuousClock.now + .seconds(seconds)
    repeat {
      let start = ContinuousClock.now
      _ = try fit()
      times.append(start.duration(to: .now).seconds)
    } while ContinuousClock.now < end || times.count < 3
    return Measurement(times: times, details: variances(found.diagonals, precision: 1))
  }

  /// Posterior variances 1 / (h + δ): by weights their mean, and those at some places from small to large curvature.
  private static func variances(_ diagonals: [String: [Double]], precision: Double) -> [String: Double] {
    let ranks = 8
    var details: [String: Double] = [:]
    for (name, own) in diagonals where !own.isEmpty {
      details["variance:\(name)"] = own.reduce(0) { $0 + 1 / ($1 + precision) } / Double(own.count)
      let rising = own.indices.sorted { (own[$0], $0) < (own[$1], $1) }
      for rank in 1...ranks {
        let place = rising[(own.count - 1) * rank / ranks]
        details["variance:\(name):\(place)"] = 1 / (own[place] + precision)
      }
    }
    return details
  }
}

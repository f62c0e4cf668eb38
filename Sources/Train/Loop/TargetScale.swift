import DitherGraph
import DitherInference
import DitherTensor
import Foundation

/// Values as a network is trained on them: less their mean, by their deviation, so that no unit decides on the learning
/// rate. The model that is saved answers in the targets' own unit.
struct TargetScale: Sendable {
  /// By value.
  let mean: [Float]
  let deviation: [Float]

  /// The scale of the values of a training part; classes stay as they are.
  init(_ targets: Targets) {
    guard case .values(let values) = targets else {
      (mean, deviation) = ([], [])
      return
    }
    let count = Double(max(values.rowCount, 1)), width = values.rowLength
    let means = (0..<width).map { c in (0..<values.rowCount).reduce(0.0) { $0 + Double(values.row($1)[at: c]) } / count
    }
    deviation = (0..<width).map { c in
      let sum = (0..<values.rowCount).reduce(0.0) { $0 + pow(Double(values.row($1)[at: c]) - means[c], 2) }
      return sum > 0 ? Float((sum / count).squareRoot()) : 1
    }
    mean = means.map(Float.init)
  }

  func scaled(_ targets: Targets) -> Targets {
    guard case .values(let values) = targets else { return targets }
    let width = mean.count
    return .values(
      Tensor(values.shape) { out in
        for i in out.indices { out[i] = (values.elements[i] - mean[i % width]) / deviation[i % width] }
      })
  }

  /// The same network, which answers in the unit of the targets; its output is then called "values".
  func appended(to graph: Graph, _ task: ModelTask) throws -> Graph {
    guard task.isRegression, let input = graph.inputs.first else { return graph }
    let isGaussian = task.kind == .gaussian
    let factors = deviation + (isGaussian ? mean.map { _ in 1 } : [])
    // The logarithm of a variance grows by that of the square of the scale.
    let shifts = mean + (isGaussian ? deviation.map { 2 * log($0) } : [])
    let builder = GraphBuilder(name: graph.name)
    let x = builder.input(input.name, input.dimensions.dropFirst().map { $0 ?? 1 })
    let answer = try builder.replay(graph, on: [x], prefix: "")[0]
    func constant(_ numbers: [Float], _ name: String) -> Value {
      builder.constant(.float(Tensor(numbers.count == 1 ? [] : [numbers.count], numbers)), name)
    }
    let values = try builder.add(
      builder.multiply(answer, constant(factors, "targets.deviation")), constant(shifts, "targets.mean"))
    var result = builder.finish(outputs: [("values", values)])
    result.metadata = graph.metadata
    result.noise = graph.noise
    return result
  }
}

extension ArraySlice {
  fileprivate subscript(at offset: Int) -> Element { self[startIndex + offset] }
}

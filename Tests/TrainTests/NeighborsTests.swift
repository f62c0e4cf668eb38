import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

@Suite("Nearest neighbors")
struct NeighborsTests {
  private static func answers(_ data: Dataset, k: Int, _ inputs: Tensor) throws -> Tensor {
    let recipe = try Recipe(yaml: "{name: test, data: own, model: {kind: neighbors, k: \(k)}, epochs: 1, seed: 3}")
    let trainer = try Trainer(recipe, data: data, threads: 1)
    #expect(trainer.isDone)
    try trainer.run()
    return try Model(onnx: trainer.snapshot().onnx()).outputs(inputs)
  }

  /// By sorting all distances in double precision.
  private static func nearest(_ data: Dataset, _ k: Int, to row: ArraySlice<Float>) -> [Int] {
    let distances = (0..<data.count).map { at in
      zip(data.inputs.row(at), row).reduce(0.0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
    }
    return Array(distances.indices.sorted { distances[$0] < distances[$1] }.prefix(k))
  }

  @Test("values are the mean of the k nearest's", arguments: [1, 4, 200]) func values(_ k: Int) throws {
    let inputs = Tensor.random([120, 3], seed: 2), targets = Tensor.random([120, 2], seed: 3)
    let data = Dataset(name: "own", inputs: inputs, targets: .values(targets), targetNames: ["a", "b"])
    let asked = Tensor.random([20, 3], seed: 4), found = try Self.answers(data, k: k, asked)
    #expect(found.shape == [20, 2])
    for row in 0..<20 {
      let near = Self.nearest(data, min(k, 120), to: asked.row(row))
      for column in 0..<2 {
        let mean = near.reduce(0.0) { $0 + Double(targets.elements[$1 * 2 + column]) } / Double(near.count)
        #expect(abs(Double(found.elements[row * 2 + column]) - mean) < 1e-4)
      }
    }
  }

  @Test("classes are by how many of the k nearest are of each") func classes() throws {
    let inputs = Tensor.random([90, 2], seed: 5), labels = (0..<90).map { inputs.elements[2 * $0] > 0 ? 2 : $0 % 2 }
    let data = Dataset(name: "own", inputs: inputs, labels: labels, classNames: ["a", "b", "c"])
    let asked = Tensor.random([15, 2], seed: 6), found = try Self.answers(data, k: 5, asked)
    for row in 0..<15 {
      let near = Self.nearest(data, 5, to: asked.row(row)).map { labels[$0] }
      for label in 0..<3 {
        let wanted = (Float(near.count { $0 == label }) + 1) / 8
        #expect(abs(exp(found.elements[row * 3 + label]) - wanted) < 1e-5)
      }
    }
  }

  @Test("a task with another number of outputs is refused") func refused() throws {
    let data = Dataset(
      name: "own", inputs: .random([30, 3], seed: 2), targets: .values(.random([30, 1], seed: 3)), targetNames: ["a"])
    let recipe = try Recipe(
      yaml: "{name: test, data: own, model: neighbors, objective: gaussian_likelihood, epochs: 1}")
    #expect { try Trainer(recipe, data: data, threads: 1) } throws: { "\($0)".contains("task: regression") }
  }
}

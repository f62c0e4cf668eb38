import DitherDatasets
import DitherGraph
import DitherTensor
import Foundation

/// A small noisy classifier, 20-64-3, and examples for it.
enum TestNet {
  static let inputs = 20
  static let classes = 3

  static func onnx() throws -> [UInt8] {
    let builder = GraphBuilder(name: "net")
    var x = builder.input("x", [inputs])
    for (layer, (from, to)) in [(inputs, 64), (64, classes)].enumerated() {
      let scale = 1 / Float(from).squareRoot()
      let weights = NoiseAddress(seed: UInt64(layer) + 1).normals(from * to).map { scale * $0 }
      let weight = builder.parameter("w\(layer)", Tensor([to, from], weights))
      x = try builder.dense(x, weight, builder.parameter("b\(layer)", Tensor(zeros: [to])), name: "fc\(layer)")
      if layer == 0 { x = try builder.relu(x) }
    }
    var graph = builder.finish(outputs: [("logits", x)])
    graph.noise = NoiseModel([.init(.weights, sigma: 0.1)])
    return try graph.onnx()
  }

  /// Examples with the labels that the model itself gives without noise, but for every fourth.
  static func writeLabels(_ count: Int, by model: String, inputs file: String, labels labelsFile: String) throws {
    let graph = try Graph(onnx: Array(Data(contentsOf: URL(filePath: model))))
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: count))
    let values = NoiseAddress(seed: 3).uniforms(count * inputs)
    _ = plan.input().update(fromContentsOf: values)
    plan.forward()
    let logits = Array(plan.output())
    let labels = (0..<count).map { row -> Float in
      let own = logits[row * classes..<(row + 1) * classes]
      let best = own.indices.max { own[$0] < own[$1] }.map { $0 - own.startIndex } ?? 0
      return Float(row % 4 == 0 ? (best + 1) % classes : best)
    }
    try Data(Npy(Tensor([count, inputs], values)).bytes).write(to: URL(filePath: file))
    try Data(Npy(Tensor([count], labels)).bytes).write(to: URL(filePath: labelsFile))
  }

  static func labels(_ count: Int) -> [Int] { (0..<count).map { $0 % classes } }

  static func writeExamples(_ count: Int, inputs file: String, labels labelsFile: String) throws {
    let values = NoiseAddress(seed: 3).uniforms(count * inputs)
    try Data(Npy(Tensor([count, inputs], values)).bytes).write(to: URL(filePath: file))
    try Data(Npy(Tensor([count], labels(count).map(Float.init))).bytes).write(to: URL(filePath: labelsFile))
  }
}

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

  static func labels(_ count: Int) -> [Int] { (0..<count).map { $0 % classes } }

  static func writeExamples(_ count: Int, inputs file: String, labels labelsFile: String) throws {
    let values = NoiseAddress(seed: 3).uniforms(count * inputs)
    try Data(Npy(Tensor([count, inputs], values)).bytes).write(to: URL(filePath: file))
    try Data(Npy(Tensor([count], labels(count).map(Float.init))).bytes).write(to: URL(filePath: labelsFile))
  }
}

import DitherGraph
import DitherTensor
import Foundation
import Testing

/// A graph, ready to be run in tests.
struct Network {
  let graph: Graph
  let parameters: ParameterBuffers
  init(_ graph: Graph) {
    self.graph = graph
    parameters = ParameterBuffers(graph)
  }

  func outputs(_ inputs: [Literal]) throws -> [Float] {
    let plan = try Plan(graph, parameters: parameters, options: .init(rows: inputs[0].type.shape[0]))
    for (index, input) in inputs.enumerated() { plan.write(input, to: index) }
    plan.forward()
    return Array(plan.output())
  }
}

extension Plan {
  /// Output `index`, of whatever type.
  func literal(_ index: Int) -> Literal {
    let shape = outputTypes[index].shape
    switch outputTypes[index].element {
    case .float32: return .float(Tensor(shape, Array(output(index).prefix(shape.count))))
    case .int64: return .int64(shape, Array(outputs[index].bindMemory(to: Int64.self).prefix(shape.count)))
    case .bool: return .bool(shape, outputs[index].prefix(shape.count).map { $0 != 0 })
    }
  }
  func write(_ literal: Literal, to index: Int) {
    switch literal {
    case .float(let tensor): _ = input(index).update(fromContentsOf: tensor.elements)
    case .int64(_, let values): _ = inputs[index].bindMemory(to: Int64.self).update(fromContentsOf: values)
    case .bool(_, let values): _ = inputs[index].bindMemory(to: Bool.self).update(fromContentsOf: values)
    }
  }
}

/// Files that we wrote, with an input and our output, for `scripts/check-onnx`: there onnx.checker and onnxruntime judge
/// them.
enum Written {
  static func keep(_ name: String, _ graph: Graph, _ bytes: [UInt8], _ inputs: [Literal], _ output: [Float]) throws {
    let rows = inputs[0].type.shape[0]
    let shape = try #require(graph.types(rows: rows)[graph.outputs[0].value.index]).shape
    try keep(name, graph, bytes, inputs, [.float(Tensor(shape, output))])
  }

  static func keep(_ name: String, _ graph: Graph, _ bytes: [UInt8], _ inputs: [Literal], _ outputs: [Literal]) throws {
    guard let path = ProcessInfo.processInfo.environment["DITHER_ONNX_OUT"] else { return }
    let folder = URL(fileURLWithPath: path).appending(path: name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: folder.appending(path: "model.onnx"))
    for (input, literal) in zip(graph.inputs, inputs) {
      try Data(OnnxTensor.write(literal, name: input.name)).write(to: folder.appending(path: "\(input.name).pb"))
    }
    for (index, output) in outputs.enumerated() {
      try Data(OnnxTensor.write(output, name: "y")).write(to: folder.appending(path: "output_\(index).pb"))
    }
  }
}

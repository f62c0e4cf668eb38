import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Grids and what is read at their places, as onnx.reference and onnxruntime have them, and spatial transformers.
@Suite("Grids")
struct GridTests {
  private static func op(_ type: String, _ attributes: [String: OnnxAttribute], opset: Int = 20) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(name: "op", type: type, opset: opset, attributes: attributes, presentInputs: [true, true]))
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var mode: String
    var padding: String
    var result: [Float]
    /// With aligned corners.
    var aligned: [Float]
    var testDescription: String { "\(mode), \(padding)" }
  }
  /// Six places in the picture [[0, …, 3], …, [8, …, 11]].
  private static let grid: [Float] = [-1, -1, 0.1, 0.3, 1.2, -0.4, 0.7, 2.6, -2.3, 0.9, 0.55, -0.05]
  static let rows = [
    Row(mode: "linear", padding: "zeros", result: [0, 7.5, 0.46, 0, 0, 6.3], aligned: [0, 6.85, 3.78, 0, 0, 6.125]),
    Row(
      mode: "linear", padding: "border", result: [0, 7.5, 4.6, 10.9, 8, 6.3],
      aligned: [0, 6.85, 5.4, 10.55, 7.6, 6.125]),
    Row(
      mode: "linear", padding: "reflection", result: [0, 7.5, 4.6, 3.3, 10.1, 6.3],
      aligned: [0, 6.85, 5.1, 4.15, 9.55, 6.125]),
    Row(mode: "nearest", padding: "zeros", result: [0, 6, 0, 0, 0, 7], aligned: [0, 6, 7, 0, 0, 6]),
    Row(mode: "nearest", padding: "border", result: [0, 6, 3, 11, 8, 7], aligned: [0, 6, 7, 11, 8, 6]),
    Row(mode: "nearest", padding: "reflection", result: [0, 6, 3, 3, 10, 7], aligned: [0, 6, 7, 3, 10, 6]),
  ]

  @Test("pictures are read between their pixels and beyond their edges", arguments: rows)
  func samples(_ row: Row) throws {
    for (corners, wanted) in [(0, row.result), (1, row.aligned)] as [(Int64, [Float])] {
      for opset in [16, 20] {
        let mode = opset == 16 && row.mode == "linear" ? "bilinear" : row.mode
        let builder = GraphBuilder(rows: 1), x = builder.input("x", [1, 3, 4]), grid = builder.input("g", [2, 3, 2])
        let sampling = try Self.op(
          "GridSample",
          ["mode": .string(mode), "padding_mode": .string(row.padding), "align_corners": .int(corners)], opset: opset)
        let graph = builder.finish(outputs: [("y", try builder.apply(sampling, [x, grid])[0])])
        let written = try graph.onnx(), read = try Graph(onnx: written), again = try read.onnx()
        #expect(again == written)
        let found = try Network(read).outputs([
          .float(Tensor([1, 1, 3, 4], (0..<12).map(Float.init))), .float(Tensor([1, 2, 3, 2], Self.grid)),
        ])
        #expect(Tensor([6], found).isClose(to: Tensor([6], wanted), absolute: 2e-5), "\(corners): \(found)")
      }
    }
  }

  @Test("grids have places from −1 to 1, the last axis first")
  func affine() throws {
    func grid(_ theta: Tensor, _ size: [Int64], _ corners: Int64) throws -> [Float] {
      let builder = GraphBuilder(rows: 1), x = builder.input("theta", Array(theta.shape.dimensions.dropFirst()))
      let extents = builder.constant(.int64([size.count], size))
      let y = try builder.apply(Self.op("AffineGrid", ["align_corners": .int(corners)]), [x, extents])[0]
      var graph = builder.finish(outputs: [("y", y)])
      graph.inputs[0].dimensions[0] = 1
      return try Network(Graph(onnx: graph.onnx())).outputs([.float(theta)])
    }
    let plane = Tensor([1, 2, 3], [1, 0, 0, 0, 1, 0]), third: Float = 2.0 / 3
    let middles: [Float] = [-third, -0.5, 0, -0.5, third, -0.5, -third, 0.5, 0, 0.5, third, 0.5]
    let found = try (grid(plane, [1, 1, 2, 3], 0), grid(plane, [1, 1, 2, 3], 1))
    #expect(Tensor([12], found.0).isClose(to: Tensor([12], middles), absolute: 1e-6))
    #expect(found.1 == [-1, -1, 0, -1, 1, -1, -1, 1, 0, 1, 1, 1])
    // x' = x + 2 y, y' = 3.
    let sheared = try grid(Tensor([1, 2, 3], [1, 2, 0, 0, 0, 3]), [1, 5, 2, 2], 1)
    #expect(sheared == [-3, 3, -1, 3, 1, 3, 3, 3])
    let volume = try grid(Tensor([1, 3, 4], [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]), [1, 1, 2, 1, 2], 1)
    #expect(volume == [-1, 0, -1, 1, 0, -1, -1, 0, 1, 1, 0, 1])
    let wrong = #expect(throws: GraphError.self) { _ = try grid(plane, [2, 1, 2, 3], 0) }
    #expect(wrong?.description.contains("theta [N, 2, 3]") == true)
  }

  /// A picture turned by what a dense layer makes of it, as a file of batch 1 has it.
  private static func transformer() throws -> Graph {
    let builder = GraphBuilder(rows: 1), x = builder.input("x", [1, 3, 3])
    let steps = FixedBatchTests.Steps(builder: builder)
    let small = builder.parameter("w", Tensor([9, 6], Tensor.random([9, 6], seed: 3).elements.map { 0.1 * $0 }))
    let bias = builder.parameter("b", Tensor([6], [0.9, 0.1, 0.05, -0.1, 0.8, 0.02]))
    let theta = try steps.reshape(steps("Gemm", [steps.reshape(x, 1, 9), small, bias]), 1, 2, 3)
    let size = builder.constant(.int64([4], [1, 1, 3, 3]))
    let grid = try builder.apply(op("AffineGrid", [:]), [theta, size])[0]
    let y = try steps.reshape(builder.apply(op("GridSample", [:]), [x, grid])[0], 1, 9)
    var graph = builder.finish(outputs: [("y", y)])
    graph.inputs[0].dimensions[0] = 1
    return graph
  }

  @Test("a spatial transformer of one row is one of any number of rows")
  func transformers() throws {
    let graph = try Graph(onnx: Self.transformer().onnx())
    #expect(graph.inputs[0].dimensions == [nil, 1, 3, 3])
    let x = Tensor.random([4, 1, 3, 3], seed: 5), together = try Network(graph).outputs([.float(x)])
    let apart = try (0..<4).flatMap { try Network(graph).outputs([.float(x.rows($0..<$0 + 1))]) }
    #expect(Tensor([36], together).isClose(to: Tensor([36], apart), absolute: 1e-5))
    // Pictures and places both have gradients.
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, inputGradient: true))
    func sum(_ x: Tensor) throws -> Float { try Network(graph).outputs([.float(x)]).reduce(0, +) }
    let one = x.rows(0..<1)
    plan.write(.float(one), to: 0)
    plan.forward()
    plan.cotangent.update(repeating: 1)
    plan.backward()
    for at in [0, 4, 7] {
      var (above, below) = (one, one)
      above.elements[at] += 1e-2
      below.elements[at] -= 1e-2
      let slope = try (sum(above) - sum(below)) / 2e-2, found = plan.inputGradients[0][at]
      #expect(abs(slope - found) < 0.05 * max(1, abs(slope)), "\(at): \(slope) against \(found)")
    }
  }
}

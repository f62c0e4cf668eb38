import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Axes beside the batch that a file leaves free take the size of what comes.
@Suite("Free axes")
struct FreeAxesTests {
  @Test("are read, planned for a usual size and written free again")
  func read() throws {
    let graph = try Graph(onnx: AnySizeNet.onnx())
    #expect(graph.inputs[0].free == [2: "height", 3: "width"] && graph.inputs[0].extents == [-1, 2, -1, -1])
    #expect(graph.sizes == ["height": 224, "width": 224] && graph.warnings.isEmpty)
    let written = try graph.onnx(), again = try Graph(onnx: written), twice = try again.onnx()
    #expect(again.inputs == graph.inputs && twice == written)
  }

  @Test("give what a file of that size gives", arguments: [[8, 8], [5, 9], [1, 3], [40, 2]])
  func pictures(_ size: [Int]) throws {
    let x = AnySizeNet.pictures(3, height: size[0], width: size[1])
    let sized = try Graph(onnx: AnySizeNet.onnx()).sized(for: [x.shape.row])
    let dimensions: [Int?] = [nil, 2, size[0], size[1]]
    #expect(sized.sizes.isEmpty && sized.inputs[0].dimensions == dimensions)
    let found = try Network(sized).outputs([.float(x)]), wanted = try AnySizeNet.logits(x)
    #expect(Tensor([9], found).isClose(to: Tensor([9], wanted), absolute: 1e-5))
  }

  private static func texts() throws -> Graph {
    var graph = try TextNet.graph()
    for at in graph.inputs.indices { graph.inputs[at].free = [1: "length"] }
    return try Graph(onnx: graph.onnx())
  }

  @Test("of one name have one extent: texts of any length", arguments: [2, 5, 9])
  func lengths(_ length: Int) throws {
    let graph = try Self.texts()
    #expect(graph.sizes == ["length": 16])
    let ids = (0..<length).map { ($0 * 5 + 3) % TextNet.words }
    let mask = (0..<length).map { $0 == 1 ? 0 : 1 }
    let found = try Network(graph.sized(for: [[length], [length]])).outputs(
      [ids, mask].map { .int64([1, length], $0.map(Int64.init)) })
    let isClose = zip(found, TextNet.logits(ids, mask)).allSatisfy { abs(Double($0) - $1) < 1e-4 }
    #expect(isClose)
  }

  @Test("a batch of one whose freed shapes would be of one size stays one, for any size", arguments: [3, 9, 32])
  func batchOfOne(_ length: Int) throws {
    let builder = GraphBuilder(name: "one", rows: 1), x = builder.input("x", [2, 4])
    func op(_ type: String, _ inputs: [Value], _ attributes: [String: OnnxAttribute] = [:]) throws -> Value {
      let node = OnnxNode(
        name: type, type: type, opset: 17, attributes: attributes, presentInputs: inputs.map { _ in true })
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: type)[0]
    }
    let shape = builder.constant(.int64([3], [1, 2, -1]))
    let mean = try op("ReduceMean", [op("Reshape", [x, shape])], ["axes": .ints([2]), "keepdims": .int(0)])
    var made = builder.finish(outputs: [("y", mean)])
    made.inputs[0].dimensions[0] = 1
    made.inputs[0].free = [2: "length"]
    let graph = try Graph(onnx: made.onnx()), dimensions: [Int?] = [1, 2, length]
    let sized = try graph.sized(for: [[2, length]]), numbers = (0..<2 * length).map { Float($0 % 5) }
    #expect(sized.inputs[0].dimensions == dimensions)
    let found = try Network(sized).outputs([.float(Tensor([1, 2, length], numbers))])
    let wanted = [numbers.prefix(length), numbers.suffix(length)].map { $0.reduce(0, +) / Float(length) }
    #expect(found.count == 2 && zip(found, wanted).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test("sizes that do not fit are refused, the node by its name")
  func refused() throws {
    let any = try Graph(onnx: AnySizeNet.onnx()), texts = try Self.texts()
    let one = try Graph(onnx: AnySizeNet.free(AnySizeNet.graph(height: 28, width: 28, pools: false)).onnx())
    #expect(one.sizes == ["height": 28, "width": 28])
    var few = OnnxLimits()
    few.elements = 1000
    let limits = few
    let cases: [(String, () throws -> Graph)] = [
      ("expected examples of [batch, 2, height, width], got [3, 8, 8]", { try any.sized(for: [[3, 8, 8]]) }),
      ("expected examples of [batch, 2, height, width], got [2, 8]", { try any.sized(for: [[2, 8]]) }),
      ("input 'image' of [2, 30, 28], node 'fc' (Gemm)", { try one.sized(for: [[2, 30, 28]]) }),
      ("input 'mask', axis 1: expected the extent of 'length'", { try texts.sized(for: [[5], [6]]) }),
      ("did you mean 'height'?", { try any.sized(["hight": 3]) }),
      ("size of 'width': expected 1 to 16777216, got 0", { try any.sized(["width": 0]) }),
      ("expected at most 1000 elements", { try any.sized(["height": 30, "width": 30], limits: limits) }),
      ("at most 268435456 elements", { try any.sized(["height": 1 << 20, "width": 1 << 20]) }),
    ]
    for (says, make) in cases {
      let error = #expect(throws: GraphError.self) { try make() }
      #expect(error?.description.contains(says) == true, "\(says): \(String(describing: error))")
    }
  }

  @Test("are pinned where the metadata say a shape")
  func pinned() throws {
    let file = try AnySizeNet.onnx()
    let graph = try Graph(onnx: OnnxMetadata.pinning([(nil, [2, 6, 7])], of: file))
    #expect(graph.inputs[0].free.isEmpty && graph.inputs[0].dimensions == [nil, 2, 6, 7])
    #expect(graph.metadata[Graph.shapeKey] == nil)
    // A later word counts.
    let twice = try OnnxMetadata.pinning(
      [("image", [2, 3, 3])], of: OnnxMetadata.pinning([(nil, [2, 6, 7])], of: file))
    let last = try Graph(onnx: twice).inputs[0].dimensions
    #expect(last == [nil, 2, 3, 3])
    let wrong: [(name: String, shape: [Int], says: String)] = [
      ("imago", [2, 6, 7], "did you mean 'image'?"), ("image", [3, 6, 7], "[batch, 2, height, width]"),
      ("image", [2, 6], "[batch, 2, height, width]"),
    ]
    for (name, shape, says) in wrong {
      let error = #expect(throws: GraphError.self) {
        try Graph(onnx: OnnxMetadata.pinning([(name, shape)], of: file))
      }
      #expect(error?.description.contains(says) == true, "\(says)")
    }
    for text in ["[2, 6, 7]", "{}", #"{"image": [0, 6, 7]}"#, #"{"image": "2x6x7"}"#] {
      let error = #expect(throws: GraphError.self) {
        try Graph(onnx: OnnxMetadata.adding(text, for: Graph.shapeKey, to: file))
      }
      #expect(error?.description.contains("'dither.shape'") == true, "\(text)")
    }
  }

  @Test("one that has the batch's name is refused; a size of -1 or 0 is free; a mark is no name")
  func declarations() throws {
    func file(_ dims: [(inout OnnxMessage) -> Void], beside other: String? = nil) -> [UInt8] {
      var model = OnnxMessage()
      model.put(1, 8)
      model.put(7) { graph in
        graph.put(1, OnnxMessage.node("Relu", ["x"], ["y"]))
        if let other {
          graph.put(11) { value in
            value.put(1, "z")
            value.put(2) { type in
              type.put(1) { tensor in
                tensor.put(1, 1)
                tensor.put(2) { shape in shape.put(1) { $0.put(2, other) } }
              }
            }
          }
        }
        for field: UInt64 in [11, 12] {
          graph.put(field) { value in
            value.put(1, field == 11 ? "x" : "y")
            value.put(2) { type in
              type.put(1) { tensor in
                tensor.put(1, 1)
                tensor.put(2) { shape in for dim in dims { shape.put(1, dim) } }
              }
            }
          }
        }
      }
      model.put(8) {
        $0.put(1, "")
        $0.put(2, 17)
      }
      return model.bytes
    }
    let twins = file([{ $0.put(2, "N") }, { $0.put(2, "N") }])
    let named = #expect(throws: GraphError.self) { try Graph(onnx: twins) }
    #expect(named?.description.contains("'N' on axis 1, and on axis 0 of 'x'") == true)
    // An input without the batch would be one row for each number of the sequence.
    let positions = file([{ $0.put(2, "N") }, { $0.put(2, "L") }], beside: "L")
    let other = #expect(throws: GraphError.self) { try Graph(onnx: positions) }
    #expect(other?.description.contains("'L' on axis 1, and on axis 0 of 'z'") == true)
    let apart = try Graph(onnx: file([{ $0.put(2, "N") }, { $0.put(2, "L") }], beside: "N"))
    #expect(apart.inputs.last?.free == [1: "L"])
    for extent in [0, -1] {
      let graph = try Graph(onnx: file([{ $0.put(1, -1) }, { $0.put(1, extent) }]))
      #expect(graph.inputs[0].free == [1: "x[1]"] && graph.inputs[0].dimensions[0] == nil)
    }
    for mark in ["?", "None"] {
      let graph = try Graph(onnx: file([{ $0.put(2, mark) }, { $0.put(2, mark) }, { $0.put(2, mark) }]))
      let names: [Int: String] = [1: "x[1]", 2: "x[2]"]
      #expect(graph.inputs[0].free == names)
      let sized = try graph.sized(for: [[3, 5]]).inputs[0].dimensions, wanted: [Int?] = [nil, 3, 5]
      #expect(sized == wanted)
    }
  }
}

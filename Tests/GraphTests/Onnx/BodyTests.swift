import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Graphs inside nodes: branches whose condition is known and bodies that treat each step by itself are written out; and
/// constants of short types.
@Suite("Graphs inside nodes")
struct BodyTests {
  private typealias Part = (inout OnnxMessage) -> Void

  private static func attribute(_ name: String, body: @escaping Part) -> Part {
    {
      $0.put(1, name)
      $0.put(6, body)
      $0.put(20, 5)
    }
  }
  private static func attribute(_ name: String, _ number: Int) -> Part {
    {
      $0.put(1, name)
      $0.put(3, number)
      $0.put(20, 2)
    }
  }
  private static func tensor(_ name: String, _ dims: [Int], type: Int, raw: [UInt8]) -> Part {
    {
      for extent in dims { $0.put(1, extent) }
      $0.put(2, type)
      $0.put(8, name)
      $0.put(9, raw)
    }
  }
  private static func integers(_ name: String, _ dims: [Int], _ numbers: [Int64]) -> Part {
    tensor(name, dims, type: 7, raw: numbers.flatMap { withUnsafeBytes(of: $0) { Array($0) } })
  }
  private static func floats(_ name: String, _ dims: [Int], _ numbers: [Float]) -> Part {
    tensor(name, dims, type: 1, raw: numbers.flatMap { withUnsafeBytes(of: $0) { Array($0) } })
  }

  private static func graph(
    _ nodes: [Part], constants: [Part] = [], inputs: [Part] = [], outputs: [String]
  ) -> Part {
    { graph in
      for node in nodes { graph.put(1, node) }
      graph.put(2, "g")
      for constant in constants { graph.put(5, constant) }
      for input in inputs { graph.put(11, input) }
      for output in outputs { graph.put(12, OnnxMessage.value(output, OnnxMessage.tensorType(1, [nil, nil]))) }
    }
  }

  private static func model(_ graph: Part) -> [UInt8] {
    var model = OnnxMessage()
    model.put(1, 8)
    model.put(7, graph)
    model.put(8) {
      $0.put(1, "")
      $0.put(2, 17)
    }
    return model.bytes
  }

  private static var x: (inout OnnxMessage) -> Void { OnnxMessage.value("x", OnnxMessage.tensorType(1, [nil, 3])) }

  /// −x where the extent of an axis is 3, else |x|.
  private static func choice(axis: Int64, input: Part? = nil) -> [UInt8] {
    let branches = [("then_branch", "Neg"), ("else_branch", "Abs")].map { key, type in
      attribute(
        key,
        body: graph(
          [OnnxMessage.node(type, ["x"], ["inner"]), OnnxMessage.node("Add", ["inner", "one"], ["out"])],
          constants: [floats("one", [], [1])], outputs: ["out"]))
    }
    return model(
      graph(
        [
          OnnxMessage.node("Shape", ["x"], ["shape"]), OnnxMessage.node("Gather", ["shape", "axis"], ["extent"]),
          OnnxMessage.node("Equal", ["extent", "three"], ["condition"]),
          OnnxMessage.node("If", ["condition"], ["first"], attributes: branches),
          OnnxMessage.node("If", ["condition"], ["second"], attributes: branches),
          OnnxMessage.node("Sub", ["first", "second"], ["zero"]), OnnxMessage.node("Add", ["zero", "first"], ["y"]),
        ], constants: [integers("axis", [], [axis]), integers("three", [], [3])], inputs: [input ?? x],
        outputs: ["y"]))
  }

  @Test("a branch that the size of a free axis chooses is kept to")
  func branchOfSize() throws {
    let input = OnnxMessage.value("x") { type in
      type.put(1) { tensor in
        tensor.put(1, 1)
        tensor.put(2) { shape in for name in ["N", "M"] { shape.put(1) { $0.put(2, name) } } }
      }
    }
    let graph = try Graph(onnx: Self.choice(axis: 1, input: input))
    let sized = try graph.sized(for: [[4]])
    let found = try Network(sized).outputs([.float(Tensor([1, 4], [1, -2, 3, -4]))])
    #expect(found == [2, 3, 4, 5])
    let error = #expect(throws: GraphError.self) { try graph.sized(for: [[3]]) }
    #expect(error?.description.contains("condition of If") == true)
    #expect(error?.description.contains("--shape") == true)
    // A written file knows the condition, also where it was made for examples of one size.
    for written in try [graph.onnx(), sized.freed(like: graph).onnx()] {
      let read = try Graph(onnx: written), again = try read.onnx()
      #expect(read.inputs[0].free == [1: "M"] && read.metadata.isEmpty)
      #expect(again == written)
      let found = try Network(read.sized(for: [[4]])).outputs([.float(Tensor([1, 4], [1, -2, 3, -4]))])
      #expect(found == [2, 3, 4, 5])
      let turned = #expect(throws: GraphError.self) { try read.sized(for: [[3]]) }
      #expect(turned?.description.contains("condition of If") == true)
    }
    var lost = sized
    lost.nodes.removeAll { $0.name.hasPrefix("Equal") }
    let one = try Graph(onnx: lost.freed(like: graph).onnx())
    #expect(one.inputs[0].free.isEmpty && one.inputs[0].dimensions == [nil, 4])
    let bytes = try sized.onnx()
    for (words, code) in [("{\"nothing\": true}", GraphFault.missing), ("[1]", .malformed)] {
      let file = try OnnxMetadata.setting(words, for: Graph.branchesKey, in: graph.onnx())
      let error = #expect(throws: GraphError.self) { try Graph(onnx: file) }
      #expect(error?.code == code)
      // A file without free axes has no size that could turn them.
      #expect(throws: Never.self) { try Graph(onnx: OnnxMetadata.setting(words, for: Graph.branchesKey, in: bytes)) }
    }
  }

  @Test("a branch that shapes choose is written out")
  func branch() throws {
    let read = try Graph(onnx: Self.choice(axis: 1)), again = try Graph(onnx: read.onnx())
    let input: [Literal] = [.float(Tensor([2, 3], [1, -2, 3, 4, -5, 6]))]
    for graph in [read, again] { #expect(try Network(graph).outputs(input) == [0, 3, -2, -3, 6, -5]) }
  }

  @Test("a condition that rows or numbers decide is refused")
  func conditions() {
    let rows = #expect(throws: GraphError.self) { try Graph(onnx: Self.choice(axis: 0)) }
    #expect(rows?.description.contains("number of rows") == true)
    let body = Self.attribute("then_branch", body: Self.graph([], outputs: ["x"]))
    let other = Self.attribute("else_branch", body: Self.graph([], outputs: ["x"]))
    let computed = #expect(throws: GraphError.self) {
      try Graph(
        onnx: Self.model(
          Self.graph(
            [
              OnnxMessage.node("IsNaN", ["x"], ["condition"]),
              OnnxMessage.node("If", ["condition"], ["y"], attributes: [body, other]),
            ], inputs: [Self.x], outputs: ["y"])))
    }
    #expect(computed?.description.contains("If") == true && computed?.description.contains("cond") == true)
  }

  @Test("branches within branches are bounded")
  func depth() {
    var inner = Self.graph([OnnxMessage.node("Neg", ["x"], ["v"])], outputs: ["v"])
    for _ in 0..<12 {
      let body = inner
      inner = Self.graph(
        [
          OnnxMessage.node(
            "If", ["condition"], ["v"],
            attributes: [Self.attribute("then_branch", body: body)])
        ], outputs: ["v"])
    }
    let body = inner
    let error = #expect(throws: GraphError.self) {
      try Graph(
        onnx: Self.model { graph in
          body(&graph)
          graph.put(5, Self.tensor("condition", [], type: 9, raw: [1]))
          graph.put(11, Self.x)
        })
    }
    #expect(error?.description.contains("deep") == true)
  }

  /// Squared distances as skl2onnx's nearest neighbors have them: over the rows of a table, each from all of x.
  private static func distances(state: String) -> [UInt8] {
    let body = graph(
      [
        OnnxMessage.node("Identity", ["next_in"], [state]), OnnxMessage.node("Sub", ["next_in", "next"], ["apart"]),
        OnnxMessage.node(
          "ReduceSumSquare", ["apart"], ["reduced"],
          attributes: [
            {
              $0.put(1, "axes")
              $0.put(8, [1])
              $0.put(20, 7)
            }, attribute("keepdims", 0),
          ]), OnnxMessage.node("Identity", ["reduced"], ["scan_out"]),
      ],
      inputs: ["next_in", "next"].map { OnnxMessage.value($0, OnnxMessage.tensorType(1, [])) },
      outputs: ["next_out", "scan_out"])
    return model(
      graph(
        [
          OnnxMessage.node(
            "Scan", ["x", "table"], ["unused", "columns"],
            attributes: [attribute("num_scan_inputs", 1), attribute("body", body: body)]),
          OnnxMessage.node("Transpose", ["columns"], ["y"]),
        ], constants: [floats("table", [2, 3], [1, 2, 3, 0, 0, -1])], inputs: [x], outputs: ["y"]))
  }

  @Test("a scan that keeps no state is one step for all")
  func scan() throws {
    let read = try Graph(onnx: Self.distances(state: "next_out")), again = try Graph(onnx: read.onnx())
    let input: [Literal] = [.float(Tensor([3, 3], [1, 2, 3, 0, 0, 0, 1, 1, 1]))]
    for graph in [read, again] { #expect(try Network(graph).outputs(input) == [0, 21, 14, 1, 5, 6]) }
    let error = #expect(throws: GraphError.self) { try Graph(onnx: Self.distances(state: "elsewhere")) }
    #expect(error?.description.contains("Scan") == true)
  }

  @Test("weights of 8 bits and of half precision")
  func shortTypes() throws {
    let halves: [UInt8] = [0x00, 0x3C, 0x00, 0xC0, 0x00, 0x38]  // 1, −2, 0.5
    let graph = try Graph(
      onnx: Self.model(
        Self.graph(
          [
            OnnxMessage.node("DequantizeLinear", ["q", "scale", "zero"], ["w"]),
            OnnxMessage.node("Mul", ["x", "w"], ["a"]), OnnxMessage.node("Add", ["a", "halves"], ["y"]),
          ],
          constants: [
            Self.tensor("q", [3], type: 3, raw: [0xFF, 0x7F, 0x80]), Self.tensor("zero", [], type: 3, raw: [0xFE]),
            Self.floats("scale", [], [0.5]), Self.tensor("halves", [3], type: 10, raw: halves),
          ], inputs: [Self.x], outputs: ["y"])))
    #expect(graph.nodes.count == 2)
    // (−1 + 2) / 2, (127 + 2) / 2, (−128 + 2) / 2.
    #expect(try Network(graph).outputs([.float(Tensor([1, 3], [1, 1, 1]))]) == [1.5, 62.5, -62.5])
  }
}

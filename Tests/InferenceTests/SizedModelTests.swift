import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

/// A model whose inputs have several sizes is one model for each, over the same parameters and plans.
@Suite("Models of any size")
struct SizedModelTests {
  private static func model() throws -> Model { try Model(onnx: AnySizeNet.onnx()) }

  @Test("its signature says which axes are free")
  func signature() throws {
    let model = try Self.model(), input = model.signature.inputs[0]
    #expect(model.signature.hasFreeAxes && model.signature.takes == "[2, height, width]")
    #expect(input.extents == [2, -1, -1] && model.signature.classes == 3)
    let sized = try model.sized(for: [[2, 5, 6]])
    #expect(!sized.signature.hasFreeAxes && sized.signature.inputShape == [2, 5, 6])
    let same = try sized.sized(for: [[2, 9, 9]])
    #expect(same === sized)
  }

  @Test("each size answers as a file of that size", arguments: [[8, 8], [5, 9], [30, 2]])
  func answers(_ size: [Int]) throws {
    let x = AnySizeNet.pictures(4, height: size[0], width: size[1])
    let found = try Self.model().sized(for: [x.shape.row]).outputs(x)
    #expect(found.isClose(to: Tensor(found.shape, try AnySizeNet.logits(x)), absolute: 1e-5))
    let noise = ["weights:gaussian,sigma=0.1"], draws = NoiseDraws(0..<3, seeds: [1, 2, 3, 4])
    let fixed = try Model(onnx: AnySizeNet.graph(height: size[0], width: size[1]).onnx()).drawing(noise)
    let sized = try Self.model().drawing(noise).sized(for: [x.shape.row])
    let a = try sized.sampledOutputs(x, draws), b = try fixed.sampledOutputs(x, draws)
    #expect(a.isClose(to: b, absolute: 1e-5) && sized.noise != nil)
  }

  @Test("sizes and plans are bounded, the longest unused go; constants are held once")
  func bounded() throws {
    let model = try Self.model()
    func ask(_ side: Int) throws {
      let x = AnySizeNet.pictures(1, height: side, width: side)
      _ = try model.sized(for: [x.shape.row]).outputs(x)
    }
    for side in 4..<44 { try ask(side) }
    let bytes = model.constantBytes
    for side in 4..<44 { try ask(side) }
    // Blocks of channels are padded.
    #expect(model.constantBytes == bytes && bytes < 1 << 18)
    #expect(model.parkedPlans.count <= 24 && model.parkedPlans.bytes > 0)
    let last = try model.known(for: [[2, 43, 43]]), first = try model.known(for: [[2, 4, 4]])
    #expect(last != nil && first == nil)
  }

  @Test("a size that makes another answer, or fits no node, is refused")
  func refused() throws {
    let builder = GraphBuilder(name: "flat"), x = builder.input("image", [1, 8, 8])
    let flatten = try Catalog<any OnnxOp.Type>.ops.entry(named: "Flatten").init(
      OnnxNode(name: "flat", type: "Flatten", opset: 17))
    let flat = try builder.apply(flatten, [x])[0]
    let free = AnySizeNet.free(builder.finish(outputs: [("y", try builder.relu(flat))])), model = try Model(free)
    let error = #expect(throws: InferenceError.self) { try model.sized(for: [[1, 4, 4]]) }
    #expect(error?.description.contains("'image' of [1, 4, 4]: expected a size for which output 'y' has 64") == true)
    let one = try Model(AnySizeNet.free(AnySizeNet.graph(height: 8, width: 8, pools: false)))
    #expect { try one.sized(for: [[2, 8, 9]]) } throws: { "\($0)".contains("node 'fc'") }
    #expect { try one.sized(for: [[1, 8, 8]]) } throws: { "\($0)".contains("[batch, 2, height, width]") }
  }

  @Test("rows of several inputs have their shapes by name")
  func shapes() throws {
    var graph = try TextNet.graph()
    for at in graph.inputs.indices { graph.inputs[at].free = [1: "length"] }
    let model = try Model(graph), (ids, mask) = TextNet.texts(3)
    let rows = RowLayout.joining([mask, ids].map { Tensor([3, 5], $0.joined().map { Float($0) }) })
    let layout = RowLayout([.init(name: "mask", shape: [5]), .init(name: "ids", shape: [5])])
    let found = model.signature.rowShapes(of: rows, as: layout), wanted: [Shape?] = [[5], [5]]
    #expect(found == wanted && model.signature.takes == "ids [length], mask [length]")
    let sized = try model.sized(for: found)
    let labels = try sized.outputs(sized.signature.arranged(rows, as: layout)).labels()
    #expect(labels == TextNet.labels(3))
  }
}

import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Scikit-learn's linear models as ONNX-ML has them: scores and the class of the largest.
@Suite("Linear models")
struct LinearModelTests {
  private func run(_ attributes: [String: OnnxAttribute], _ x: Tensor) throws -> (classes: [Int64], scores: [Float]) {
    let node = OnnxNode(
      name: "model", type: "LinearClassifier", opset: 21, attributes: attributes, presentInputs: [true], outputCount: 2)
    let builder = GraphBuilder(), input = builder.input("x", [x.shape[1]])
    let values = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "LinearClassifier").init(node), [input])
    let graph = builder.finish(outputs: [("label", values[0]), ("scores", values[1])])
    let again = try Graph(onnx: graph.onnx())
    let plan = try Plan(again, parameters: ParameterBuffers(again), options: .init(rows: x.shape[0]))
    plan.write(.float(x), to: 0)
    plan.forward()
    return (Array(plan.outputs[0].bindMemory(to: Int64.self)), Array(plan.output(1)))
  }

  @Test("one score for two classes becomes a pair")
  func binary() throws {
    let x = Tensor([2, 2], [1, 1, -1, 2])
    var attributes: [String: OnnxAttribute] = [
      "coefficients": .floats([2, -1]), "intercepts": .floats([0.5]), "classlabels_ints": .ints([3, 8]),
    ]
    var found = try run(attributes, x)
    #expect(found.classes == [8, 3] && found.scores == [-1.5, 1.5, 3.5, -3.5])
    attributes["post_transform"] = .string("LOGISTIC")
    found = try run(attributes, x)
    #expect(abs(found.scores[0] + found.scores[1] - 1) < 1e-6 && abs(found.scores[1] - 0.81757448) < 1e-6)
  }

  @Test("texts are put out as their positions and name the classes")
  func texts() throws {
    let attributes: [String: OnnxAttribute] = [
      "coefficients": .floats([1, 0, 0, 1, -1, -1]), "classlabels_strings": .strings(["a", "b", "c"]),
    ]
    let found = try run(attributes, Tensor([3, 2], [2, 1, 1, 2, -1, -1]))
    #expect(found.classes == [0, 1, 2] && found.scores == [2, 1, -3, 1, 2, -3, -1, -1, 2])
  }

  @Test(
    "attributes that do not fit are refused",
    arguments: [
      ["coefficients": OnnxAttribute.floats([1, 2, 3]), "classlabels_ints": .ints([0, 1, 2, 3])],
      ["coefficients": .floats([1, 2]), "classlabels_ints": .ints([0])],
      ["coefficients": .floats([.nan, 2]), "classlabels_ints": .ints([0, 1])],
      ["coefficients": .floats([1, 2]), "classlabels_ints": .ints([0, 1]), "post_transform": .string("PROBIT")],
      ["classlabels_ints": .ints([0, 1])],
    ])
  func refuses(_ attributes: [String: OnnxAttribute]) {
    #expect(throws: GraphError.self) { try run(attributes, Tensor([1, 2], [1, 1])) }
  }
}

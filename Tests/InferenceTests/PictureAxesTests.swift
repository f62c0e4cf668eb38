import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Pictures with their axes in the other order")
struct PictureAxesTests {
  private static func model(_ shape: [Int]) throws -> Model {
    let builder = GraphBuilder(name: "axes"), x = builder.input("x", shape)
    let flatten = OnnxNode(name: "flatten", type: "Flatten", opset: 17, attributes: ["axis": .int(1)])
    let rows = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "Flatten").init(flatten), [x])[0]
    let weights = builder.parameter("w", .random([shape.reduce(1, *), 3], seed: 1))
    let product = OnnxNode(name: "product", type: "MatMul", opset: 17, attributes: [:])
    let y = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "MatMul").init(product), [rows, weights])[0]
    return try Model(onnx: builder.finish(outputs: [("y", y)]).onnx())
  }

  @Test(
    "a refusal says how to turn them",
    arguments: [
      ([4, 5, 3], [3, 4, 5], "?axes=hwc"), ([3, 4, 5], [4, 5, 3], "?axes=chw"), ([4, 5, 3], [4, 3, 5], nil),
    ])
  func advice(_ wanted: [Int], _ given: [Int], _ remedy: String?) throws {
    let model = try Self.model(wanted)
    let error = #expect(throws: InferenceError.self) {
      _ = try model.signature.checked(.random(Shape([2] + given), seed: 2))
    }
    #expect(error?.code == .inputShape)
    #expect(remedy.map { error?.advice?.hasSuffix($0) == true } ?? (error?.advice == nil))
  }
}

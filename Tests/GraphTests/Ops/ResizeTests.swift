import DitherBasics
import DitherGraph
import DitherTensor
import Testing

/// The numbers that ONNX's own node tests have of the picture [[1, …, 4], …, [13, …, 16]].
@Suite("Resize")
struct ResizeTests {
  struct Row: Sendable, CustomTestStringConvertible {
    /// The name of ONNX's test.
    var name: String
    var scale: Float
    var attributes: [String: OnnxAttribute]
    var result: [Float]
    var testDescription: String { name }
  }
  private static let smoothed = OnnxAttribute.int(1)
  private static let sharp: [String: OnnxAttribute] = ["cubic_coeff_a": .float(-0.5), "exclude_outside": .int(1)]

  static let rows: [Row] = [
    Row(
      name: "downsample_scales_cubic", scale: 0.8, attributes: ["mode": .string("cubic")],
      result: [
        1.47119141, 2.78125, 4.08251953, 6.71142578, 8.02148438, 9.32275391, 11.91650391, 13.2265625, 14.52783203,
      ]
    ),
    Row(
      name: "downsample_scales_cubic_A_n0p5_exclude_outside", scale: 0.8,
      attributes: sharp.merging(["mode": .string("cubic")]) { $1 },
      result: [1.36812675, 2.6695014, 4.0133367, 6.57362535, 7.875, 9.2188353, 11.94896657, 13.25034122, 14.59417652]),
    Row(
      name: "downsample_scales_linear_antialias", scale: 0.6,
      attributes: ["mode": .string("linear"), "antialias": smoothed], result: [2.875, 4.5, 9.375, 11]),
    Row(
      name: "downsample_scales_cubic_antialias", scale: 0.6,
      attributes: ["mode": .string("cubic"), "antialias": smoothed],
      result: [2.5180721, 4.2858863, 9.589329, 11.357142]),
  ]

  @Test("pictures are as ONNX has them", arguments: rows)
  func picture(_ row: Row) throws {
    let builder = GraphBuilder(), x = builder.input("x", [1, 4, 4])
    let node = OnnxNode(
      name: "resize", type: "Resize", opset: 19, attributes: row.attributes, presentInputs: [true, false, true])
    let scales = builder.constant(.float(Tensor([4], [1, 1, row.scale, row.scale])))
    let op = try Catalog<any OnnxOp.Type>.ops.entry(named: "Resize").init(node)
    let y = try builder.apply(op, [x, nil, scales])[0]
    let graph = try Graph(onnx: builder.finish(outputs: [("y", y)]).onnx())
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1))
    plan.write(.float(Tensor([1, 1, 4, 4], (1...16).map(Float.init))), to: 0)
    plan.forward()
    let found = Array(plan.output())
    #expect(found.count == row.result.count)
    let apart: Float = zip(found, row.result).map { abs($0 - $1) }.max() ?? 1
    #expect(apart < 1e-5, "\(found)")
  }

  struct Cropped: Sendable, CustomTestStringConvertible {
    var name: String
    var region: [Float]
    var sizes: [Int64]
    var attributes: [String: OnnxAttribute] = [:]
    var result: [Float]
    var testDescription: String { name }
  }
  private static let cropped: [Float] = [7.6, 7.9, 8.2, 8.8, 9.1, 9.4, 10, 10.3, 10.6]
  static let regions: [Cropped] = [
    Cropped(
      name: "tf_crop_and_resize", region: [0, 0, 0.4, 0.6, 1, 1, 0.6, 0.8], sizes: [1, 1, 3, 3], result: cropped),
    Cropped(
      name: "tf_crop_and_resize_axes_3_2", region: [0.6, 0.4, 0.8, 0.6], sizes: [3, 3],
      attributes: ["axes": .ints([3, 2])], result: cropped),
    Cropped(
      name: "tf_crop_and_resize_extrapolation_value", region: [0, 0, 0.4, 0.6, 1, 1, 1.2, 1.7], sizes: [1, 1, 3, 3],
      attributes: ["extrapolation_value": .float(10)], result: [7.6, 10, 10, 12.4, 10, 10, 10, 10, 10]),
  ]

  @Test("regions of interest are as ONNX has them", arguments: regions)
  func region(_ row: Cropped) throws {
    let words: [String: OnnxAttribute] = [
      "mode": .string("linear"), "coordinate_transformation_mode": .string("tf_crop_and_resize"),
    ]
    let builder = GraphBuilder(), x = builder.input("x", [1, 4, 4])
    func op(_ present: [Bool]) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: "Resize").init(
        OnnxNode(
          name: "resize", type: "Resize", opset: 19, attributes: row.attributes.merging(words) { $1 },
          presentInputs: present))
    }
    let region = builder.constant(.float(Tensor([row.region.count], row.region)))
    let sizes = builder.constant(.int64([row.sizes.count], row.sizes))
    var graph = builder.finish(
      outputs: [("y", try builder.apply(op([true, true, false, true]), [x, region, nil, sizes])[0])])
    if row.sizes.count == 4 { graph.inputs[0].dimensions[0] = 1 }
    let written = try graph.onnx(), read = try Graph(onnx: written), again = try read.onnx()
    #expect(again == written)
    let found = try Network(read).outputs([.float(Tensor([1, 1, 4, 4], (1...16).map(Float.init)))])
    let apart: Float = zip(found, row.result).map { abs($0 - $1) }.max() ?? 1
    #expect(found.count == 9 && apart < 1e-5, "\(found)")
    let scales = builder.constant(.float(Tensor([2], [2, 2]))), scaled = try op([true, true, true])
    let error = #expect(throws: GraphError.self) { _ = try builder.apply(scaled, [x, region, scales]) }
    #expect(error != nil)
  }

  @Test("cubics are of no opset before 11, nor of Upsample")
  func refused() throws {
    for (type, opset) in [("Resize", 10), ("Upsample", 9)] {
      let node = OnnxNode(
        name: "r", type: type, opset: opset, attributes: ["mode": .string("cubic")], presentInputs: [true, true])
      let entry = try Catalog<any OnnxOp.Type>.ops.entry(named: type)
      let error = #expect(throws: GraphError.self) { _ = try entry.init(node) }
      #expect(error?.place.contains("'mode'") == true, "\(error?.description ?? "")")
    }
  }
}

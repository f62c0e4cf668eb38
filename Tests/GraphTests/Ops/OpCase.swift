import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// One way of using an op. Written once, it is run, differentiated, written to a file and read again.
struct OpCase: CustomTestStringConvertible, Sendable {
  enum Operand: Sendable {
    /// A graph input with these extents behind its two rows.
    case input([Int])
    /// Trained floats, away from the kinks and poles that ops have, or all above 0.
    case parameter(Shape)
    case positive(Shape)
    /// Floats that training does not move.
    case numbers([Float])
    case integers([Int64])
    case indices(Shape, [Int64])
    case constant(Literal)
    case none
  }
  let name: String
  let type: String
  let attributes: [String: OnnxAttribute]
  let operands: [Operand]
  let opset: Int
  /// Of the inputs' values; some ops are differentiable on part of the line only.
  let range: ClosedRange<Float>
  /// How many outputs the node has, and which of them is looked at.
  let outputs: Int
  let output: Int
  /// Checked where it is given: of that output, for two rows.
  let result: Shape?

  init(
    _ type: String, _ operands: [Operand], _ attributes: [String: OnnxAttribute] = [:], opset: Int = 21,
    range: ClosedRange<Float> = -1.5...1.5, output: Int = 0, of outputs: Int = 1, result: Shape? = nil
  ) {
    let settings = attributes.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
    name = "\(type) \(operands) \(settings) opset \(opset)\(outputs == 1 ? "" : ", output \(output) of \(outputs)")"
    self.output = output
    self.outputs = outputs
    self.type = type
    self.attributes = attributes
    self.operands = operands
    self.opset = opset
    self.range = range
    self.result = result
  }
  var testDescription: String { name }

  static let rows = 2

  /// Values no two of which are nearer than what finite differences move them by, none near 0.
  private func spread(_ shape: Shape, seed: UInt64, in range: ClosedRange<Float>) -> Tensor {
    var generator = PhiloxGenerator(seed: seed, stream: 0xCA5E)
    let width = range.upperBound - range.lowerBound, count = shape.count
    let order = (0..<count).shuffled(using: &generator)
    return Tensor(shape, order.map { range.lowerBound + (Float($0) + 0.5) * width / Float(count) })
  }

  private func operand(_ operand: Operand, _ index: Int, _ builder: GraphBuilder) -> Value? {
    switch operand {
    case .input(let extents): builder.input("x\(index)", extents)
    case .parameter(let shape): builder.parameter("w\(index)", spread(shape, seed: UInt64(index), in: -1.5...1.5))
    case .positive(let shape): builder.parameter("w\(index)", spread(shape, seed: UInt64(index), in: 0.5...2))
    case .numbers(let values):
      builder.constant(.float(Tensor(values.count == 1 ? [] : [values.count], values)), "n\(index)")
    case .integers(let values): builder.constant(.int64([values.count], values), "i\(index)")
    case .indices(let shape, let values):
      builder.constant(type == "Where" ? .bool(shape, values.map { $0 != 0 }) : .int64(shape, values), "i\(index)")
    case .constant(let literal): builder.constant(literal, "c\(index)")
    case .none: nil
    }
  }

  func graph() throws -> Graph {
    let node = OnnxNode(
      name: "op", type: type, opset: opset, attributes: attributes,
      presentInputs: operands.map { if case .none = $0 { false } else { true } }, outputCount: outputs)
    let op = try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node)
    let builder = GraphBuilder(rows: Self.rows)
    let inputs = operands.enumerated().map { operand($1, $0, builder) }
    let values = try builder.apply(op, inputs, name: "op")
    var graph = builder.finish(outputs: [("y", values[output])])
    // A reader takes the classes' names from the node: they are there from the start.
    if let labels = op.classLabels {
      graph.metadata[Graph.labelsKey] = String(decoding: try JSONEncoder().encode(labels), as: UTF8.self)
    }
    return graph
  }

  /// Values for the graph's inputs.
  func inputs(_ graph: Graph, rows: Int = rows) -> [Tensor] {
    graph.inputs.enumerated().map { spread($1.shape(rows: rows), seed: 100 + UInt64($0), in: range) }
  }
}

extension OpCase {
  private static let image: [Operand] = [.input([4, 6, 5])]
  private static func unary(_ type: String, _ range: ClosedRange<Float> = -1.5...1.5) -> OpCase {
    OpCase(type, [.input([3, 5])], range: range, result: [2, 3, 5])
  }
  private static func binary(_ type: String) -> [OpCase] {
    [
      OpCase(type, [.input([3, 4]), .input([3, 4])], result: [2, 3, 4]),
      OpCase(type, [.input([3, 4]), .positive([4])], range: 0.4...1.7),
      OpCase(type, [.positive([3, 1]), .input([1, 4])], range: 0.4...1.7, result: [2, 3, 4]),
      OpCase(type, [.input([3, 4]), .numbers([0.7])], range: 0.4...1.7),
    ]
  }
  private static let elementWise =
    [
      "Abs", "Ceil", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSwish", "Identity", "LeakyRelu", "Neg", "Relu", "Round",
      "Selu", "Sigmoid", "Sign", "Softplus", "Tanh", "Dropout",
    ].map { unary($0) }
    + ["Log", "Reciprocal", "Sqrt"].map { unary($0, 0.3...2) }
    + ["Add", "Div", "Max", "Min", "Mul", "Sub"].flatMap { binary($0) }
    + [
      unary("HardSigmoid", -4...4),
      OpCase("Gelu", [.input([7])], ["approximate": .string("tanh")]),
      OpCase("LeakyRelu", [.input([7])], ["alpha": .float(0.3)]),
      OpCase("Elu", [.input([7])], ["alpha": .float(0.5)]),
      OpCase("Pow", [.input([3, 4]), .numbers([2])], result: [2, 3, 4]),
      OpCase("Pow", [.input([3, 4]), .positive([4])], range: 0.4...2),
      OpCase("PRelu", [.input([3, 4]), .parameter([3, 1])], result: [2, 3, 4]),
      OpCase("Clip", [.input([9]), .numbers([-0.52]), .numbers([0.71])], result: [2, 9]),
      OpCase("Clip", [.input([9]), .none, .numbers([0.33])]),
      OpCase("Clip", [.input([8]), .parameter([1]), .positive([1])]),
      OpCase("Clip", [.input([9])], ["min": .float(-0.4), "max": .float(0.6)], opset: 10),
      OpCase("Cast", [.input([3])], ["to": .int(1)], result: [2, 3]),
    ]
  private static let layers = [
    OpCase("Gemm", [.input([5]), .parameter([5, 3]), .parameter([3])], result: [2, 3]),
    OpCase(
      "Gemm", [.input([5]), .parameter([3, 5]), .parameter([1, 3])],
      ["transB": .int(1), "alpha": .float(0.5), "beta": .float(2)]),
    OpCase("Gemm", [.input([5]), .input([3])], ["transA": .int(1)], result: [5, 3]),
    OpCase("MatMul", [.input([5]), .parameter([5, 3])], result: [2, 3]),
    OpCase("MatMul", [.input([3, 4]), .parameter([4, 5])], result: [2, 3, 5]),
    OpCase("MatMul", [.input([3, 4]), .input([4, 2])], result: [2, 3, 2]),
    OpCase("MatMul", [.parameter([6, 3]), .input([3, 4])], result: [2, 6, 4]),
    OpCase("MatMul", [.input([3, 4]), .parameter([4])], result: [2, 3]),
    OpCase("Conv", image + [.parameter([3, 4, 3, 3]), .parameter([3])], result: [2, 3, 4, 3]),
    OpCase(
      "Conv", image + [.parameter([6, 2, 3, 3])],
      ["group": .int(2), "pads": .ints([1, 2, 0, 1]), "strides": .ints([2, 1])], result: [2, 6, 3, 6]),
    OpCase("Conv", image + [.parameter([2, 4, 2, 3])], ["dilations": .ints([2, 2])], result: [2, 2, 4, 1]),
    OpCase(
      "Conv", image + [.parameter([2, 4, 4, 4])], ["auto_pad": .string("SAME_UPPER")], result: [2, 2, 6, 5]),
    OpCase(
      "Conv", [.input([3, 7]), .parameter([4, 3, 3]), .parameter([4])], ["pads": .ints([1, 1])], result: [2, 4, 7]),
    OpCase("Conv", image + [.parameter([4, 1, 3, 3])], ["group": .int(4)], result: [2, 4, 4, 3]),
    OpCase(
      "BatchNormalization", image + [.parameter([4]), .parameter([4]), .parameter([4]), .positive([4])],
      result: [2, 4, 6, 5]),
    OpCase("BatchNormalization", [.input([5]), .parameter([5]), .parameter([5]), .parameter([5]), .positive([5])]),
    OpCase("InstanceNormalization", image + [.parameter([4]), .parameter([4])], result: [2, 4, 6, 5]),
    OpCase("LayerNormalization", [.input([3, 6]), .parameter([6]), .parameter([6])], result: [2, 3, 6]),
    OpCase("LayerNormalization", [.input([3, 6]), .parameter([3, 6])], ["axis": .int(1)]),
    OpCase("Softmax", [.input([3, 4])]),
    OpCase("Softmax", [.input([3, 4])], ["axis": .int(1)]),
    OpCase("LogSoftmax", [.input([6])]),
    OpCase("LogSoftmax", [.input([3, 4])], ["axis": .int(-2)]),
  ]
  private static let poolings = [
    OpCase("MaxPool", image, ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])], result: [2, 4, 3, 2]),
    OpCase(
      "MaxPool", image,
      [
        "kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "ceil_mode": .int(1),
        "strides": .ints([2, 2]),
      ], result: [2, 4, 4, 3]),
    OpCase("MaxPool", [.input([3, 9])], ["kernel_shape": .ints([2]), "dilations": .ints([3])], result: [2, 3, 6]),
    OpCase("AveragePool", image, ["kernel_shape": .ints([2, 3])], result: [2, 4, 5, 3]),
    OpCase(
      "AveragePool", image,
      [
        "kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 2]),
        "count_include_pad": .int(1),
      ], result: [2, 4, 3, 3]),
    OpCase(
      "AveragePool", image, ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 2])]),
    OpCase("AveragePool", image, ["kernel_shape": .ints([2, 2]), "dilations": .ints([2, 2])], result: [2, 4, 4, 3]),
    OpCase("GlobalAveragePool", image, result: [2, 4, 1, 1]),
    OpCase("ReduceMax", [.input([3, 5]), .integers([2])], ["keepdims": .int(0)], result: [2, 3]),
    OpCase("ReduceMax", [.input([3, 5])], ["axes": .ints([1])], opset: 13, result: [2, 1, 5]),
    OpCase("ReduceMean", [.input([3, 5]), .integers([-1])], result: [2, 3, 1]),
    OpCase("ReduceMean", [.input([3, 5])], ["axes": .ints([1, 2]), "keepdims": .int(0)], opset: 13, result: [2]),
    OpCase("ReduceSum", [.input([3, 5]), .integers([1])], ["keepdims": .int(0)], result: [2, 5]),
    OpCase("ReduceSum", [.input([3, 5])], ["axes": .ints([1])], opset: 11, result: [2, 1, 5]),
  ]
  private static let movements = [
    OpCase("Reshape", [.input([3, 4]), .integers([0, -1])], result: [2, 12]),
    OpCase("Flatten", [.input([3, 4])], result: [2, 12]),
    OpCase("Flatten", [.input([3, 4])], ["axis": .int(-1)], result: [6, 4]),
    OpCase("Squeeze", [.input([1, 4]), .integers([1])], result: [2, 4]),
    OpCase("Squeeze", [.input([1, 4])], ["axes": .ints([1])], opset: 11, result: [2, 4]),
    OpCase("Unsqueeze", [.input([4]), .integers([1, -1])], result: [2, 1, 4, 1]),
    OpCase("Transpose", [.input([3, 4])], ["perm": .ints([0, 2, 1])], result: [2, 4, 3]),
    OpCase("Transpose", [.input([3, 4])], result: [4, 3, 2]),
    OpCase(
      "Concat", [.input([3, 4]), .input([1, 4]), .input([2, 4])], ["axis": .int(1)], result: [2, 6, 4]),
    OpCase("Gather", [.input([3, 4]), .indices([2, 2], [0, -1, 2, 2])], ["axis": .int(1)], result: [2, 2, 2, 4]),
    OpCase("Gather", [.input([3, 4]), .indices([], [1])], ["axis": .int(2)], result: [2, 3]),
    OpCase(
      "Slice", [.input([5, 6]), .integers([1, 5]), .integers([4, -99]), .integers([1, 2]), .integers([2, -2])],
      result: [2, 2, 3]),
    OpCase(
      "Slice", [.input([5])], ["starts": .ints([-3]), "ends": .ints([.max]), "axes": .ints([1])], opset: 9,
      result: [2, 3]),
    OpCase("Pad", [.input([3, 4]), .integers([0, 1, 2, 0, 0, 1]), .numbers([0.5])], result: [2, 4, 7]),
    OpCase("Pad", [.input([3, 4]), .integers([2, 1]), .none, .integers([-1])], result: [2, 3, 7]),
    OpCase("Pad", [.input([3])], ["pads": .ints([0, 1, 0, 1])], opset: 10, result: [2, 5]),
  ]
  private static let composites = [
    unary("Celu"), unary("Mish"),
    OpCase("Celu", [.input([7])], ["alpha": .float(0.4)]),
    OpCase("Sum", [.input([3, 4]), .parameter([4]), .parameter([3, 1])], result: [2, 3, 4]),
    OpCase("Mean", [.input([3, 4]), .parameter([4])]),
    OpCase("Max", [.input([3, 4]), .parameter([4]), .numbers([0.11])]),
    OpCase("Min", [.input([3, 4])]),
    OpCase("LRN", image, ["size": .int(3), "alpha": .float(0.3), "beta": .float(0.6), "bias": .float(1.5)]),
    OpCase(
      "GroupNormalization", [.input([6, 4, 3]), .parameter([6]), .parameter([6])], ["num_groups": .int(3)],
      result: [2, 6, 4, 3]),
    OpCase(
      "GroupNormalization", [.input([6, 4, 3]), .parameter([2]), .parameter([2])], ["num_groups": .int(2)], opset: 18),
    OpCase("GlobalMaxPool", image, result: [2, 4, 1, 1]),
    OpCase("ReduceMin", [.input([3, 5]), .integers([2])], ["keepdims": .int(0)], result: [2, 3]),
    OpCase("ReduceL2", [.input([3, 5]), .integers([1])], range: 0.3...2, result: [2, 1, 5]),
    OpCase("ReduceL2", [.input([3, 5])], ["axes": .ints([-1]), "keepdims": .int(0)], opset: 13, result: [2, 3]),
    OpCase("ConvTranspose", image + [.parameter([4, 3, 3, 3]), .parameter([3])], result: [2, 3, 8, 7]),
    OpCase(
      "ConvTranspose", image + [.parameter([4, 2, 3, 2])],
      [
        "strides": .ints([2, 3]), "pads": .ints([1, 0, 1, 1]), "output_padding": .ints([1, 0]), "group": .int(2),
      ], result: [2, 4, 12, 13]),
    OpCase(
      "ConvTranspose", image + [.parameter([4, 1, 2, 2])],
      ["strides": .ints([2, 2]), "output_shape": .ints([12, 9])],
      result: [2, 1, 12, 9]),
    OpCase(
      "ConvTranspose", [.input([4, 5]), .parameter([4, 3, 3])], ["dilations": .ints([2])], result: [2, 3, 9]),
    OpCase("DepthToSpace", [.input([8, 2, 3])], ["blocksize": .int(2)], result: [2, 2, 4, 6]),
    OpCase(
      "DepthToSpace", [.input([8, 2, 3])], ["blocksize": .int(2), "mode": .string("CRD")], result: [2, 2, 4, 6]),
    OpCase("SpaceToDepth", [.input([2, 4, 6])], ["blocksize": .int(2)], result: [2, 8, 2, 3]),
    OpCase("Split", [.input([6, 3])], ["axis": .int(1), "num_outputs": .int(1)], result: [2, 6, 3]),
    OpCase(
      "Split", [.input([7, 3])], ["axis": .int(1), "num_outputs": .int(4)], output: 3, of: 4, result: [2, 1, 3]),
    OpCase("Split", [.input([6, 3]), .integers([1, 5])], ["axis": .int(-2)], output: 1, of: 2, result: [2, 5, 3]),
    OpCase(
      "Split", [.input([6, 3])], ["axis": .int(1), "split": .ints([2, 4])], opset: 11, of: 2, result: [2, 2, 3]),
    OpCase("Split", [.input([6, 3])], ["axis": .int(1)], opset: 13, output: 1, of: 2, result: [2, 3, 3]),
    OpCase("LayerNormalization", [.input([3, 6]), .parameter([6])], output: 1, of: 3, result: [2, 3, 1]),
    OpCase("LayerNormalization", [.input([3, 6]), .parameter([3, 6])], ["axis": .int(1)], output: 2, of: 3),
    OpCase("Dropout", [.input([4])], of: 2, result: [2, 4]),
    OpCase("Softmax", [.input([3, 4])], ["axis": .int(1)], opset: 11, result: [2, 3, 4]),
    OpCase("Softmax", [.input([3, 4])], opset: 9),
    OpCase("LogSoftmax", [.input([3, 4])], ["axis": .int(-2)], opset: 12),
    OpCase("Softmax", [.input([4])], opset: 9),
    OpCase("Pow", [.input([3]), .indices([], [3])], range: 0.4...2),
    OpCase("ReduceSum", [.input([3, 5])], ["noop_with_empty_axes": .int(1)], opset: 13, result: [2, 3, 5]),
    OpCase("ReduceL2", [.input([3, 5])], ["keepdims": .int(0)], range: 0.3...2, result: []),
    OpCase("ReduceMean", [.input([3, 5])], ["noop_with_empty_axes": .int(1)], opset: 18),
    OpCase("ReduceSumSquare", [.input([3, 5]), .integers([1, -1])], ["keepdims": .int(0)], result: [2]),
    OpCase("ReduceProd", [.input([3, 5]), .integers([1])], range: 0.5...1.5, result: [2, 1, 5]),
    OpCase("ReduceProd", [.input([7])], ["axes": .ints([1]), "keepdims": .int(0)], opset: 13, result: [2]),
    OpCase("MatMul", [.parameter([4]), .input([4, 3])], result: [2, 3]),
    OpCase("MatMul", [.input([2, 3, 4]), .parameter([2, 4, 5])], result: [2, 2, 3, 5]),
    OpCase(
      "Conv", image + [.parameter([2, 4, 3, 3])], ["auto_pad": .string("SAME_LOWER"), "strides": .ints([2, 2])]),
    OpCase("Conv", image + [.parameter([2, 4, 3, 3])], ["auto_pad": .string("VALID")], result: [2, 2, 4, 3]),
    OpCase(
      "ConvTranspose", image + [.parameter([4, 2, 3, 3])],
      ["auto_pad": .string("SAME_UPPER"), "strides": .ints([2, 2])], result: [2, 2, 12, 10]),
    OpCase(
      "ConvTranspose", image + [.parameter([4, 2, 3, 3])],
      ["auto_pad": .string("SAME_LOWER"), "strides": .ints([2, 2])], result: [2, 2, 12, 10]),
    OpCase("Tile", [.input([3, 2]), .integers([1, 2, 3])], result: [2, 6, 6]),
    OpCase("Expand", [.input([1, 4]), .integers([3, 1])], result: [2, 3, 4]),
    OpCase("Expand", [.input([3]), .integers([5, 1, 1])], result: [5, 2, 3]),
    OpCase("Where", [.indices([3, 1], [1, 0, 1]), .input([3, 4]), .parameter([4])], result: [2, 3, 4]),
    OpCase("Pad", [.input([4, 5]), .integers([0, 2, 1, 0, 1, 3])], ["mode": .string("reflect")], result: [2, 7, 9]),
    OpCase("Pad", [.input([4]), .integers([0, 2, 0, 3])], ["mode": .string("edge")], result: [2, 9]),
    OpCase("Pad", [.input([4]), .integers([0, 2, 0, 3])], ["mode": .string("wrap")], result: [2, 9]),
    OpCase("Pad", [.input([5]), .integers([0, -1, 0, 2]), .numbers([0.3])], result: [2, 6]),
    OpCase("Pad", [.input([5]), .integers([0, -1, 0, -2])], result: [2, 2]),
    OpCase("Pad", [.input([5]), .integers([0, -1, 0, 3])], ["mode": .string("edge")], result: [2, 7]),
    OpCase("Pad", [.input([3]), .integers([0, 1, 0, 2]), .parameter([1])], result: [2, 6]),
    resize([1, 1, 2, 2], ["mode": .string("nearest")], result: [2, 4, 12, 10]),
    resize([1, 1, 2, 1.5], ["mode": .string("linear")], result: [2, 4, 12, 7]),
    resize([1, 1, 0.5, 0.6], ["mode": .string("linear"), "coordinate_transformation_mode": .string("align_corners")]),
    resize(
      [1, 1, 1.5, 2],
      [
        "mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"),
        "nearest_mode": .string("ceil"),
      ]),
    OpCase(
      "Resize", image + [.none, .none, .integers([2, 4, 3, 8])],
      ["mode": .string("linear"), "coordinate_transformation_mode": .string("pytorch_half_pixel")],
      result: [2, 4, 3, 8]),
    OpCase(
      "Resize", image + [.none, .none, .integers([8, 8])],
      [
        "mode": .string("linear"), "axes": .ints([2, 3]), "keep_aspect_ratio_policy": .string("not_larger"),
        "coordinate_transformation_mode": .string("half_pixel_symmetric"),
      ], result: [2, 4, 8, 7]),
    resize([1, 1, 2, 1.5], ["mode": .string("cubic"), "cubic_coeff_a": .float(-0.5)], result: [2, 4, 12, 7]),
    resize([1, 1, 0.5, 0.6], ["mode": .string("cubic"), "antialias": .int(1), "exclude_outside": .int(1)]),
    resize([1, 1, 0.5, 0.7], ["mode": .string("linear"), "antialias": .int(1)], result: [2, 4, 3, 3]),
    resize([1, 1, 2, 2], ["nearest_mode": .string("floor"), "coordinate_transformation_mode": .string("half_pixel")]),
    resize(
      [1, 1, 2, 3],
      ["nearest_mode": .string("floor"), "coordinate_transformation_mode": .string("tf_half_pixel_for_nn")]),
    resize([1, 1, 3, 3], ["nearest_mode": .string("round_prefer_ceil")]),
    OpCase("Resize", image + [.numbers([1, 1, 2, 2])], ["mode": .string("nearest")], opset: 10),
    OpCase("Resize", image + [.numbers([1, 1, 2, 0.5])], ["mode": .string("linear")], opset: 10),
    OpCase(
      "Upsample", image + [.numbers([1, 1, 2, 2])], ["mode": .string("linear")], opset: 9, result: [2, 4, 12, 10]),
    OpCase("Upsample", image, ["scales": .floats([1, 1, 2, 3])], opset: 8, result: [2, 4, 12, 15]),
    OpCase("Scaler", [.input([3])], ["offset": .floats([1, 2, 3]), "scale": .floats([0.5])], result: [2, 3]),
    OpCase("Normalizer", [.input([5])], ["norm": .string("L2")]),
    OpCase("Normalizer", [.input([5])], ["norm": .string("L1")]),
    OpCase("Normalizer", [.input([5])], range: 0.3...2),
    OpCase("ZipMap", [.input([3])], ["classlabels_strings": .strings(["a", "b", "c"])], result: [2, 3]),
    OpCase("ArrayFeatureExtractor", [.input([5]), .indices([1, 2], [3, 0])], result: [2, 2]),
  ]
  private static func resize(_ scales: [Float], _ attributes: [String: OnnxAttribute], result: Shape? = nil) -> OpCase {
    OpCase("Resize", image + [.none, .numbers(scales)], attributes, result: result)
  }
  private static let others =
    ["Asinh", "Atan", "Cos", "Cosh", "Sin", "Sinh", "Softsign"].map { unary($0) }
    + ["Acos", "Asin", "Atanh", "Tan"].map { unary($0, -0.8...0.8) }
    + [
      unary("Acosh", 1.3...3),
      OpCase("Shrink", [.input([2, 5])], ["lambd": .float(0.4), "bias": .float(0.3)], result: [2, 2, 5]),
      OpCase("ThresholdedRelu", [.input([2, 5])], ["alpha": .float(0.5)], result: [2, 2, 5]),
      OpCase("Mod", [.input([3, 4]), .numbers([0.7])], ["fmod": .int(1)], result: [2, 3, 4]),
      OpCase("LpNormalization", [.input([3, 4])], ["axis": .int(1)], result: [2, 3, 4]),
      OpCase("LpNormalization", [.input([3, 4])], ["p": .int(1)]),
      OpCase("Hardmax", [.input([3, 4])], ["axis": .int(1)], result: [2, 3, 4]),
      OpCase("Hardmax", [.input([5])]),
      OpCase("ReduceL1", [.input([3, 5]), .integers([1])], result: [2, 1, 5]),
      OpCase("ReduceL1", [.input([3, 5])], ["axes": .ints([-1]), "keepdims": .int(0)], opset: 13, result: [2, 3]),
      OpCase("ReduceLogSum", [.input([3, 5]), .integers([2])], range: 0.3...2, result: [2, 3, 1]),
      OpCase("ReduceLogSumExp", [.input([3, 5]), .integers([1])], ["keepdims": .int(0)], result: [2, 5]),
      OpCase("ReduceLogSumExp", [.input([3, 5])], ["axes": .ints([1, 2])], opset: 13, result: [2, 1, 1]),
      OpCase("Trilu", [.input([4, 5])], result: [2, 4, 5]),
      OpCase("Trilu", [.input([4, 3]), .indices([], [-1])], ["upper": .int(0)], result: [2, 4, 3]),
      OpCase("Trilu", [.input([3, 4]), .indices([], [2])]),
      OpCase("CumSum", [.input([3, 4]), .indices([], [1])], result: [2, 3, 4]),
      OpCase("CumSum", [.input([3, 4]), .indices([], [-1])], ["exclusive": .int(1), "reverse": .int(1)]),
      OpCase(
        "LinearClassifier", [.input([3])],
        [
          "coefficients": .floats([1, -2, 0.5, 0.3, 1, -1]), "intercepts": .floats([0.1, -0.2]),
          "classlabels_ints": .ints([4, 7]), "post_transform": .string("LOGISTIC"),
        ], output: 1, of: 2, result: [2, 2]),
      OpCase(
        "LinearClassifier", [.input([2])],
        [
          "coefficients": .floats([1, -2, 0.5, 0.3, 1, -1]), "classlabels_strings": .strings(["a", "b", "c"]),
          "post_transform": .string("SOFTMAX"),
        ], output: 1, of: 2, result: [2, 3]),
      OpCase(
        "LinearRegressor", [.input([3])],
        ["coefficients": .floats([1, -2, 0.5, 0.3, 1, -1]), "intercepts": .floats([0.1, -0.2]), "targets": .int(2)],
        result: [2, 2]),
      OpCase("Binarizer", [.input([5])], ["threshold": .float(0.05)], result: [2, 5]),
    ]
  static let all =
    elementWise + layers + poolings + movements + composites + others + indexed + recurrent + ensembles + volumes
    + learned
}

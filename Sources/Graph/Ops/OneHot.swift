import DitherBasics
import DitherTensor

/// Each index as an axis of `depth` numbers, the second of `values` at its place and the first elsewhere. Indices below
/// 0 count from the end; one beyond has no place. Floats are cut to integers first.
/// - Shapes: [...]; the result has the new axis at `axis` of it.
/// - Source: ONNX `OneHot`, opsets 9–28.
struct OneHot: Composite {
  static let onnx = OnnxName("OneHot", since: 9)
  private let axis: Int
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("axis")
    axis = try node.int("axis", default: -1)
  }
  func write(to node: inout OnnxNode) { node["axis"] = .int(Int64(axis)) }
  func trainable(_ input: Int) -> Bool { input == 2 }

  private static func depth(_ types: [TensorType?]) throws(GraphError) -> Int {
    let type = try types.required(1, "depth")
    let given =
      type.element == .float32
      ? try types.knownFloats(1, "depth").map(Double.init) : try types.known(1, "depth").map(Double.init)
    guard given.count == 1, let depth = given.first, (1...Double(1 << 20)).contains(depth) else {
      throw GraphError(.shape, at: "input 'depth'", expected: "one number from 1 to \(1 << 20)", got: "\(given)")
    }
    return Int(depth)
  }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    var indices = try inputs.value(0, "indices")
    let depth = try Self.depth(inputs.types), values = try inputs.value(2, "values"), rank = indices.shape.rank
    guard rank < 8, indices.type.element != .bool else {
      throw GraphError(.shape, at: "input 'indices'", expected: "numbers of rank at most 7", got: "\(indices.type)")
    }
    guard values.shape == [2] else {
      throw GraphError(.shape, at: "input 'values'", expected: "[2]: off and on", got: "\(values.type)")
    }
    if indices.type.element == .float32 { indices = try indices.apply(Cast(.int64)) }
    let place = try resolveAxis(axis, rank: rank + 1)
    var extents = indices.shape.dimensions
    extents.insert(1, at: place)
    let cells = try indices.viewed(as: Shape(extents))
    var along = [Int](repeating: 1, count: rank + 1)
    along[place] = depth
    func isAt(_ first: Int) throws(GraphError) -> Value {
      let known = (0..<depth).map { Int64(first + $0) }
      let places = builder.constant(.int64(Shape(along), known))
      return try cells.apply(Equal(OnnxNode(name: "", type: Equal.onnx.type, opset: 21)), places)
    }
    func value(_ at: Int) throws(GraphError) -> Value {
      var region = Region([1])
      region.starts = [at]
      return try values.apply(Cut(region))
    }
    let isOn = try isAt(0).apply(Or(OnnxNode(name: "", type: Or.onnx.type, opset: 21)), isAt(-depth))
    return [try isOn.apply(Where(), value(1), value(0))]
  }
}

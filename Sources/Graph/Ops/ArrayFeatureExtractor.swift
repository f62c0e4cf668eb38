import DitherBasics
import DitherTensor

/// Elements of the last axis, by index: scikit-learn's exporter looks up class labels so.
/// - Shapes: data [..., K], indices of any shape with n elements; the result is [..., n], at least of rank 2.
/// - Source: ONNX-ML `ArrayFeatureExtractor`, opset 1.
struct ArrayFeatureExtractor: OnnxOp {
  static let onnx = OnnxName("ArrayFeatureExtractor", since: 1, domain: OnnxName.learning)
  init(_ node: OnnxNode) throws(GraphError) { try node.allow() }
  func write(to node: inout OnnxNode) {}
  var isIndexed: Bool { true }
  func trainable(_ input: Int) -> Bool { false }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool {
    input == 0 && axis == types.rank(0) - 1
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "X"), indices = try inputs.required(1, "Y")
    guard indices.element == .int64, data.shape.rank >= 1, data.element != .bool else {
      throw GraphError(
        .unsupportedType, at: "inputs", expected: "an array of numbers and int64 indices", got: "\(data) and \(indices)"
      )
    }
    let outer = data.shape.rank == 1 ? [1] : Array(data.shape.dimensions.dropLast())
    return [TensorType(Shape(outer + [indices.shape.count]), data.element)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    // As a gather along the last axis.
    let data = call.inputs[0], axis = data.shape.rank - 1
    let picked = Shape(data.shape.dimensions.dropLast() + [call.inputs[1].shape.count])
    return try [
      upstream.viewed(as: picked).apply(
        PickGradient(kind: .slices(axis), shape: data.shape), call.inputs[1].viewed(as: [call.inputs[1].shape.count])),
      nil,
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let data = call.inputs[0], indices = call.inputs[1], y = call.outputs[0], isFloat = data.type.element == .float32
    let extent = data.shape.dimensions.last ?? 1, count = indices.shape.count, rows = data.shape.count / max(extent, 1)
    plan.step([data, indices, y]) { memory in
      let picked = memory.raw(indices).assumingMemoryBound(to: Int64.self), from = memory.raw(data), to = memory.raw(y)
      func pick<T>(_: T.Type, _ absent: T) -> Step {
        let from = from.assumingMemoryBound(to: T.self), to = to.assumingMemoryBound(to: T.self)
        return {
          for row in 0..<rows {
            for i in 0..<count {
              let index = picked[i], isInside = index >= 0 && index < Int64(extent)
              to[row * count + i] = isInside ? from[row * extent + Int(index)] : absent
            }
          }
        }
      }
      return isFloat ? pick(Float.self, .nan) : pick(Int64.self, -1)
    }
  }
}

import DitherBasics
import DitherTensor

/// The same elements with another shape; one extent may be −1 (what is left), 0 copies the input's.
/// - Source: ONNX `Reshape`, opsets 5–28.
struct Reshape: OnnxOp, Viewing, Rearranging {
  static let onnx = OnnxName("Reshape", since: 5)
  /// 0 is an extent of its own, not a copy.
  var allowZero = false
  var shapeInput: Int? { 1 }
  init() {}
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("allowzero")
    allowZero = try node.flag("allowzero", default: false)
  }
  func write(to node: inout OnnxNode) { if allowZero { node["allowzero"] = .int(1) } }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data"), wanted = try inputs.known(1, "shape")
    func refuse(_ expected: String) -> GraphError {
      GraphError(.shape, at: "input 'shape'", expected: expected, got: "\(wanted) for \(data.shape)")
    }
    guard wanted.count <= 8, wanted.allSatisfy({ $0 >= -1 }), wanted.count(where: { $0 == -1 }) <= 1 else {
      throw refuse("at most 8 extents, at least -1, at most one of them -1")
    }
    var extents = wanted
    for (axis, extent) in wanted.enumerated() where extent == 0 && !allowZero {
      guard axis < data.shape.rank else { throw refuse("0 only where the input has an axis to copy") }
      extents[axis] = data.shape[axis]
    }
    if let hole = extents.firstIndex(of: -1) {
      let others = Shape(extents.filter { $0 != -1 }).checkedCount ?? 0
      guard others > 0, data.shape.count % others == 0 else {
        throw refuse("extents whose product divides the input's")
      }
      extents[hole] = data.shape.count / others
    }
    guard Shape(extents).checkedCount == data.shape.count else {
      throw refuse("as many elements as the input has, \(data.shape.count)")
    }
    return [TensorType(Shape(extents), data.element, known: data.known, knownFloats: data.knownFloats)]
  }
}

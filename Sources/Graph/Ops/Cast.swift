import DitherBasics
import DitherTensor

/// Another element type. Doubles and float16 are held as float32, smaller integers as int64: what would wrap in them or
/// be rounded does not.
/// - Source: ONNX `Cast`, opsets 6–28, between float, double, float16, int64, int32 and bool, and from the other
///   integers.
struct Cast: OnnxOp {
  static let onnx = OnnxName("Cast", since: 6)
  var takesEmpty: Bool { true }
  var isEvaluated: Bool { false }
  private let target: ElementType
  init(_ target: ElementType) { self.target = target }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("to", "saturate", "round_mode")
    let to = try node.int("to", default: 0)
    // ONNX's numbers of element types.
    guard let target = [1: ElementType.float32, 10: .float32, 11: .float32, 7: .int64, 6: .int64, 9: .bool][to] else {
      throw GraphError(
        .unsupportedType, at: "\(node.place), attribute 'to'",
        expected: "1 (float), 10 (float16), 11 (double), 7 (int64), 6 (int32) or 9 (bool)", got: "\(to)")
    }
    self.target = target
  }
  func trainable(_ input: Int) -> Bool { target == .float32 }
  func write(to node: inout OnnxNode) {
    node["to"] = .int(target == .float32 ? 1 : target == .int64 ? 7 : 9)
  }

  /// Towards 0, as C does; what is no integer of 64 bits becomes the nearest, and NaN 0.
  private static func integer(_ x: Float) -> Int64 {
    x.isNaN ? 0 : x >= 0x1p63 ? .max : x <= -0x1p63 ? .min : Int64(x)
  }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let type = try inputs.required(0, "input")
    guard type.element != target else { return [type] }
    let truth = target == .bool
    var result = TensorType(type.shape, target)
    if let known = type.known {
      if target == .float32 {
        result.knownFloats = known.count <= Literal.knownFloatLimit ? known.map(Float.init) : nil
      } else {
        result.known = truth ? known.map { $0 == 0 ? 0 : 1 } : known
      }
    } else if let floats = type.knownFloats {
      result.known = truth ? floats.map { $0 == 0 ? 0 : 1 } : floats.map(Self.integer)
    }
    return [result]
  }
  func rows(_ call: RowsCall) -> RowFacts? { call.type(0)?.element == .float32 ? call.sameRows : nil }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [call.inputs[0].type.element == .float32 && target == .float32 ? upstream : nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count, from = x.type.element, to = y.type.element
    guard from != to else { return plan.alias(y, to: x) }
    plan.step([x, y]) { memory in
      let source = memory.raw(x), result = memory.raw(y)
      let floats = (source.assumingMemoryBound(to: Float.self), result.assumingMemoryBound(to: Float.self))
      let integers = (source.assumingMemoryBound(to: Int64.self), result.assumingMemoryBound(to: Int64.self))
      let truths = (source.assumingMemoryBound(to: Bool.self), result.assumingMemoryBound(to: Bool.self))
      switch (from, to) {
      case (.float32, .int64): return { for i in 0..<count { integers.1[i] = Self.integer(floats.0[i]) } }
      case (.float32, _): return { for i in 0..<count { truths.1[i] = floats.0[i] != 0 } }
      case (.int64, .float32): return { for i in 0..<count { floats.1[i] = Float(integers.0[i]) } }
      case (.int64, _): return { for i in 0..<count { truths.1[i] = integers.0[i] != 0 } }
      case (.bool, .float32): return { for i in 0..<count { floats.1[i] = truths.0[i] ? 1 : 0 } }
      case (.bool, _): return { for i in 0..<count { integers.1[i] = truths.0[i] ? 1 : 0 } }
      }
    }
  }
}

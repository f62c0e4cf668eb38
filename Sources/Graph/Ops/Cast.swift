import DitherBasics
import DitherTensor

/// Another element type. Doubles, float16 and bfloat16 are held as float32, integers as int64: what would wrap in int32
/// or be rounded to halves does not. To floats of 8 bits numbers are rounded, and to integers of 4, 8 and 16 bits they
/// are brought, as the type says: of larger integers the lower bits stay, of floats the nearest integer that it has.
/// - Source: ONNX `Cast`, opsets 6–28, between all types but texts and complex numbers.
struct Cast: OnnxOp {
  static let onnx = OnnxName("Cast", since: 6)
  var takesEmpty: Bool { true }
  var isEvaluated: Bool { false }
  private let target: ElementType
  /// The narrower type whose numbers the result has; nil: all that the target has.
  private let narrow: StoredNumber?
  /// Whether what is too large for floats of 8 bits becomes the largest of them.
  private let saturates: Bool
  init(_ target: ElementType) { (self.target, narrow, saturates) = (target, nil, true) }
  init(_ narrow: StoredNumber, saturates: Bool) {
    (target, self.narrow, self.saturates) = (narrow.element, narrow, saturates)
  }
  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow("to", "saturate", "round_mode")
    let to = try node.int("to", default: 0)
    guard let target = ElementType(onnx: to) else {
      throw GraphError(
        .unsupportedType, at: "\(node.place), attribute 'to'",
        expected: "the number of \(ElementType.taken), as 1 (float), 7 (int64) or 9 (bool)", got: "\(to)")
    }
    self.target = target
    narrow = StoredNumber(onnx: to).flatMap { $0.isNarrow ? $0 : nil }
    saturates = try node.flag("saturate", default: true)
  }
  func trainable(_ input: Int) -> Bool { target == .float32 && narrow == nil }
  var leastOpset: Int { max(narrow?.since ?? 0, Self.onnx.since) }
  func write(to node: inout OnnxNode) {
    node["to"] = .int(narrow.map { Int64($0.onnx) } ?? (target == .float32 ? 1 : target == .int64 ? 7 : 9))
    if !saturates { node["saturate"] = .int(0) }
  }

  /// Towards 0, as C does; what is no integer of 64 bits becomes the nearest, and NaN 0.
  private static func integer(_ x: Float) -> Int64 {
    x.isNaN ? 0 : x >= 0x1p63 ? .max : x <= -0x1p63 ? .min : Int64(x)
  }
  private func integer(_ x: Float) -> Int64 {
    let wide = Self.integer(x)
    return narrow?.integers.map { min(max(wide, $0.lowerBound), $0.upperBound) } ?? wide
  }
  private func integer(_ x: Int64) -> Int64 { narrow?.wrapped(x) ?? x }
  private func float(_ x: Float) -> Float { narrow?.float8?.rounded(x, saturating: saturates) ?? x }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let type = try inputs.required(0, "input")
    guard type.element != target || narrow != nil else { return [type] }
    var result = TensorType(type.shape, target)
    switch target {
    case .float32:
      let floats = type.knownFloats ?? type.known.map { $0.map(Float.init) }
      if let floats, floats.count <= Literal.knownFloatLimit { result.knownFloats = floats.map(float) }
    case .int64: result.known = type.known?.map(integer) ?? type.knownFloats?.map(integer)
    case .bool: result.known = type.known?.map { $0 == 0 ? 0 : 1 } ?? type.knownFloats?.map { $0 == 0 ? 0 : 1 }
    }
    return [result]
  }
  func rows(_ call: RowsCall) -> RowFacts? {
    call.type(0)?.element == .float32 && narrow == nil ? call.sameRows : nil
  }
  /// A rounding has no slope.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    [call.inputs[0].type.element == .float32 && target == .float32 && narrow == nil ? upstream : nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = y.shape.count, from = x.type.element, op = self
    guard from != target || narrow != nil else { return plan.alias(y, to: x) }
    plan.step([x, y]) { memory in
      let source = memory.raw(x), result = memory.raw(y)
      let floats = (source.assumingMemoryBound(to: Float.self), result.assumingMemoryBound(to: Float.self))
      let integers = (source.assumingMemoryBound(to: Int64.self), result.assumingMemoryBound(to: Int64.self))
      let truths = (source.assumingMemoryBound(to: Bool.self), result.assumingMemoryBound(to: Bool.self))
      switch (from, op.target) {
      case (.float32, .float32): return { for i in 0..<count { floats.1[i] = op.float(floats.0[i]) } }
      case (.float32, .int64): return { for i in 0..<count { integers.1[i] = op.integer(floats.0[i]) } }
      case (.float32, .bool): return { for i in 0..<count { truths.1[i] = floats.0[i] != 0 } }
      case (.int64, .float32): return { for i in 0..<count { floats.1[i] = op.float(Float(integers.0[i])) } }
      case (.int64, .int64): return { for i in 0..<count { integers.1[i] = op.integer(integers.0[i]) } }
      case (.int64, .bool): return { for i in 0..<count { truths.1[i] = integers.0[i] != 0 } }
      case (.bool, .float32): return { for i in 0..<count { floats.1[i] = truths.0[i] ? 1 : 0 } }
      case (.bool, .int64): return { for i in 0..<count { integers.1[i] = truths.0[i] ? 1 : 0 } }
      case (.bool, .bool): return { for i in 0..<count { truths.1[i] = truths.0[i] } }
      }
    }
  }
}

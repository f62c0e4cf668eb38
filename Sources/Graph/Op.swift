import DitherBasics
import DitherTensor

/// An operation of a graph: a value whose properties are its attributes. All that is known of an op is in its own file.
public protocol Op: Sendable {
  /// The outputs' types.
  /// - Throws: `GraphFault.shape` and its like, naming operand, expectation and advice; the caller adds the node's name.
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType]
  /// The gradient for each input, made of ops; nil for an input that none reaches.
  func gradient(_ call: Call, upstream: Value) -> [Value?]
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError)

  /// An estimate of the floating-point operations of one pass.
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double
  /// The input that holds the weights, where weight noise goes; nil for an op without weights.
  var weightInput: Int? { get }
  /// Whether training may move this input.
  func trainable(_ input: Int) -> Bool
  /// The op that also does the ReLU that follows it, if there is one.
  func fusingRelu() -> (any Op)?
  /// The op that also adds one more operand, its last, of the result's shape, before any ReLU.
  func fusingSum() -> (any Op)?
  /// Whether noise on activations goes behind this op.
  var isActivation: Bool { get }
  var isNormalisation: Bool { get }
  /// Whether Gaussian noise on the weights is, at the output, independent Gaussian noise that `exactDeviation` scales.
  func takesExactNoise(_ inputs: [TensorType?]) -> Bool
  /// The standard deviation at the output, of its shape or with a last axis of 1.
  func exactDeviation(_ call: Call, _ term: NoiseModel.Term) -> Value?
}

extension Op {
  public func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double {
    Double(inputs.reduce(0) { $0 + ($1?.shape.count ?? 0) } + outputs.reduce(0) { $0 + $1.shape.count })
  }
  public var weightInput: Int? { nil }
  public func trainable(_ input: Int) -> Bool { true }
  public func fusingRelu() -> (any Op)? { nil }
  public func fusingSum() -> (any Op)? { nil }
  public var isActivation: Bool { false }
  public var isNormalisation: Bool { false }
  public func takesExactNoise(_ inputs: [TensorType?]) -> Bool { false }
  public func exactDeviation(_ call: Call, _ term: NoiseModel.Term) -> Value? { nil }
}

/// An op with weights that knows how to give every row and sample a draw of them of its own.
protocol WeightDrawing: Op {
  /// - Parameters:
  ///   - scale: the factors of the output channels where a normalisation was folded into the weights.
  ///   - differentiable: whether the result must have gradients.
  func drawingWeights(
    _ inputs: [Value?], scale: Value?, _ draws: WeightDraws, _ samples: SampleSpread, differentiable: Bool
  ) throws(GraphError) -> Value
}

/// An op that ONNX files hold.
public protocol OnnxOp: Op {
  static var onnx: OnnxName { get }
  init(_ node: OnnxNode) throws(GraphError)
  func write(to node: inout OnnxNode)
  /// The first and the last opset of the default domain that have what this op uses of it.
  var leastOpset: Int { get }
  var mostOpset: Int { get }
}

extension OnnxOp {
  public var leastOpset: Int { Self.onnx.domain.isEmpty ? Self.onnx.since : 1 }
  public var mostOpset: Int { Graph.opsets.upperBound }
}

/// One use of an op in a graph whose shapes are known.
public struct Call {
  public let name: String
  public let inputs: Operands
  public let outputs: [Value]

  public struct Operands {
    let values: [Value?]
    public var count: Int { values.count }
    /// A required operand: `types` has seen to it that it is there.
    public subscript(_ position: Int) -> Value {
      guard position < values.count, let value = values[position] else {
        preconditionFailure("an op asks for operand \(position), which its types() did not require")
      }
      return value
    }
    public func optional(_ position: Int) -> Value? { position < values.count ? values[position] : nil }
  }
}

/// A value while its graph is being built. Operators append nodes.
public struct Value {
  public let id: ValueID
  unowned let builder: GraphBuilder
  public var type: TensorType { builder.types[id.index] }
  public var shape: Shape { type.shape }

  func apply(_ op: some Op, _ others: Value?...) -> Value { builder.emit(op, [self] + others)[0] }

  static func + (a: Value, b: Value) -> Value { a.apply(Binary(.add), b) }
  static func - (a: Value, b: Value) -> Value { a.apply(Binary(.subtract), b) }
  static func * (a: Value, b: Value) -> Value { a.apply(Binary(.multiply), b) }
  static func / (a: Value, b: Value) -> Value { a.apply(Binary(.divide), b) }
  static prefix func - (a: Value) -> Value { a.apply(Unary(.negate)) }
  static func * (a: Float, b: Value) -> Value { b.apply(Binary(.multiply), b.builder.scalar(a)) }
  static func + (a: Value, b: Float) -> Value { a.apply(Binary(.add), a.builder.scalar(b)) }
  /// 1 where a ≥ b, else 0.
  static func >= (a: Value, b: Float) -> Value { a.apply(Binary(.greaterOrEqual), a.builder.scalar(b)) }
  static func <= (a: Value, b: Float) -> Value { (-a) >= -b }

  func map(_ function: Unary.Function) -> Value { apply(Unary(function)) }
  /// Sums over what broadcasting repeated: the gradient of a broadcast.
  func summed(to shape: Shape) -> Value { self.shape == shape ? self : apply(SumTo(shape: shape)) }
  func expanded(to shape: Shape) -> Value { self.shape == shape ? self : apply(ExpandTo(shape: shape)) }
  func viewed(as shape: Shape) -> Value { self.shape == shape ? self : apply(View(shape: shape)) }
}

/// What every op's `types` asks of its operands.
extension Array where Element == TensorType? {
  func required(_ position: Int, _ name: String) throws(GraphError) -> TensorType {
    guard position < count, let type = self[position] else {
      throw GraphError(.missing, at: "input '\(name)'", expected: "a value", got: "none")
    }
    return type
  }
  func float(_ position: Int, _ name: String, rank: ClosedRange<Int>? = nil) throws(GraphError) -> Shape {
    let type = try required(position, name)
    guard type.element == .float32 else {
      throw GraphError(.unsupportedType, at: "input '\(name)'", expected: "float32", got: "\(type.element)")
    }
    if let rank, !rank.contains(type.shape.rank) {
      let wanted =
        rank.lowerBound == rank.upperBound ? "\(rank.lowerBound)" : "\(rank.lowerBound) to \(rank.upperBound)"
      throw GraphError(.shape, at: "input '\(name)'", expected: "rank \(wanted)", got: "\(type.shape)")
    }
    return type.shape
  }
  /// Integers that are known before anything runs, as shapes and axes must be.
  func known(_ position: Int, _ name: String) throws(GraphError) -> [Int] {
    let type = try required(position, name)
    guard type.element == .int64, let values = type.known else {
      throw GraphError(
        .shape, at: "input '\(name)'", expected: "int64 values that are constant or follow from shapes", got: "\(type)")
    }
    return values.map(Int.init)
  }
  /// An attribute that newer opsets made an input.
  func known(_ attribute: [Int]?, or position: Int, _ name: String) throws(GraphError) -> [Int] {
    if let attribute { return attribute }
    return try known(position, name)
  }
  func optional(_ position: Int) -> TensorType? { position < count ? self[position] : nil }
}

/// - Returns: `axis` counted from the front.
func resolveAxis(_ axis: Int, rank: Int, _ name: String = "axis") throws(GraphError) -> Int {
  guard axis >= -rank, axis < max(rank, 1) else {
    throw GraphError(.attribute, at: "attribute '\(name)'", expected: "\(-rank) to \(rank - 1)", got: "\(axis)")
  }
  return axis < 0 ? axis + rank : axis
}

import DitherBasics
import DitherTensor

/// An operation of a graph: a value whose properties are its attributes. All that is known of an op is in its own file.
public protocol Op: Sendable {
  /// The outputs' types.
  /// - Throws: `GraphFault.shape` and its like, naming operand, expectation and advice; the caller adds the node's
  ///   name.
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType]
  /// The gradient for each input, made of ops; nil for an input that none reaches.
  /// - Throws: when the operands of one of its ops do not fit.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?]
  /// Adds the kernel calls that compute it.
  /// - Throws: when there is no kernel for these shapes, or no memory.
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError)

  /// Whether float operands and results may have no elements.
  var takesEmpty: Bool { get }
  /// An estimate of the floating-point operations of one pass.
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double
  /// The input that holds the weights, where weight noise goes; nil for an op without weights.
  var weightInput: Int? { get }
  /// The axis of the weights that is the output's channels.
  var weightChannels: Int { get }
  /// A factor on the product with the weights.
  var weightFactor: Float { get }
  /// Whether training may move this input.
  func trainable(_ input: Int) -> Bool
  /// The function of elements that it is; nil for others.
  var elementwise: ElementFunction? { get }
  /// The op that does what follows it as well, where it can: a ReLU; or a sum, before any ReLU, with one more operand
  /// of the result's shape, its last.
  func absorb(_ next: ElementFunction) -> (any Op)?
  /// For the gradient of an op that has absorbed a ReLU: the op and operands that apply the ReLU's mask as well.
  /// - Parameters:
  ///   - upstream: the gradient before the mask.
  ///   - result: what the mask is made of, the result of `forward`.
  func absorb(mask upstream: ValueID?, of result: ValueID, by forward: any Op, _ inputs: [ValueID?]) -> (
    op: any Op, inputs: [ValueID?]
  )?
  /// Whether it reads what a forward kernel keeps for it, so that a plan with it is one with a reverse pass.
  var readsWorkspace: Bool { get }
  /// Whether it may make NaN, or infinities that become NaN, of numbers. Functions of elements are known without it.
  var mayBeUndefined: Bool { get }
  /// Whether it picks or puts by indices that are numbers of an operand; NaN stands for what lies beyond the table.
  var isIndexed: Bool { get }
  /// Whether few floats that follow from known ones are computed while the graph is built; false where `types` tells
  /// them.
  var isEvaluated: Bool { get }
  /// The op that normalizes by the batch's own statistics in its place, as in training.
  var statisticsVariant: StatisticsVariant? { get }
  /// Its effect on each channel, where its operands but the first are these constants.
  func channelAffine(_ constants: [Tensor?]) -> ChannelAffine?
  /// Whether a factor and a shift of its output channels can go into the rows of operand 1 and into operand 2, its
  /// bias.
  var takesChannelAffine: Bool { get }
  /// Whether the largest of each row of [rows, classes] stays the largest.
  var keepsRowOrder: Bool { get }
  /// This op as a dense layer of its one variable operand, [rows, features]; nil: with these constants it is none.
  func denseLayer(_ constants: [Tensor?], _ types: [TensorType?]) -> DenseLayer?
  /// The input whose numbers are the result's shape; nil for an op without.
  var shapeInput: Int? { get }
  /// Whether the numbers of an operand say extents of the result and nothing else, so that they may follow the number
  /// of rows.
  func saysExtents(_ input: Int) -> Bool
  /// The same op without a word on an axis that it leaves as it is, where an operand names all axes: which operand, and
  /// its numbers then; nil: there is none.
  func leaving(_ axis: Int, _ types: [TensorType?]) -> (op: any Op, input: Int, numbers: [Int])?
  /// Whether numbers of an operand that differ in their place on `axis` meet in one number of a result that has that
  /// axis too, or whether they change their places, or a number depends on its place. Sums and products that do away
  /// with the axis need not say so, nor ops that change its extent.
  /// - Parameter types: of all operands.
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool
  /// Whether all rows of its results are alike, where the operands that differ between numbers of rows are those that
  /// `varies` says.
  func isUniform(_ varies: [Bool]) -> Bool
  /// Bytes that the op itself holds beside its operands: tables that were made of shapes.
  var heldBytes: Int { get }
  /// Whether the result is the first operand's numbers in their order, in another shape: the same memory.
  var isView: Bool { get }
  /// The classes' names, where the op has them.
  var classLabels: [String]? { get }
  /// The numbers that constants become where the op is of reading a file and not of the network; nil: it is of the
  /// network.
  func folded(_ operands: [Literal?]) -> Tensor?
  /// The shape of what `folded` makes of few numbers, before it is made: memory that no file pays for; nil: none.
  func foldedShape(_ operands: [Literal?]) -> Shape?
  /// Whether noise on activations goes behind this op.
  var isActivation: Bool { get }
  /// Whether noise behind normalizations goes behind this op.
  var isNormalization: Bool { get }
  /// Whether Gaussian noise on the weights is, at the output, independent Gaussian noise that `exactDeviation` scales.
  func takesExactNoise(_ inputs: [TensorType?]) -> Bool
  /// The standard deviation at the output, of its shape or with a last axis of 1.
  /// - Parameter learned: the factors on the term's sigma, of a shape that broadcasts to that of the weights; nil: 1.
  func exactDeviation(_ call: Call, _ term: NoiseTerm, _ learned: Value?) throws(GraphError) -> Value?
  /// The facts known of the rows of its first output (probabilities, their logarithms, their sums), from those known of
  /// its operands; nil: none, as of most ops.
  func rows(_ call: RowsCall) -> RowFacts?
}

extension Op {
  public func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double {
    Double(inputs.reduce(0) { $0 + ($1?.shape.count ?? 0) } + outputs.reduce(0) { $0 + $1.shape.count })
  }
  public var takesEmpty: Bool { false }
  public var weightInput: Int? { nil }
  public var weightChannels: Int { 0 }
  public var weightFactor: Float { 1 }
  public func trainable(_ input: Int) -> Bool { true }
  public var elementwise: ElementFunction? { nil }
  public func absorb(_ next: ElementFunction) -> (any Op)? { nil }
  public func absorb(mask upstream: ValueID?, of result: ValueID, by forward: any Op, _ inputs: [ValueID?]) -> (
    op: any Op, inputs: [ValueID?]
  )? { nil }
  public var readsWorkspace: Bool { false }
  public var mayBeUndefined: Bool { false }
  public var isIndexed: Bool { false }
  public var isEvaluated: Bool { true }
  public var statisticsVariant: StatisticsVariant? { nil }
  public func channelAffine(_ constants: [Tensor?]) -> ChannelAffine? { nil }
  public var takesChannelAffine: Bool { false }
  public var keepsRowOrder: Bool { false }
  public func denseLayer(_ constants: [Tensor?], _ types: [TensorType?]) -> DenseLayer? { nil }
  public var shapeInput: Int? { nil }
  public func saysExtents(_ input: Int) -> Bool { shapeInput == input }
  public func leaving(_ axis: Int, _ types: [TensorType?]) -> (op: any Op, input: Int, numbers: [Int])? { nil }
  public func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { false }
  public func isUniform(_ varies: [Bool]) -> Bool { false }
  public var heldBytes: Int { 0 }
  public var isView: Bool { false }
  public var classLabels: [String]? { nil }
  public func folded(_ operands: [Literal?]) -> Tensor? { nil }
  public func foldedShape(_ operands: [Literal?]) -> Shape? { nil }
  public var isActivation: Bool { false }
  public var isNormalization: Bool { false }
  public func takesExactNoise(_ inputs: [TensorType?]) -> Bool { false }
  public func exactDeviation(_ call: Call, _ term: NoiseTerm, _ learned: Value?) throws(GraphError) -> Value? { nil }
  public func rows(_ call: RowsCall) -> RowFacts? { nil }
}

/// An op with weights that knows how to give every row and sample a draw of them of its own.
protocol WeightDrawing: Op {
  /// - Parameters:
  ///   - scale: the factors of the output channels where a normalization was folded into the weights.
  ///   - differentiable: whether the result must have gradients.
  func drawingWeights(
    _ inputs: [Value?], scale: Value?, _ draws: WeightDraws, _ samples: SampleSpread, differentiable: Bool
  ) throws(GraphError) -> Value
}

/// An op that ONNX files hold.
public protocol OnnxOp: Op {
  /// Its name in files.
  static var onnx: OnnxName { get }
  /// Reads the attributes.
  /// - Throws: when one is not known, of another kind or out of range.
  init(_ node: OnnxNode) throws(GraphError)
  /// Writes the attributes that differ from the standard's defaults.
  func write(to node: inout OnnxNode)
  /// The first opset of the default domain that has what this op uses of it.
  var leastOpset: Int { get }
  /// The last one.
  var mostOpset: Int { get }
  /// The inputs that a file holds as integers shorter than 64 bits, where they are constants.
  var storedInputs: [Int: StoredNumber] { get }
  /// The most integers that a list among its attributes may have.
  static var longestList: Int { get }
  /// The axis at which a file must flatten an input of this shape into a matrix before the op and back behind it; nil:
  /// none.
  func flattened(_ input: Shape) -> Int?
}

extension OnnxOp {
  public var leastOpset: Int { Self.onnx.domain.isEmpty ? Self.onnx.since : 1 }
  public var mostOpset: Int { Graph.opsets.upperBound }
  public var storedInputs: [Int: StoredNumber] { [:] }
  public static var longestList: Int { 1 << 16 }
  public func flattened(_ input: Shape) -> Int? { nil }
}

/// One use of an op in a graph whose shapes are known.
public struct Call {
  /// The node's name.
  public let name: String
  /// Its operands.
  public let inputs: Operands
  /// The values that it writes.
  public let outputs: [Value]

  /// A node's operands, by position.
  public struct Operands {
    let values: [Value?]
    /// How many there are, those left out among them.
    public var count: Int { values.count }
    /// A required operand. No input reaches the trap: a node without it is refused by its op's `types` before there is
    /// a call, and the tests leave out each operand of every op.
    public subscript(_ position: Int) -> Value {
      guard position < values.count, let value = values[position] else {
        preconditionFailure("an op asks for operand \(position), which its types() did not require")
      }
      return value
    }
    /// An operand that may be left out.
    public func optional(_ position: Int) -> Value? { position < values.count ? values[position] : nil }
  }
}

/// A value while its graph is being built. Operators append nodes.
public struct Value {
  /// Its place in the builder's graph.
  public let id: ValueID
  unowned let builder: GraphBuilder
  /// Its element type and shape.
  public var type: TensorType { builder.types[id.index] }
  /// Its shape, for the builder's rows.
  public var shape: Shape { type.shape }

  /// - Throws: what the op's `types` throws.
  func apply(_ op: some Op, _ others: Value?...) throws(GraphError) -> Value {
    try builder.apply(op, [self] + others)[0]
  }

  static func + (a: Value, b: Value) throws(GraphError) -> Value { try a.apply(Binary(.add), b) }
  static func - (a: Value, b: Value) throws(GraphError) -> Value { try a.apply(Binary(.subtract), b) }
  static func * (a: Value, b: Value) throws(GraphError) -> Value { try a.apply(Binary(.multiply), b) }
  static func / (a: Value, b: Value) throws(GraphError) -> Value { try a.apply(Binary(.divide), b) }
  static prefix func - (a: Value) throws(GraphError) -> Value { try a.apply(Unary(.negate)) }
  static func * (a: Float, b: Value) throws(GraphError) -> Value { try b.apply(Binary(.multiply), b.builder.scalar(a)) }
  static func + (a: Value, b: Float) throws(GraphError) -> Value { try a.apply(Binary(.add), a.builder.scalar(b)) }
  /// 1 where a ≥ b, else 0.
  static func >= (a: Value, b: Float) throws(GraphError) -> Value {
    try a.apply(Binary(.greaterOrEqual), a.builder.scalar(b))
  }
  static func <= (a: Value, b: Float) throws(GraphError) -> Value { try (-a) >= -b }

  func map(_ function: Unary.Function) throws(GraphError) -> Value {
    try apply(Unary(function))
  }
  /// Sums over what broadcasting repeated: the gradient of a broadcast.
  func summed(to shape: Shape) throws(GraphError) -> Value {
    self.shape == shape ? self : try apply(SumTo(shape: shape))
  }
  func expanded(to shape: Shape) throws(GraphError) -> Value {
    self.shape == shape ? self : try apply(ExpandTo(shape: shape))
  }
  func viewed(as shape: Shape) throws(GraphError) -> Value {
    self.shape == shape ? self : try apply(View(shape: shape))
  }
}

/// The answer of an op that is a gradient itself, and not made of ops, when its own is asked for.
func noSecondDerivative(_ call: Call) -> GraphError {
  GraphError(
    .unsupportedOp, at: "node '\(call.name.clipped())'", expected: "an op that can be differentiated twice",
    got: "one that cannot", advice: "take differences of gradients")
}

/// Checks that every op's `types` makes of its operands.
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
  /// The operand's rank; 0 where it is left out.
  func rank(_ position: Int) -> Int { optional(position)?.shape.rank ?? 0 }
}

/// - Returns: `axis` counted from the front.
func resolveAxis(_ axis: Int, rank: Int, _ name: String = "axis") throws(GraphError) -> Int {
  guard axis >= -rank, axis < rank else {
    throw GraphError(
      .attribute, at: "attribute '\(name)'", expected: rank == 0 ? "a value with axes" : "\(-rank) to \(rank - 1)",
      got: rank == 0 ? "axis \(axis) of a scalar" : "\(axis)")
  }
  return axis < 0 ? axis + rank : axis
}

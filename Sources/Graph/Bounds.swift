import DitherBasics
import DitherTensor

/// Where a value lies: within `radius` of `center`, element by element. A constant has no radius.
///
/// The bounds hold for numbers as they are computed, in fp32 and in any order of summation, not only for real ones:
/// each rule widens them by what rounding can do to the model's pass and to the bounds themselves.
struct Bounds {
  var center: Value
  var radius: Value?

  /// The radius with room for the rounding of sums of so many products: a sum of K products is off by at most about (K
  /// + 1) · 2⁻²⁴ times the sum of their magnitudes (Higham 2002, Accuracy and Stability of Numerical Algorithms,
  /// section 3.1). Twice, for the model's pass and for the center's; the 8 and the 5 % cover the radius's own and
  /// products of these.
  static func slack(_ products: Int) -> Float { 2.1 * Float(products + 8) * 0x1p-24 }

  func widened(_ products: Int) throws(GraphError) -> Value {
    let slack = Self.slack(products), own = try slack * center.map(.abs)
    return try radius.map { radius throws(GraphError) in try (1 + slack) * radius + own } ?? own
  }

  /// An absolute slack, which no rule's relative one covers: for results too small for a float's full precision.
  static let least: Float = 1e-30
}

/// An op that knows where its results lie when its operands lie within bounds: interval bound propagation. Gowal et al.
/// 2018, arXiv 1810.12715, section 3.
protocol Bounding: Op {
  /// - Throws: where the rule does not cover its attributes or operands.
  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds
}

/// One use of an op on bounds.
struct BoundsCall {
  let node: Node
  let operands: [Bounds?]
  let builder: GraphBuilder

  func replay(_ inputs: [Value?]) throws(GraphError) -> Value {
    try builder.replay(node, inputs, names: node.outputs.map { _ in node.name })[0]
  }

  func operand(_ position: Int) throws(GraphError) -> Bounds {
    guard position < operands.count, let operand = operands[position] else {
      throw GraphError(.missing, at: node.name, expected: "operand \(position)", got: "none")
    }
    return operand
  }

  /// An operand that does not depend on the input.
  func constant(_ position: Int) throws(GraphError) -> Value {
    let operand = try operand(position)
    guard operand.radius == nil else {
      throw refused("a constant as operand \(position)", "one that depends on the input")
    }
    return operand.center
  }
  func optionalConstant(_ position: Int) throws(GraphError) -> Value? {
    position < operands.count && operands[position] != nil ? try constant(position) : nil
  }

  /// `factor` · |value| of a constant, made now where its numbers are there.
  func magnitude(_ value: Value, times factor: Float = 1) throws(GraphError) -> Value {
    guard case .float(let tensor)? = builder.graph.literals[value.id] else { return try factor * value.map(.abs) }
    return builder.constant(.float(tensor.map { factor * abs($0) }))
  }

  func refused(_ expected: String, _ got: String) -> GraphError {
    GraphError(
      .unsupportedOp, at: "node '\(node.name.clipped())' (\(nameInFiles(of: node.op)))",
      expected: "\(expected), to bound its results", got: got)
  }
}

/// An op that only moves numbers: center and radius are moved alike.
protocol Rearranging: Bounding {}

extension Rearranging {
  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let radii = call.operands.map { operand -> Value? in
      guard let operand, operand.center.type.element == .float32 else { return operand?.center }
      return operand.radius ?? call.builder.constant(.float(Tensor(zeros: operand.center.shape)))
    }
    return Bounds(center: try call.replay(call.operands.map { $0?.center }), radius: try call.replay(radii))
  }
}

/// An op whose results rise, or stay, where an operand rises: its bounds are its values at the operands' ends.
protocol Increasing: Bounding {
  /// False where an attribute turns it round.
  var isIncreasing: Bool { get }
  /// The error of its kernel: as a share of the result's magnitude, and in absolute terms.
  var error: (relative: Float, absolute: Float) { get }
}

extension Increasing {
  var isIncreasing: Bool { true }
  /// The error of functions that are at most one rounding off.
  var error: (relative: Float, absolute: Float) { (0x1p-22, Bounds.least) }
  /// The error of exponentials and their like.
  static var transcendental: (relative: Float, absolute: Float) { (0x1p-18, 1e-6) }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    guard isIncreasing else { throw call.refused("attributes with which it is increasing", "others") }
    var lows: [Value?] = [], highs: [Value?] = []
    for operand in call.operands {
      guard let operand, operand.radius != nil else {
        lows.append(operand?.center)
        highs.append(operand?.center)
        continue
      }
      let room = try operand.widened(0)
      lows.append(try operand.center - room)
      highs.append(try operand.center + room)
    }
    let low = try call.replay(lows), high = try call.replay(highs)
    let rounding = try error.relative * (low.map(.abs) + high.map(.abs)) + error.absolute
    return try Bounds(center: 0.5 * (low + high), radius: 0.5 * (high - low) + rounding)
  }
}

/// Means of operand 0: a sum whose weights are above 0 is taken of center and radius alike.
protocol Averaging: Bounding {
  /// The numbers of each mean, at most.
  func terms(_ input: Shape, _ output: Shape) -> Int
}

extension Averaging {
  func terms(_ input: Shape, _ output: Shape) -> Int { input.count / max(output.count, 1) }

  func bounds(_ call: BoundsCall) throws(GraphError) -> Bounds {
    let x = try call.operand(0), others = call.operands.dropFirst().map { $0?.center }
    let center = try call.replay([x.center] + others)
    let radius = try call.replay([x.widened(terms(x.center.shape, center.shape))] + others)
    return try Bounds(center: center, radius: radius + Bounds.least)
  }
}

/// A graph that computes where the values of another lie.
public struct BoundedGraph: Sendable {
  /// Inputs `center` and `radius`, of the other's input's shape; outputs `center` and `radius` of the logits, or of
  /// what the head takes. It is made for one number of rows.
  public let graph: Graph
  /// The last dense layer, left out: bounds of differences of logits are tighter than differences of their bounds.
  public let head: Head?
  /// Whether a softmax followed the logits, which moves no maximum.
  public let dropsSoftmax: Bool

  /// A dense layer that was left out: its constants.
  public struct Head: Sendable {
    /// [classes, features].
    public let weights: Tensor
    /// [classes].
    public let bias: [Float]
  }
}

extension Graph {
  /// The ops that bounds can be propagated through.
  public static var boundedOps: [String] {
    Catalog<any OnnxOp.Type>.ops.entries.filter { $0 is any Bounding.Type }.map { $0.onnx.type }.sorted()
  }

  /// The graph that bounds this one's first output, [rows, classes], for boxes around its one input. Noise is not in
  /// it.
  /// - Throws: for the first op on the way that has no rule, by its name.
  public func bounded(rows: Int) throws(GraphError) -> BoundedGraph {
    guard let input = inputs.first, inputs.count == 1, let output = outputs.first else {
      throw GraphError(
        .unsupportedOp, at: "graph '\(name.clipped())'", expected: "one input and an output",
        got: "\(inputs.count) inputs")
    }
    let tail = try tail(of: output.value)
    let builder = GraphBuilder(name: "\(name)_bounds", rows: rows)
    var known: [ValueID: Bounds] = [:]
    known[input.value] = Bounds(
      center: builder.input("center", batched: input.dimensions, element: .float32),
      radius: builder.input("radius", batched: input.dimensions, element: .float32))
    for (id, literal) in literals.sorted(by: { $0.key.index < $1.key.index }) {
      known[id] = Bounds(center: builder.constant(literal, valueNames[id.index]), radius: nil)
    }
    for node in needed(for: tail.value) { try propagate(node, &known, builder) }
    guard let result = known[tail.value], let radius = result.radius else {
      throw GraphError(
        .unsupportedOp, at: "graph '\(name.clipped())'", expected: "an output that depends on the input", got: "another"
      )
    }
    return BoundedGraph(
      graph: builder.finish(outputs: [("center", result.center), ("radius", radius)]), head: tail.head,
      dropsSoftmax: tail.dropsSoftmax)
  }

  private func propagate(_ node: Node, _ known: inout [ValueID: Bounds], _ builder: GraphBuilder) throws(GraphError) {
    let operands = node.inputs.map { $0.flatMap { known[$0] } }
    if operands.contains(where: { $0?.radius != nil }), let op = node.op as? any Bounding {
      guard node.outputs.count == 1 else {
        throw BoundsCall(node: node, operands: operands, builder: builder).refused(
          "one output", "\(node.outputs.count)")
      }
      known[node.outputs[0]] = try op.bounds(BoundsCall(node: node, operands: operands, builder: builder))
      return
    }
    // It depends on constants and shapes alone.
    let values = try builder.replay(node, operands.map { $0?.center }, names: node.outputs.map { valueNames[$0.index] })
    if operands.contains(where: { $0?.radius != nil }), values.contains(where: { $0.type.known == nil }) {
      throw GraphError(
        .unsupportedOp, at: "node '\(node.name.clipped())'",
        expected: "an op with bounds: \(Self.boundedOps.joined(separator: ", "))", got: nameInFiles(of: node.op))
    }
    for (id, value) in zip(node.outputs, values) { known[id] = Bounds(center: value, radius: nil) }
  }

  private func needed(for value: ValueID) -> [Node] {
    var wanted: Set<ValueID> = [value], kept: [Node] = []
    for node in nodes.reversed() where node.outputs.contains(where: wanted.contains) {
      kept.append(node)
      wanted.formUnion(node.inputs.compactMap { $0 })
    }
    return kept.reversed()
  }

  private struct Tail {
    var value: ValueID
    var head: BoundedGraph.Head?
    var dropsSoftmax = false
  }

  /// The value before a last softmax and a last dense layer of constant weights.
  private func tail(of output: ValueID) throws(GraphError) -> Tail {
    let types = try types(rows: 2)
    var tail = Tail(value: output)
    var producers: [ValueID: Int] = [:]
    for (at, node) in nodes.enumerated() { for output in node.outputs { producers[output] = at } }
    func producer(_ id: ValueID) -> Node? { producers[id].map { nodes[$0] } }
    func floats(_ id: ValueID?) -> Tensor? {
      guard let id, case .float(let tensor)? = literals[id] else { return nil }
      return tensor
    }
    while let node = producer(tail.value), let input = node.inputs.first ?? nil,
      types[input.index]?.shape == types[tail.value.index]?.shape, node.op.keepsRowOrder || node.op.isView
    {
      if node.op.keepsRowOrder { tail.dropsSoftmax = true }
      tail.value = input
    }
    guard let last = producer(tail.value), let classes = types[tail.value.index]?.shape.dimensions.last else {
      return tail
    }
    var product = last, shift: [Float]?
    // x W + b as two nodes.
    if last.op.elementwise == .binary(.add), last.inputs.count == 2,
      let at = last.inputs.firstIndex(where: { floats($0)?.count == classes }), let other = last.inputs[1 - at],
      let before = producer(other)
    {
      (product, shift) = (before, floats(last.inputs[at])?.elements)
    }
    guard
      let layer = product.op.denseLayer(
        product.inputs.map(floats), product.inputs.map { $0.flatMap { types[$0.index] ?? literals[$0]?.type } }),
      let input = product.inputs[layer.input], shift == nil || layer.bias == nil
    else { return tail }
    tail.head = BoundedGraph.Head(
      weights: layer.weights, bias: layer.bias ?? shift ?? [Float](repeating: 0, count: classes))
    tail.value = input
    return tail
  }
}

extension Tensor {
  /// A matrix with rows and columns exchanged.
  var transposed: Tensor {
    let rows = shape[0], columns = shape[1]
    return Tensor([columns, rows]) { out in
      for r in 0..<rows { for c in 0..<columns { out[c * rows + r] = elements[r * columns + c] } }
    }
  }
}

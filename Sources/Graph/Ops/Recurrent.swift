import DitherBasics
import DitherTensor

/// The parts that RNN, GRU and LSTM share: directions, layouts, weights, and the walk over time, which is written
/// out step by step.
struct Recurrent: Sendable {
  /// The operands of a step. The weights are [gates · H, …], as files have them.
  struct Weights {
    let recurrent: Value
    /// The input's and the state's, [gates · H]; nil: none.
    let inputBias: Value?
    let stateBias: Value?
    /// The weights from an LSTM's cell to the gates i, o and f, [3 · H]; nil: none.
    let peepholes: Value?
  }
  /// A step's state: the output h, and the LSTM's cell.
  struct State {
    var h: Value
    var cell: Value?
  }

  /// Steps of all directions that a node may have: they are written out.
  static let mostSteps = 4096

  let gates: Int
  let hidden: Int
  let activations: [Unary.Function]
  private let direction: String
  private let isBatchFirst: Bool
  private let names: [String]
  var directions: Int { direction == "bidirectional" ? 2 : 1 }

  /// - Parameter defaults: the activations of one direction.
  init(_ node: OnnxNode, gates: Int, defaults: [String]) throws(GraphError) {
    self.gates = gates
    hidden = try node.int("hidden_size", default: 0)
    direction = try node.string("direction", default: "forward")
    isBatchFirst = try node.flag("layout", default: false)
    guard (1...1 << 16).contains(hidden) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'hidden_size'", expected: "1 to \(1 << 16)", got: "\(hidden)")
    }
    guard ["forward", "reverse", "bidirectional"].contains(direction) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'direction'", expected: "forward, reverse or bidirectional",
        got: "'\(direction.clipped())'")
    }
    guard node["clip"] == nil else {
      throw GraphError(.attribute, at: "\(node.place), attribute 'clip'", expected: "none", got: "one")
    }
    let all = Array(repeating: defaults, count: direction == "bidirectional" ? 2 : 1).flatMap { $0 }
    if case .strings(let given)? = node["activations"] { names = given } else { names = all }
    let known: [String: Unary.Function] = ["sigmoid": .sigmoid, "tanh": .tanh, "relu": .relu]
    var found: [Unary.Function] = []
    for name in names {
      guard let function = known[name.lowercased()] else {
        throw GraphError(
          .attribute, at: "\(node.place), attribute 'activations'", expected: "Sigmoid, Tanh or Relu",
          got: "'\(name.clipped())'")
      }
      found.append(function)
    }
    guard found.count == all.count else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'activations'", expected: "\(all.count)", got: "\(found.count)")
    }
    activations = found
  }
  func write(to node: inout OnnxNode, defaults: [String]) {
    node["hidden_size"] = .int(Int64(hidden))
    if direction != "forward" { node["direction"] = .string(direction) }
    if isBatchFirst { node["layout"] = .int(1) }
    if names != Array(repeating: defaults, count: directions).flatMap({ $0 }) { node["activations"] = .strings(names) }
  }
  var leastOpset: Int { isBatchFirst ? 14 : 7 }
  func mixes(_ input: Int, along axis: Int) -> Bool { input == 0 && axis == (isBatchFirst ? 1 : 0) }

  /// - Parameters:
  ///   - step: from x Wᵀ of one moment, [B, gates · H], and the state to the next state; the number is the direction's.
  ///   - hasCell: whether operand 6 is the cell's first state and there is a third result.
  /// - Returns: all outputs, the last, and the last cell.
  func run(
    _ inputs: [Value?], in builder: GraphBuilder, hasCell: Bool,
    step: (Value, State, Weights, Int) throws(GraphError) -> State
  ) throws(GraphError) -> [Value] {
    var x = try inputs.float(0, "X", rank: 3...3)
    if isBatchFirst { x = try x.apply(Transpose([1, 0, 2])) }
    let time = x.shape[0], batch = x.shape[1], features = x.shape[2]
    let w = try operand(inputs, 1, "W", [directions, gates * hidden, features])
    let r = try operand(inputs, 2, "R", [directions, gates * hidden, hidden])
    let bias = inputs.has(3) ? try operand(inputs, 3, "B", [directions, 2 * gates * hidden]) : nil
    let peepholes = hasCell && inputs.has(7) ? try operand(inputs, 7, "P", [directions, 3 * hidden]) : nil
    guard time >= 1, time * directions <= Self.mostSteps else {
      throw GraphError(
        .tooLarge, at: "input 'X'", expected: "1 to \(Self.mostSteps / directions) moments", got: "\(time)")
    }
    if inputs.has(4) {
      let lengths = try inputs.types.known(4, "sequence_lens")
      guard lengths.allSatisfy({ $0 == time }) else {
        throw GraphError(
          .unsupportedOp, at: "input 'sequence_lens'", expected: "\(time) for all, as X has moments",
          got: "other lengths", advice: "export without lengths, or pad to one length")
      }
    }
    let isForward = direction != "reverse"
    var outputs: [[Value]] = [], lasts: [State] = []
    for d in 0..<directions {
      let weights = Weights(
        recurrent: try row(r, d), inputBias: try bias.map { b throws(GraphError) in try half(row(b, d), 0) },
        stateBias: try bias.map { b throws(GraphError) in try half(row(b, d), 1) },
        peepholes: try peepholes.map { p throws(GraphError) in try row(p, d) })
      var state = State(
        h: try first(inputs, 5, "initial_h", d, batch, builder),
        cell: hasCell ? try first(inputs, 6, "initial_c", d, batch, builder) : nil)
      // One product for all moments.
      let all = try x.viewed(as: [time * batch, features])
        .apply(MatMul(transposeA: false, transposeB: true), row(w, d)).viewed(as: [time, batch, gates * hidden])
      var found = [Value?](repeating: nil, count: time)
      for moment in isForward && d == 0 ? Array(0..<time) : (0..<time).reversed() {
        state = try step(row(all, moment), state, weights, d)
        found[moment] = state.h
      }
      outputs.append(found.compactMap { $0 })
      lasts.append(state)
    }
    return try results(outputs, lasts, batch, in: builder)
  }

  private func results(_ outputs: [[Value]], _ lasts: [State], _ batch: Int, in builder: GraphBuilder)
    throws(GraphError) -> [Value]
  {
    let time = outputs[0].count
    var rows: [Value] = []
    for moment in 0..<time {
      for d in 0..<directions { rows.append(try outputs[d][moment].viewed(as: [1, batch, hidden])) }
    }
    func joined(_ values: [Value]) throws(GraphError) -> Value {
      values.count == 1 ? try values[0].copied() : try builder.apply(Concat(axis: 0), values)[0]
    }
    var y = try joined(rows).viewed(as: [time, directions, batch, hidden])
    if isBatchFirst { y = try y.apply(Transpose([2, 0, 1, 3])) }
    func last(_ values: [Value]) throws(GraphError) -> Value {
      var flat: [Value] = []
      for value in values { flat.append(try value.viewed(as: [1, batch, hidden])) }
      let whole = try joined(flat)
      return isBatchFirst ? try whole.apply(Transpose([1, 0, 2])) : whole
    }
    let cells = lasts.compactMap(\.cell)
    return try [y, last(lasts.map(\.h))] + (cells.isEmpty ? [] : [last(cells)])
  }

  private func operand(_ inputs: [Value?], _ index: Int, _ name: String, _ shape: Shape) throws(GraphError) -> Value {
    let value = try inputs.float(index, name)
    guard value.shape == shape else {
      throw GraphError(.shape, at: "input '\(name)'", expected: "\(shape)", got: "\(value.shape)")
    }
    return value
  }
  private func first(
    _ inputs: [Value?], _ index: Int, _ name: String, _ d: Int, _ batch: Int, _ builder: GraphBuilder
  ) throws(GraphError) -> Value {
    guard inputs.has(index) else { return builder.constant(.float(Tensor(zeros: [batch, hidden]))) }
    var whole = try operand(
      inputs, index, name, isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden])
    if isBatchFirst { whole = try whole.apply(Transpose([1, 0, 2])) }
    return try row(whole, d)
  }
  /// Entry `d` of the first axis.
  private func row(_ value: Value, _ d: Int) throws(GraphError) -> Value {
    let rest = Shape(Array(value.shape.dimensions.dropFirst()))
    guard value.shape[0] > 1 else { return try value.viewed(as: rest) }
    var region = Region(value.shape)
    (region.starts[0], region.counts[0]) = (d, 1)
    return try value.apply(Cut(region)).viewed(as: rest)
  }
  private func half(_ value: Value, _ which: Int) throws(GraphError) -> Value {
    try Self.part(value, which, of: 2)
  }
  /// An equal part of the last axis: a gate of [.., gates · H].
  static func part(_ value: Value, _ which: Int, of parts: Int) throws(GraphError) -> Value {
    guard parts > 1 else { return value }
    var region = Region(value.shape)
    let axis = value.shape.rank - 1, each = value.shape[axis] / parts
    (region.starts[axis], region.counts[axis]) = (which * each, each)
    return try value.apply(Cut(region))
  }
  /// x, and a bias where there is one.
  static func biased(_ x: Value, _ bias: Value?) throws(GraphError) -> Value {
    guard let bias else { return x }
    return try x + bias
  }
  /// h Rᵀ, for the rows of R from gate `first` on, `count` of them.
  func product(_ h: Value, _ weights: Weights, gates range: Range<Int>) throws(GraphError) -> Value {
    var region = Region(weights.recurrent.shape)
    (region.starts[0], region.counts[0]) = (range.lowerBound * hidden, range.count * hidden)
    let rows = range.count == gates ? weights.recurrent : try weights.recurrent.apply(Cut(region))
    return try h.apply(MatMul(transposeA: false, transposeB: true), rows)
  }
}

import DitherTensor

/// A graph of a fixed batch, made anew node by node for a batch of any size.
struct BatchFreeing {
  /// With what was added, and the nodes so far.
  private var graph: Graph
  /// The types of a batch of the file's size, by `ValueID.index`.
  private let fixed: [TensorType?]
  private let rows: Int
  /// Batches of two and of three rows.
  private let builders = [GraphBuilder(rows: 2), GraphBuilder(rows: 3)]
  private var values: [[ValueID: Value]] = [[:], [:]]
  private var types: [[TensorType?]]
  private var trace: RowTrace
  /// The number of rows, as a list of one; made when it is first needed.
  private var count: ValueID?

  /// Shapes that say the batch's extent say any instead, and constants of one row are repeated for all rows, where that
  /// keeps rows apart.
  /// - Parameters:
  ///   - freed: the graph, whose inputs have a free batch already.
  ///   - fixed: its types for the batch that it had, of `rows` rows.
  /// - Returns: nil where a node joins rows all the same. It is the same function of `rows` rows.
  static func free(_ freed: Graph, like fixed: [TensorType?], rows: Int) -> Graph? {
    var freeing = BatchFreeing(freed, fixed, rows)
    for node in freed.nodes {
      guard freeing.take(node) else { return nil }
    }
    return freeing.graph
  }

  private init(_ freed: Graph, _ fixed: [TensorType?], _ rows: Int) {
    graph = freed
    graph.nodes = []
    (self.fixed, self.rows) = (fixed, rows)
    trace = RowTrace(freed.inputs)
    let none = [TensorType?](repeating: nil, count: freed.valueNames.count)
    types = [none, none]
    for (at, builder) in builders.enumerated() {
      for input in freed.inputs {
        let value = builder.input(
          input.name, batched: input.dimensions, free: input.free, element: input.element)
        values[at][input.value] = value
        types[at][input.value.index] = value.type
      }
      for id in freed.literals.keys.sorted(by: { $0.index < $1.index }) { write(id, at) }
    }
  }

  private mutating func write(_ id: ValueID, _ at: Int) {
    guard let literal = graph.literals[id] else { return }
    let value = builders[at].constant(literal, graph.valueNames[id.index])
    values[at][id] = value
    types[at][id.index] = value.type
  }

  private mutating func newValue(_ name: String) -> ValueID {
    let id = ValueID(graph.valueNames.count)
    graph.valueNames.append("\(name)_rows\(id.index)")
    for at in types.indices { types[at].append(nil) }
    return id
  }

  private mutating func newConstant(_ name: String, _ numbers: [Int]) -> ValueID {
    let id = newValue(name)
    graph.literals[id] = .int64([numbers.count], numbers.map(Int64.init))
    for at in builders.indices { write(id, at) }
    return id
  }

  /// Adds a node as it is, or changed so that it keeps rows apart.
  private mutating func take(_ node: Node) -> Bool {
    if let position = node.op.shapeInput {
      for shape in shapes(of: node, position) {
        var changed = node
        changed.inputs[position] = newConstant(node.name, shape)
        if add(changed) { return true }
        if let id = changed.inputs[position] { graph.literals[id] = nil }
      }
    }
    return add(node) || leaveRows(of: node) || repeatConstants(of: node)
  }

  /// Sizes of all axes say the batch's too: those of the others do.
  private mutating func leaveRows(of node: Node) -> Bool {
    guard let data = node.inputs.first ?? nil, let place = trace.places[data],
      let less = node.op.leaving(place.axis, node.inputs.map { $0.flatMap { fixed[$0.index] } }),
      less.input < node.inputs.count
    else { return false }
    var changed = node
    let numbers = newConstant(node.name, less.numbers)
    changed.op = less.op
    changed.inputs[less.input] = numbers
    if add(changed) { return true }
    graph.literals[numbers] = nil
    return false
  }

  /// - Returns: whether it fits its operands and keeps rows apart; else nothing was added.
  private mutating func add(_ node: Node) -> Bool {
    for (at, builder) in builders.enumerated() {
      var operands: [Value?] = []
      for input in node.inputs {
        let value = input.flatMap { values[at][$0] }
        guard (value == nil) == (input == nil) else { return false }
        operands.append(value)
      }
      guard let results = try? builder.apply(node.op, operands, name: node.name) else { return false }
      for (id, value) in zip(node.outputs, results) {
        values[at][id] = value
        types[at][id.index] = value.type
      }
    }
    guard trace.follow(node, types[0], types[1]) else { return false }
    graph.nodes.append(node)
    return true
  }

  /// The result's shape with the axis open on which the rows may lie, the likeliest first; none where it is open: they
  /// have an axis of their own, or, where axes are joined, one with those before them.
  private func shapes(of node: Node, _ position: Int) -> [[Int]] {
    guard position < node.inputs.count, let given = node.inputs[position], let told = fixed[given.index]?.known,
      types[0][given.index]?.known == told, types[1][given.index]?.known == told,
      let data = node.inputs.first ?? nil, let place = trace.places[data], let from = types[0][data.index]?.shape,
      let result = node.outputs.first.flatMap({ fixed[$0.index] })?.shape, result.count > 0
    else { return [] }
    let all = RowTrace.batches(of: from, before: place.axis) * place.batches
    var found: [(doubt: (Int, Int, Int), shape: [Int])] = []
    for axis in result.dimensions.indices {
      let outside = RowTrace.batches(of: result, before: axis)
      guard all.isMultiple(of: outside), result[axis].isMultiple(of: all / outside * rows) else { continue }
      var shape = result.dimensions
      shape[axis] = -1
      let begins = all == outside
      let doubt = begins && result[axis] == rows ? 0 : begins == (result.rank >= from.rank) ? 1 : 2
      found.append(((doubt, axis == place.axis ? 0 : 1, begins ? axis : -axis), shape))
    }
    return found.sorted { $0.doubt < $1.doubt }.map { $0.shape }
  }

  /// In a file of batch 1: operands without rows that are 1 along the axis of the rows, as tokens before a sequence and
  /// first states are.
  private mutating func repeatConstants(of node: Node) -> Bool {
    guard rows == 1, let place = node.inputs.compactMap({ $0.flatMap { trace.places[$0] } }).first, place.batches == 1
    else { return false }
    var changed = node
    for (position, input) in node.inputs.enumerated() {
      guard let input, trace.places[input] == nil, let shape = types[0][input.index]?.shape,
        shape.rank > place.axis, shape[place.axis] == 1
      else { continue }
      guard let repeated = repeating(input, of: shape, along: place.axis, for: node.name) else { return false }
      changed.inputs[position] = repeated
    }
    return changed.inputs != node.inputs && add(changed)
  }

  private mutating func repeating(_ value: ValueID, of shape: Shape, along axis: Int, for name: String) -> ValueID? {
    if count == nil {
      guard let input = graph.inputs.first?.value else { return nil }
      count = put("Shape", [input], ["start": .int(0), "end": .int(1)], name) { try ShapeOf($0) }
    }
    guard let count else { return nil }
    var parts = [count]
    if axis > 0 { parts.insert(newConstant(name, [Int](repeating: 1, count: axis)), at: 0) }
    let behind = shape.rank - axis - 1
    if behind > 0 { parts.append(newConstant(name, [Int](repeating: 1, count: behind))) }
    guard let extents = put("Concat", parts, ["axis": .int(0)], name, { try Concat($0) }) else { return nil }
    return put("Expand", [value, extents], [:], name) { try Expand($0) }
  }

  /// - Returns: what the new node puts out.
  private mutating func put(
    _ type: String, _ inputs: [ValueID], _ attributes: [String: OnnxAttribute], _ name: String,
    _ make: (OnnxNode) throws -> any Op
  ) -> ValueID? {
    let result = newValue(name), named = graph.valueNames[result.index]
    let node = OnnxNode(
      name: named, type: type, opset: 21, attributes: attributes, presentInputs: inputs.map { _ in true })
    guard let op = try? make(node), add(Node(name: named, op: op, inputs: inputs, outputs: [result])) else {
      return nil
    }
    return result
  }
}

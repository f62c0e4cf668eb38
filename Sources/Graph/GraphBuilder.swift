import DitherBasics
import DitherTensor

/// Makes graphs node by node, checking types as it goes. Also the form in which a stored graph is planned: replayed for
/// a batch size, with noise placed and gradients appended.
public final class GraphBuilder {
  /// The rows that inputs have while the graph is being built.
  public let rows: Int
  /// Far above what fits in memory for a batch, far below where byte counts overflow.
  private static let elementLimit = 1 << 34
  var graph = Graph()
  /// By `ValueID.index`.
  var types: [TensorType] = []
  /// The values of a replayed graph, by their names there.
  var replayed: [ValueID: Value] = [:]
  /// Normalizations are replayed with the batch's own statistics, which are listed here.
  var usesBatchStatistics = false
  /// Bytes of the constants and matrices that composites have made of few numbers: memory that no file pays for.
  private var madeBytes = 0
  private static let mostMadeBytes = 256 << 20
  private(set) var batchStatistics: [Statistics] = []

  /// A normalization's running statistics, by the stored graph's values, and its batch's own, of `count` numbers each.
  struct Statistics {
    let mean: ValueID, variance: ValueID
    let batchMean: Value, batchVariance: Value
    let count: Int
  }

  /// An empty graph of this name, whose shapes are checked for so many rows.
  public init(name: String = "dither", rows: Int = 2) {
    self.rows = rows
    graph.name = name
  }

  // MARK: values

  /// - Parameter dimensions: of one row; the batch is put before them.
  public func input(_ name: String, _ dimensions: [Int], element: ElementType = .float32) -> Value {
    input(name, batched: [nil] + dimensions, element: element)
  }

  func input(
    _ name: String, batched dimensions: [Int?], free: [Int: String] = [:], element: ElementType
  ) -> Value {
    let value = newValue(name, TensorType(Shape(dimensions.map { $0 ?? rows }), element))
    graph.inputs.append(GraphInput(name: name, element: element, dimensions: dimensions, free: free, value: value.id))
    return value
  }

  /// A value that is written from outside between two steps, as the gradient of the loss is.
  func placeholder(_ name: String, _ type: TensorType) -> Value { newValue(name, type) }

  /// A constant that training moves.
  public func parameter(_ name: String, _ tensor: Tensor) -> Value { constant(.float(tensor), name) }

  /// A constant; it gets a name where none is given.
  public func constant(_ literal: Literal, _ name: String? = nil) -> Value {
    let value = newValue(name ?? "constant_\(types.count)", literal.type)
    graph.literals[value.id] = literal
    return value
  }

  func scalar(_ number: Float) -> Value { constant(.float(Tensor([], [number]))) }

  private func newValue(_ name: String, _ type: TensorType) -> Value {
    types.append(type)
    graph.valueNames.append(name)
    return Value(id: ValueID(types.count - 1), builder: self)
  }

  // MARK: nodes

  /// Appends a node.
  /// - Throws: what the op's `types` throws, with the node's name before it.
  @discardableResult
  public func apply(_ op: any Op, _ inputs: [Value?], name: String? = nil, outputs: [String]? = nil) throws(GraphError)
    -> [Value]
  {
    let name = name ?? "\(type(of: op))_\(graph.nodes.count)"
    var results: [TensorType]
    do throws(GraphError) {
      try checkElements(of: inputs, for: op)
      results = try op.types(inputs.map { $0?.type })
    } catch {
      var located = error
      located.place = "node '\(name.clipped())' (\(nameInFiles(of: op))), \(error.place)"
      throw located
    }
    for type in results where (type.shape.span ?? .max) > Self.elementLimit {
      throw GraphError(
        .tooLarge, at: "node '\(name.clipped())' (\(nameInFiles(of: op)))",
        expected: "values of at most \(Self.elementLimit) elements", got: "\(type)")
    }
    for type in results where type.element == .float32 && type.shape.count == 0 && !op.takesEmpty {
      throw GraphError(
        .shape, at: "node '\(name.clipped())' (\(nameInFiles(of: op)))", expected: "values with elements",
        got: "\(type)")
    }
    if let floats = evaluate(op, inputs, results) {
      for index in results.indices { results[index].knownFloats = floats[index] }
    }
    let values = results.enumerated().map { index, type in
      newValue(outputs.flatMap { index < $0.count ? $0[index] : nil } ?? (index == 0 ? name : "\(name):\(index)"), type)
    }
    graph.nodes.append(Node(name: name, op: op, inputs: inputs.map { $0?.id }, outputs: values.map(\.id)))
    return values
  }

  private func checkElements(of inputs: [Value?], for op: any Op) throws(GraphError) {
    for case let input? in inputs where input.type.element == .float32 && input.shape.count == 0 && !op.takesEmpty {
      throw GraphError(.shape, at: "inputs", expected: "at least one element in each", got: "\(input.type)")
    }
  }

  /// The results of a node, computed while the graph is built, where they are few floats and its operands are known:
  /// exporters compute scales so.
  private func evaluate(_ op: any Op, _ inputs: [Value?], _ results: [TensorType]) -> [[Float]]? {
    let operands = inputs.compactMap { $0?.type }
    guard op is any OnnxOp, op.isEvaluated, operands.allSatisfy({ $0.knownNumbers != nil }),
      operands.contains(where: { $0.element == .float32 }),
      results.allSatisfy({
        $0.element == .float32 && $0.knownFloats == nil && $0.shape.count <= Literal.knownFloatLimit
      })
    else { return nil }
    // Floats are inputs, not constants: of those all would be known again.
    let inner = GraphBuilder(rows: 1)
    let replaced = inputs.enumerated().map { index, value -> Value? in
      guard let type = value?.type else { return nil }
      guard let known = type.known else {
        return inner.input("x\(index)", batched: type.shape.dimensions, element: .float32)
      }
      return inner.constant(
        type.element == .bool ? .bool(type.shape, known.map { $0 != 0 }) : .int64(type.shape, known))
    }
    guard let values = try? inner.apply(op, replaced) else { return nil }
    let graph = inner.finish(outputs: values.enumerated().map { ("y\($0)", $1) })
    guard let plan = try? Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1)) else { return nil }
    for (memory, floats) in zip(plan.inputs, operands.compactMap(\.knownFloats)) {
      _ = memory.bindMemory(to: Float.self).update(fromContentsOf: floats)
    }
    plan.forward()
    return values.indices.map { Array(plan.output($0)) }
  }

  /// A value combined with all others, one after the other.
  func fold(_ inputs: [Value?], _ function: Binary.Function) throws(GraphError) -> Value {
    var result = try inputs.value(0, "data_0")
    guard inputs.count > 1 else { return try result.copied() }
    for position in inputs.indices.dropFirst() {
      result = try result.apply(Binary(function), inputs.value(position, "data_\(position)"))
    }
    return result
  }

  func call(_ node: Node) -> Call {
    Call(
      name: node.name, inputs: .init(values: node.inputs.map { $0.map { Value(id: $0, builder: self) } }),
      outputs: node.outputs.map { Value(id: $0, builder: self) })
  }

  /// A value that a node puts out takes the name of its output: files know values by their names only.
  public func finish(outputs: [(name: String, value: Value)]) -> Graph {
    for output in outputs where graph.nodes.contains(where: { $0.outputs.contains(output.value.id) }) {
      graph.valueNames[output.value.id.index] = output.name
    }
    graph.outputs = outputs.map { GraphOutput(name: $0.name, value: $0.value.id) }
    return graph
  }

  // MARK: replay

  /// A stored graph for a batch of `rows`.
  public convenience init(replaying stored: Graph, rows: Int) throws(GraphError) {
    self.init(name: stored.name, rows: rows)
    try replay(stored)
  }

  func replay(_ stored: Graph) throws(GraphError) {
    for input in stored.inputs {
      replayed[input.value] = self.input(
        input.name, batched: input.dimensions, free: input.free, element: input.element)
    }
    replayed = try replayNodes(of: stored, known: replayed)
  }

  /// The nodes and constants of a stored graph on values of this one.
  /// - Parameters:
  ///   - inputs: in the order of its inputs.
  ///   - prefix: before every name, so that several graphs can be put side by side.
  /// - Returns: the outputs, in their order.
  package func replay(_ stored: Graph, on inputs: [Value], prefix: String) throws(GraphError) -> [Value] {
    guard inputs.count == stored.inputs.count else {
      throw GraphError(
        .missing, at: "graph '\(stored.name.clipped())'", expected: "\(stored.inputs.count) inputs",
        got: "\(inputs.count)")
    }
    var known: [ValueID: Value] = [:]
    for (input, value) in zip(stored.inputs, inputs) { known[input.value] = value }
    var named = stored
    named.valueNames = stored.valueNames.map { prefix + $0 }
    for at in named.nodes.indices { named.nodes[at].name = prefix + named.nodes[at].name }
    known = try replayNodes(of: named, known: known)
    var outputs: [Value] = []
    for output in stored.outputs {
      guard let value = known[output.value] else {
        throw GraphError(
          .missing, at: "output '\(output.name.clipped())'", expected: "a value that a node puts out", got: "none")
      }
      outputs.append(value)
    }
    return outputs
  }

  /// A stored graph as it is, once for each list of inputs, on constants that all share. Nodes keep their names, so
  /// that patterns of layers reach them in every copy; values get the copy's name and number before theirs.
  /// - Parameter inputs: each in the order of its inputs.
  /// - Returns: the outputs of each copy, in their order.
  package func copies(of stored: Graph, on inputs: [[Value]], named name: String) throws(GraphError) -> [[Value]] {
    var constants: [ValueID: Value] = [:]
    for id in stored.literals.keys.sorted(by: { $0.index < $1.index }) {
      if let literal = stored.literals[id] { constants[id] = constant(literal, stored.valueNames[id.index]) }
    }
    var copies: [[Value]] = []
    for (number, own) in inputs.enumerated() {
      var known = constants
      for (input, value) in zip(stored.inputs, own) { known[input.value] = value }
      for node in stored.nodes {
        let names = node.outputs.map { "\(name)\(number).\(stored.valueNames[$0.index])" }
        let values = try apply(
          node.op, node.inputs.map { $0.flatMap { known[$0] } }, name: node.name, outputs: names)
        for (id, value) in zip(node.outputs, values) { known[id] = value }
      }
      copies.append(stored.outputs.compactMap { known[$0.value] })
    }
    return copies
  }

  /// - Returns: `known`, with all that the nodes put out.
  private func replayNodes(of stored: Graph, known: [ValueID: Value]) throws(GraphError) -> [ValueID: Value] {
    var known = known
    for id in stored.literals.keys.sorted(by: { $0.index < $1.index }) {
      guard let literal = stored.literals[id] else { continue }
      known[id] = constant(literal, stored.valueNames[id.index])
    }
    for node in stored.nodes {
      var inputs: [Value?] = []
      for input in node.inputs {
        guard let input else {
          inputs.append(nil)
          continue
        }
        guard let value = known[input] else {
          throw GraphError(
            .missing, at: "node '\(node.name.clipped())'", expected: "inputs that earlier nodes put out",
            got: "'\(stored.valueNames[input.index].clipped())'")
        }
        inputs.append(value)
      }
      let values = try replay(node, inputs, names: node.outputs.map { stored.valueNames[$0.index] })
      for (id, value) in zip(node.outputs, values) { known[id] = value }
    }
    return known
  }

  /// A stored node on values of this graph.
  func replay(_ node: Node, _ inputs: [Value?], names: [String]) throws(GraphError) -> [Value] {
    if let composite = node.op as? any Composite {
      do throws(GraphError) {
        try checkElements(of: inputs, for: composite)
        let first = (value: types.count, node: graph.nodes.count)
        let values = try composite.expand(inputs, in: self)
        try countMade(from: first)
        if let floats = evaluate(composite, inputs, values.map(\.type)) {
          for (value, content) in zip(values, floats) { types[value.id.index].knownFloats = content }
        }
        return values
      } catch {
        var located = error
        if !located.place.hasPrefix("node '\(node.name.clipped())'") {
          located.place = "node '\(node.name.clipped())' (\(nameInFiles(of: node.op))), \(error.place)"
        }
        throw located
      }
    }
    guard usesBatchStatistics, let variant = node.op.statisticsVariant, node.inputs.count > variant.variance,
      let mean = node.inputs[variant.mean], let variance = node.inputs[variant.variance],
      let stored = inputs[variant.mean], graph.literals[stored.id] != nil
    else { return try apply(node.op, inputs, name: node.name, outputs: names) }
    let values = try apply(variant.op, Array(inputs[..<variant.mean]), name: node.name, outputs: names)
    batchStatistics.append(
      Statistics(
        mean: mean, variance: variance, batchMean: values[1], batchVariance: values[2],
        count: values[0].shape.count / max(values[1].shape.count, 1)))
    return [values[0]]
  }
}

extension GraphBuilder {
  /// - Parameter first: the first value and the first node that an expansion added.
  /// - Throws: where all expansions together have made too much.
  private func countMade(from first: (value: Int, node: Int)) throws(GraphError) {
    for index in first.value..<types.count where graph.literals[ValueID(index)] != nil {
      madeBytes += types[index].byteCount
    }
    for node in graph.nodes[first.node...] { madeBytes += node.op.heldBytes }
    guard madeBytes <= Self.mostMadeBytes else {
      throw GraphError(
        .tooLarge, at: "constants", expected: "at most \(Self.mostMadeBytes) bytes that ops make of shapes, in all",
        got: "more")
    }
  }
}

/// The type that an op has in ONNX files.
package func nameInFiles(of op: any Op) -> String {
  (op as? any OnnxOp).map { Swift.type(of: $0).onnx.type } ?? "\(Swift.type(of: op))"
}

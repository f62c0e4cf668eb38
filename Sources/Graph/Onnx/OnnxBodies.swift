import DitherBasics
import DitherTensor
import Foundation
internal import SwiftProtobuf

// Graphs inside nodes: a branch of `If` whose condition is known, and the body of `Scan`, are written out in the place
// of the node. No other control flow is taken.

extension OnnxReader {
  /// Bodies within bodies, and bodies in all, that a file may have.
  private static let mostDepth = 8
  private static let mostBodies = 64

  /// - Returns: whether the node was one that has a body, and is written out.
  mutating func readBody(_ proto: Onnx_NodeProto, _ name: String, at place: String) throws(GraphError) -> Bool {
    guard isDefault(proto.domain) else { return false }
    switch proto.opType {
    case "If": try readIf(proto, at: place)
    case "Scan": try readScan(proto, name, at: place)
    default: return false
    }
    return true
  }

  private mutating func body(_ proto: Onnx_NodeProto, _ key: String, at place: String) throws(GraphError)
    -> Onnx_GraphProto
  {
    guard let attribute = proto.attribute.first(where: { $0.name == key }), attribute.type == .graph else {
      throw GraphError(.attribute, at: "\(place), attribute '\(key)'", expected: "a graph", got: "none")
    }
    bodies.count += 1
    guard bodies.depth < Self.mostDepth, bodies.count <= Self.mostBodies else {
      throw GraphError(
        .tooLarge, at: place, expected: "at most \(Self.mostBodies) branches and bodies, \(Self.mostDepth) deep",
        got: "more")
    }
    do {
      let scan = try attribute.g.withUnsafeBytes { try OnnxScan(graph: $0) }
      bodies.nodes += scan.nodes
      bodies.parts += scan.parts
      guard bodies.nodes <= limits.nodes, bodies.parts <= limits.parts, scan.initializers <= limits.initializers,
        scan.listedBytes <= limits.listedBytes
      else {
        throw GraphError(.tooLarge, at: place, expected: "at most \(limits.nodes) nodes in bodies", got: "more")
      }
      return try Onnx_GraphProto(serializedBytes: attribute.g)
    } catch {
      throw error as? GraphError
        ?? GraphError(.malformed, at: place, expected: "a graph in '\(key)'", got: "\(error)".clipped())
    }
  }

  /// Names that a body defines are its own.
  private mutating func define(_ results: [ValueID], as outputs: [String], at place: String) throws(GraphError) {
    for (id, name) in zip(results, outputs) where !name.isEmpty {
      guard values.updateValue(id, forKey: name) == nil else {
        throw GraphError(.duplicate, at: place, expected: "each value defined once", got: "'\(name.clipped())' again")
      }
    }
  }

  // MARK: If

  private mutating func readIf(_ proto: Onnx_NodeProto, at place: String) throws(GraphError) {
    guard let input = proto.input.first, let condition = values[input] else {
      throw GraphError(.missing, at: place, expected: "a condition that is defined before", got: "none")
    }
    let key = try holds(condition, at: place) ? "then_branch" : "else_branch"
    let branch = try body(proto, key, at: place), outer = values
    guard branch.output.count == proto.output.count, branch.input.isEmpty else {
      throw GraphError(
        .malformed, at: "\(place), attribute '\(key)'", expected: "no inputs, and \(proto.output.count) outputs",
        got: "\(branch.input.count) and \(branch.output.count)")
    }
    bodies.depth += 1
    try readInitializers(branch)
    for (index, node) in branch.node.enumerated() { try readNode(node, index, branch) }
    var results: [ValueID] = []
    for output in branch.output {
      guard let id = values[output.name] else {
        throw GraphError(
          .missing, at: "\(place), attribute '\(key)'", expected: "outputs that nodes put out",
          got: "'\(output.name.clipped())'")
      }
      results.append(id)
    }
    bodies.depth -= 1
    values = outer
    try define(results, as: proto.output, at: place)
  }

  private mutating func holds(_ condition: ValueID, at place: String) throws(GraphError) -> Bool {
    func refused(_ got: String) -> GraphError {
      GraphError(
        .unsupportedOp, at: "\(place), input 'cond'", expected: "a condition that is constant or follows from shapes",
        got: got, advice: "export the branch that is taken, as with fixed shapes: 'squeeze' with its axis named")
    }
    if case .bool(_, let found)? = graph.literals[condition] {
      guard found.count == 1 else { throw refused("\(found.count) values") }
      return found[0]
    }
    func known(_ graph: Graph, rows: Int) throws(GraphError) -> Bool? {
      guard let type = try graph.types(rows: rows)[condition.index], type.element == .bool,
        let known = type.known, known.count == 1
      else { return nil }
      return known[0] != 0
    }
    let graphs = try sizedToFit(2), found = try known(graphs[0], rows: 1)
    guard let found else { throw refused("one that is computed") }
    for rows in 2...3 where try known(graphs[0], rows: rows) != found {
      throw refused("one that depends on the number of rows")
    }
    for sized in graphs.dropFirst() where try known(sized, rows: 1) != found {
      throw GraphError(
        .unsupportedOp, at: "\(place), input 'cond'", expected: "a condition that is the same for inputs of any size",
        got: "one that depends on the size", advice: "pin the size with --shape, or export with fixed shapes")
    }
    if !graph.sizes.isEmpty, graph.literals[condition] == nil { graph.branches[condition] = found }
    // A fixed batch stays fixed where another one would take the other branch.
    var freed = graphs[0]
    for at in freed.inputs.indices where !freed.inputs[at].dimensions.isEmpty { freed.inputs[at].dimensions[0] = nil }
    for rows in 2...3 where (try? known(freed, rows: rows)) != found { isBatchFixed = true }
    return found
  }

  // MARK: Scan

  /// A value in a body that is written out for all steps at once: of a step's own, all steps along a first axis.
  private struct Stepped {
    let id: ValueID
    /// The rank of one step's value.
    let rank: Int
    let isOfStep: Bool
  }

  /// A body that keeps no state and treats each step by itself: its ops act on all steps at once,
  /// along a new first axis.
  private mutating func readScan(_ proto: Onnx_NodeProto, _ name: String, at place: String) throws(GraphError) {
    func refused(_ expected: String, _ got: String) -> GraphError {
      GraphError(
        .unsupportedOp, at: place, expected: expected, got: got.clipped(),
        advice: "of control flow, conditions that are constant and scans of element-wise ops and reductions are taken")
    }
    let scan = try body(proto, "body", at: place)
    var count = 0
    for attribute in proto.attribute {
      switch attribute.name {
      case "body": break
      case "num_scan_inputs": count = Int(attribute.i)
      default:
        guard attribute.ints.allSatisfy({ $0 == 0 }) else { throw refused("first axes, forwards", attribute.name) }
      }
    }
    let states = proto.input.count - count.clamped(to: 0...proto.input.count)
    guard opset >= 9, count >= 1, count <= proto.input.count, scan.input.count == proto.input.count,
      scan.output.count == proto.output.count, scan.output.count >= states
    else { throw refused("as many inputs and outputs as the body has, of which one is scanned", "others") }
    let types = try sizedToFit(1)[0].types(rows: 2), outer = values
    var inner: [String: Stepped] = [:]
    for (position, (input, own)) in zip(proto.input, scan.input).enumerated() {
      guard let id = values[input], let rank = types[id.index]?.shape.rank, position < states || rank > 0 else {
        throw refused("inputs that are defined before", "'\(input)'")
      }
      inner[own.name] = Stepped(id: id, rank: position < states ? rank : rank - 1, isOfStep: position >= states)
    }
    try readInitializers(scan)
    for tensor in scan.initializer {
      guard let id = values[tensor.name] else { continue }
      inner[tensor.name] = Stepped(id: id, rank: tensor.dims.count, isOfStep: false)
    }
    for (index, node) in scan.node.enumerated() {
      let found = try stepped(node, inner, types, "\(name)_body_\(index)") { refused($0, $1) }
      inner[node.output[0]] = found
    }
    var results: [ValueID] = []
    for (position, output) in scan.output.enumerated() {
      guard let found = inner[output.name] else { throw refused("outputs of the body", "'\(output.name)'") }
      if position < states {
        guard !found.isOfStep, found.id == inner[scan.input[position].name]?.id else {
          throw refused("a body whose states stay what they are", "'\(output.name)'")
        }
      } else {
        guard found.isOfStep else { throw refused("outputs of every step's own", "'\(output.name)'") }
      }
      results.append(found.id)
    }
    values = outer
    try define(results, as: proto.output, at: place)
  }

  /// Ops of elements, whose operands broadcast.
  private static let elementwise: Set = [
    "Abs", "Add", "Div", "Exp", "Max", "Min", "Mul", "Neg", "Pow", "Sqrt", "Sub",
  ]
  private static let reductions: Set = [
    "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare",
  ]

  private mutating func stepped(
    _ proto: Onnx_NodeProto, _ inner: [String: Stepped], _ types: [TensorType?], _ name: String,
    _ refused: (String, String) -> GraphError
  ) throws(GraphError) -> Stepped {
    var operands: [Stepped] = []
    for input in proto.input {
      if let known = inner[input] {
        operands.append(known)
      } else if let id = values[input], let rank = types[id.index]?.shape.rank {
        operands.append(Stepped(id: id, rank: rank, isOfStep: false))
      } else {
        throw refused("a body whose inputs are defined before", "'\(input)'")
      }
    }
    guard isDefault(proto.domain), let first = operands.first, proto.output.count == 1 else {
      throw refused("a body of ops with one output", proto.opType)
    }
    if proto.opType == "Identity" { return first }
    if Self.reductions.contains(proto.opType) {
      guard first.isOfStep, operands.count <= 2, operands.dropFirst().allSatisfy({ !$0.isOfStep }) else {
        throw refused("reductions of a step's values", proto.opType)
      }
      return try reduced(proto, first, operands.dropFirst().first, name, refused)
    }
    guard Self.elementwise.contains(proto.opType), proto.attribute.isEmpty else {
      throw refused("a body of element-wise ops and reductions", proto.opType)
    }
    let rank = operands.map(\.rank).max() ?? 0, isOfStep = operands.contains(where: \.isOfStep)
    var inputs: [ValueID] = []
    for (position, operand) in operands.enumerated() {
      guard operand.isOfStep, operand.rank < rank else {
        inputs.append(operand.id)
        continue
      }
      let axes = (1...rank - operand.rank).map(Int64.init)
      inputs.append(try append("Unsqueeze", [operand.id], "\(name)_wide_\(position)", ["axes": .ints(axes)]))
    }
    return Stepped(id: try append(proto.opType, inputs, name, [:]), rank: rank, isOfStep: isOfStep)
  }

  private mutating func reduced(
    _ proto: Onnx_NodeProto, _ operand: Stepped, _ listed: Stepped?, _ name: String,
    _ refused: (String, String) -> GraphError
  ) throws(GraphError) -> Stepped {
    var axes: [Int64] = [], keeps = true
    for attribute in proto.attribute {
      switch attribute.name {
      case "axes": axes = attribute.ints
      case "keepdims": keeps = attribute.i != 0
      default: throw refused("reductions with 'axes' and 'keepdims'", attribute.name)
      }
    }
    if let listed {
      guard case .int64(_, let found)? = graph.literals[listed.id] else {
        throw refused("axes that are constants", "others")
      }
      axes = found
    }
    let rank = Int64(operand.rank)
    guard !axes.isEmpty, axes.allSatisfy({ $0 >= -rank && $0 < rank }), Set(axes).count == axes.count else {
      throw refused("axes of the step's values", "\(axes)")
    }
    let moved = axes.map { $0 < 0 ? $0 : $0 + 1 }
    let id = try append(
      proto.opType, [operand.id], name, ["axes": .ints(moved), "keepdims": .int(keeps ? 1 : 0)])
    return Stepped(id: id, rank: keeps ? operand.rank : operand.rank - axes.count, isOfStep: true)
  }

  /// A node of our own.
  private mutating func append(
    _ type: String, _ inputs: [ValueID], _ name: String, _ attributes: [String: OnnxAttribute]
  ) throws(GraphError) -> ValueID {
    // Axes are attributes up to opset 12.
    let node = OnnxNode(
      name: name, type: type, opset: 12, attributes: attributes, presentInputs: inputs.map { _ in true })
    let op = try makeOp(node, ""), id = ValueID(graph.valueNames.count)
    graph.valueNames.append(name)
    graph.nodes.append(Node(name: name, op: op, inputs: inputs, outputs: [id]))
    return id
  }
}

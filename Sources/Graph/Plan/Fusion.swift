import DitherTensor

/// The nodes that a plan runs, in order: what is wanted and all that it depends on, with what follows a kernel done by
/// that kernel where its op can.
struct PlannedNodes {
  /// With their numbers in the graph that was built.
  private(set) var nodes: [(number: Int, node: Node)] = []
  private let types: [TensorType]
  private let keep: Set<ValueID>
  /// Values that may be NaN although all inputs are numbers. oneDNN's ReLU makes 0 of NaN, ours keeps it: what is
  /// behind these is not fused. Sums and products that overflow are not among them.
  private let uncertain: Set<ValueID>

  init(_ builder: GraphBuilder, wanted: [Value]) {
    types = builder.types
    keep = Set(wanted.map(\.id))
    let program = Self.live(builder, wanted: keep)
    uncertain = Self.uncertain(program, builder.graph.literals)
    fuse(program)
  }

  /// The nodes that `wanted` depends on.
  private static func live(_ builder: GraphBuilder, wanted: Set<ValueID>) -> [(Int, Node)] {
    var needed = wanted, kept: [(Int, Node)] = []
    for (index, node) in builder.graph.nodes.enumerated().reversed()
    where node.outputs.contains(where: needed.contains) {
      kept.append((index, node))
      guard builder.knownContent(of: node) == nil else { continue }
      needed.formUnion(node.inputs.compactMap { $0 })
    }
    return kept.reversed()
  }

  private static func uncertain(_ program: [(Int, Node)], _ literals: [ValueID: Literal]) -> Set<ValueID> {
    var uncertain = Set<ValueID>()
    for (id, literal) in literals where !literal.isSurelyFinite { uncertain.insert(id) }
    for (_, node) in program {
      let operands = node.inputs.compactMap { $0 }, constants = node.inputs.map { $0.flatMap { literals[$0] } }
      guard operands.contains(where: uncertain.contains) || node.op.mayLeaveNumbers(constants) else { continue }
      uncertain.formUnion(node.outputs)
    }
    return uncertain
  }

  /// A program while its nodes are fused.
  private struct Draft {
    var uses: [ValueID: Int] = [:]
    var producers: [ValueID: Int] = [:]
    /// nil where a later node has taken it over.
    var nodes: [(Int, Node)?] = []

    mutating func append(_ number: Int, _ node: Node) {
      for output in node.outputs { producers[output] = nodes.count }
      nodes.append((number, node))
    }
  }

  private mutating func fuse(_ program: [(Int, Node)]) {
    var draft = Draft()
    for (_, node) in program { for case let input? in node.inputs { draft.uses[input, default: 0] += 1 } }
    for (number, node) in program {
      if fuseActivation(node, &draft) || fuseMask(number, node, &draft) || fuseSum(number, node, &draft) { continue }
      draft.append(number, node)
    }
    nodes = draft.nodes.compactMap { $0 }
  }

  /// The node that makes a value which nothing else sees.
  private func single(_ id: ValueID?, _ draft: Draft) -> (at: Int, node: Node)? {
    guard let id, draft.uses[id] == 1, !keep.contains(id), let at = draft.producers[id],
      let node = draft.nodes[at]?.1, node.outputs[0] == id
    else { return nil }
    return (at, node)
  }

  private func fuseActivation(_ node: Node, _ draft: inout Draft) -> Bool {
    guard let function = node.op.elementwise, case .unary = function.kind, let input = node.inputs[0],
      !uncertain.contains(input), let (at, producer) = single(input, draft),
      let fused = producer.op.absorb(function)
    else { return false }
    var outputs = producer.outputs
    outputs[0] = node.outputs[0]
    draft.nodes[at]?.1 = Node(name: producer.name, op: fused, inputs: producer.inputs, outputs: outputs)
    draft.producers[node.outputs[0]] = at
    return true
  }

  /// An op that does its ReLU also knows the way back through both.
  private func fuseMask(_ number: Int, _ node: Node, _ draft: inout Draft) -> Bool {
    guard let (at, mask) = single(node.inputs.first ?? nil, draft), mask.op.elementwise == .binary(.reluGradient),
      let result = mask.inputs[1], let before = draft.producers[result], let forward = draft.nodes[before]?.1.op,
      let fused = node.op.absorb(mask: mask.inputs[0], of: result, by: forward, node.inputs)
    else { return false }
    draft.nodes[at] = nil
    draft.append(number, Node(name: node.name, op: fused.op, inputs: fused.inputs, outputs: node.outputs))
    return true
  }

  /// The op behind one term of a sum adds the other. It moves to where the sum was: the other term is there by then.
  private func fuseSum(_ number: Int, _ node: Node, _ draft: inout Draft) -> Bool {
    guard let function = node.op.elementwise, function == .binary(.add), node.inputs.count == 2 else { return false }
    for i in node.inputs.indices.reversed() {
      guard let (at, producer) = single(node.inputs[i], draft), let fused = producer.op.absorb(function) else {
        continue
      }
      guard let other = node.inputs[1 - i], types[other.index].shape == types[producer.outputs[0].index].shape else {
        return false
      }
      draft.nodes[at] = nil
      draft.append(
        number, Node(name: producer.name, op: fused, inputs: producer.inputs + [other], outputs: node.outputs))
      return true
    }
    return false
  }

  /// The last node, by position, that reads each value or a view of it; none for values that outlive the run.
  var lastUses: [ValueID: Int] {
    var roots: [ValueID: ValueID] = [:], last: [ValueID: Int] = [:]
    for (position, (_, node)) in nodes.enumerated() {
      for case let input? in node.inputs { last[roots[input] ?? input] = position }
      if node.op.isView, let input = node.inputs.first ?? nil {
        for output in node.outputs { roots[output] = roots[input] ?? input }
      }
    }
    for id in keep { last[roots[id] ?? id] = nil }
    return last
  }

  /// The same, where all nodes from that number on are run again: what others have made is then read again.
  func lastUses(before number: Int) -> [ValueID: Int] {
    let made = Set(nodes.lazy.filter { $0.number >= number }.flatMap(\.node.outputs))
    return lastUses.filter { id, position in nodes[position].number < number || made.contains(id) }
  }
}

extension Op {
  /// Whether it may make NaN, or infinities that become NaN, of numbers.
  fileprivate func mayLeaveNumbers(_ constants: [Literal?]) -> Bool {
    guard let elementwise else { return mayBeUndefined }
    func all(_ test: (Float) -> Bool) -> Bool {
      if case .float(let tensor)? = constants.last ?? nil { tensor.elements.allSatisfy(test) } else { false }
    }
    switch elementwise.kind {
    case .unary(let function): return [.exp, .log, .squareRoot, .reciprocal].contains(function)
    case .binary(.divide): return !all { $0 != 0 }
    case .binary(.power): return !all { $0 >= 0 && $0 == $0.rounded() }
    case .binary: return false
    }
  }
}

extension Literal {
  /// False where it is large: infinities stand in masks and bounds, which are small, and weights have none.
  fileprivate var isSurelyFinite: Bool {
    guard case .float(let tensor) = self else { return true }
    return tensor.count > 4096 || tensor.isFinite
  }
}

extension GraphBuilder {
  /// The results of a node, where they follow from shapes alone: nothing is left to compute.
  func knownContent(of node: Node) -> [(ValueID, Literal)]? {
    var content: [(ValueID, Literal)] = []
    for id in node.outputs {
      let type = types[id.index]
      guard let known = type.known else { return nil }
      content.append((id, type.element == .bool ? .bool(type.shape, known.map { $0 != 0 }) : .int64(type.shape, known)))
    }
    return content
  }
}

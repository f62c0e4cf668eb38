import DitherBasics
import DitherTensor

/// Decision trees over [B, features], and what their leaves add up to, by target: the heart of ONNX-ML's ensembles.
/// Constant between its thresholds: no gradient passes.
/// - Source: ONNX-ML `TreeEnsembleClassifier` and `TreeEnsembleRegressor`, opsets 1–4.
final class Trees: Sendable {
  enum Mode: String, Sendable {
    case leaf = "LEAF", atMost = "BRANCH_LEQ", below = "BRANCH_LT", atLeast = "BRANCH_GTE", above = "BRANCH_GT",
      equal = "BRANCH_EQ", different = "BRANCH_NEQ"
  }
  enum Sum: String, Sendable { case sum = "SUM", average = "AVERAGE", least = "MIN", most = "MAX" }

  /// A node; of a leaf, `yes..<no` are the places of its weights.
  private struct Node {
    var mode: Mode, feature: Int, threshold: Float, missingIsYes: Bool, yes: Int, no: Int
  }
  /// The most nodes of an ensemble; more are refused.
  static let mostNodes = 1 << 22

  private let nodes: [Node]
  private let roots: [Int]
  private let weights: [(target: Int, value: Float)]
  let features: Int
  let targets: Int
  let sum: Sum
  /// Added once, by target.
  let base: [Float]
  var hasNegativeWeights: Bool { weights.contains { $0.value < 0 } }
  /// The targets that a leaf has a weight for.
  var weighted: Set<Int> { Set(weights.map(\.target)) }

  /// - Parameter leaves: "class" or "target": how the attributes of leaves begin.
  init(_ node: OnnxNode, leaves: String, targets: Int, sum: Sum, base: [Float]) throws(GraphError) {
    func refused(_ key: String, _ expected: String, _ got: String) -> GraphError {
      GraphError(.attribute, at: "\(node.place), attribute '\(key)'", expected: expected, got: got)
    }
    let trees = try node.ints("nodes_treeids") ?? []
    func list(_ key: String) throws(GraphError) -> [Int] {
      let values = try node.ints(key) ?? []
      guard values.count == trees.count else { throw refused(key, "\(trees.count), one a node", "\(values.count)") }
      return values
    }
    guard (1...Self.mostNodes).contains(trees.count) else {
      throw refused("nodes_treeids", "1 to \(Self.mostNodes) nodes", "\(trees.count)")
    }
    let ids = try list("nodes_nodeids"), featureIDs = try list("nodes_featureids")
    let yes = try list("nodes_truenodeids"), no = try list("nodes_falsenodeids")
    let thresholds = try node.reals("nodes_values")
    guard thresholds.count == trees.count, case .strings(let modes)? = node["nodes_modes"], modes.count == trees.count
    else { throw refused("nodes_values' and 'nodes_modes", "\(trees.count) each, one a node", "other numbers") }
    let missing = try node.ints("nodes_missing_value_tracks_true") ?? []
    guard missing.isEmpty || missing.count == trees.count else {
      throw refused("nodes_missing_value_tracks_true", "none, or \(trees.count)", "\(missing.count)")
    }
    var places: [Address: Int] = [:]
    for (place, address) in zip(trees, ids).map(Address.init).enumerated() {
      guard places.updateValue(place, forKey: address) == nil else {
        throw refused("nodes_nodeids", "each node of a tree once", "\(address.node) again in tree \(address.tree)")
      }
    }
    let leaf = try Self.leaves(node, leaves, places, count: trees.count, targets: targets)
    weights = leaf.weights
    var found: [Node] = []
    var isChild = [Bool](repeating: false, count: trees.count)
    for at in trees.indices {
      guard let mode = Mode(rawValue: modes[at]) else {
        throw refused("nodes_modes", "LEAF, BRANCH_LEQ, _LT, _GTE, _GT, _EQ or _NEQ", "'\(modes[at].clipped())'")
      }
      var made = Node(
        mode: mode, feature: featureIDs[at], threshold: thresholds[at],
        missingIsYes: !missing.isEmpty && missing[at] != 0, yes: leaf.ranges[at].lowerBound,
        no: leaf.ranges[at].upperBound)
      if mode != .leaf {
        guard (0..<1 << 20).contains(featureIDs[at]) else {
          throw refused("nodes_featureids", "0 to \(1 << 20)", "\(featureIDs[at])")
        }
        guard let first = places[Address(trees[at], yes[at])], let second = places[Address(trees[at], no[at])],
          first != second, !isChild[first], !isChild[second], first != at, second != at
        else {
          throw refused(
            "nodes_truenodeids' and 'nodes_falsenodeids", "two nodes of the tree that no other node leads to",
            "\(yes[at]) and \(no[at]) at node \(ids[at]) of tree \(trees[at])")
        }
        (isChild[first], isChild[second]) = (true, true)
        (made.yes, made.no) = (first, second)
      }
      found.append(made)
    }
    nodes = found
    roots = isChild.indices.filter { !isChild[$0] }
    let reached = Self.reached(found, from: roots)
    guard roots.count == Set(trees).count, reached == found.count else {
      throw refused(
        "nodes_treeids", "one root for each of \(Set(trees).count) trees, from which every node is reached",
        "\(roots.count) roots, \(reached) of \(found.count) nodes")
    }
    features = (found.filter { $0.mode != .leaf }.map(\.feature).max() ?? 0) + 1
    self.targets = targets
    self.sum = sum
    self.base = base
    try Self.check(base, targets, at: node.place)
  }

  private static func check(_ base: [Float], _ targets: Int, at place: String) throws(GraphError) {
    guard base.isEmpty || base.count == targets || base.count == 1 else {
      throw GraphError(
        .attribute, at: "\(place), attribute 'base_values'", expected: "none, or \(targets)", got: "\(base.count)")
    }
  }

  /// How many nodes the roots reach. Each has one parent at most, so a node that is not reached lies on a cycle.
  private static func reached(_ nodes: [Node], from roots: [Int]) -> Int {
    var open = roots, reached = 0
    while let at = open.popLast() {
      reached += 1
      if nodes[at].mode != .leaf { open += [nodes[at].yes, nodes[at].no] }
    }
    return reached
  }

  private struct Address: Hashable {
    var tree: Int, node: Int
    init(_ tree: Int, _ node: Int) { (self.tree, self.node) = (tree, node) }
  }

  /// The weights in the order of their nodes, and each node's.
  private static func leaves(
    _ node: OnnxNode, _ name: String, _ places: [Address: Int], count: Int, targets: Int
  ) throws(GraphError) -> (weights: [(target: Int, value: Float)], ranges: [Range<Int>]) {
    let trees = try node.ints("\(name)_treeids") ?? [], ids = try node.ints("\(name)_nodeids") ?? []
    let owners = try node.ints("\(name)_ids") ?? [], values = try node.reals("\(name)_weights")
    guard !trees.isEmpty, [ids.count, owners.count, values.count].allSatisfy({ $0 == trees.count }) else {
      throw GraphError(
        .attribute, at: "\(node.place), attributes '\(name)_…'", expected: "as many ids and weights, at least one",
        got: "\(trees.count), \(ids.count), \(owners.count) and \(values.count)")
    }
    var byNode: [(place: Int, target: Int, value: Float)] = []
    for at in trees.indices {
      guard let place = places[Address(trees[at], ids[at])], (0..<targets).contains(owners[at]), values[at].isFinite
      else {
        throw GraphError(
          .attribute, at: "\(node.place), attributes '\(name)_…'",
          expected: "nodes that there are, targets below \(targets), finite weights",
          got: "node \(ids[at]) of tree \(trees[at]), target \(owners[at]), weight \(values[at])")
      }
      byNode.append((place, owners[at], values[at]))
    }
    let order = byNode.indices.sorted { (byNode[$0].place, $0) < (byNode[$1].place, $1) }
    var ranges = [Range<Int>](repeating: 0..<0, count: count), start = 0
    while start < order.count {
      let place = byNode[order[start]].place
      let end = order[start...].firstIndex { byNode[$0].place != place } ?? order.count
      ranges[place] = start..<end
      start = end
    }
    return (order.map { (byNode[$0].target, byNode[$0].value) }, ranges)
  }

  /// The leaf of one row in one tree.
  private func leaf(_ root: Int, _ row: UnsafePointer<Float>) -> Range<Int> {
    var at = root
    while true {
      let node = nodes[at]
      guard node.mode != .leaf else { return node.yes..<node.no }
      let x = row[node.feature],
        isYes =
          switch node.mode {
          case .leaf: true
          case .atMost: x <= node.threshold
          case .below: x < node.threshold
          case .atLeast: x >= node.threshold
          case .above: x > node.threshold
          case .equal: x == node.threshold
          case .different: x != node.threshold
          }
      at = isYes || (node.missingIsYes && x.isNaN) ? node.yes : node.no
    }
  }

  /// One row's scores.
  func evaluate(_ row: UnsafePointer<Float>, into scores: UnsafeMutablePointer<Float>) {
    let start: Float = sum == .least ? .infinity : sum == .most ? -.infinity : 0
    scores.update(repeating: start, count: targets)
    for root in roots {
      for place in leaf(root, row) {
        let (target, value) = weights[place]
        switch sum {
        case .sum, .average: scores[target] += value
        case .least: scores[target] = min(scores[target], value)
        case .most: scores[target] = max(scores[target], value)
        }
      }
    }
    for target in 0..<targets {
      // No leaf spoke of it; a sum that overflows stays what it is.
      if scores[target] == start { scores[target] = 0 }
      if sum == .average { scores[target] /= Float(roots.count) }
      if !base.isEmpty { scores[target] += base.count == 1 ? base[0] : base[target] }
    }
  }
}

/// The trees' scores, [B, targets].
struct TreeScores: Op {
  let trees: Trees
  func trainable(_ input: Int) -> Bool { false }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "X", rank: 2...2)
    guard x[1] >= trees.features else {
      throw GraphError(.shape, at: "input 'X'", expected: "at least \(trees.features) features", got: "\(x)")
    }
    return [TensorType([x[0], trees.targets])]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], trees = trees, features = x.shape[1], rows = x.shape[0]
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { for row in 0..<rows { trees.evaluate(from + row * features, into: to + row * trees.targets) } }
    }
  }
}

extension OnnxNode {
  /// Floats, or the doubles of the attribute that newer files have in their place.
  func reals(_ key: String) throws(GraphError) -> [Float] {
    if case .tensor(.float(let tensor))? = self["\(key)_as_tensor"] { return tensor.elements }
    return try floats(key) ?? []
  }
}

extension Trees {
  /// All attributes of nodes.
  static let nodeKeys = [
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values", "nodes_values_as_tensor",
    "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true", "nodes_hitrates",
    "nodes_hitrates_as_tensor", "base_values", "base_values_as_tensor", "post_transform",
  ]
}

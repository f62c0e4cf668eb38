import DitherBasics
import DitherGraph
import DitherTensor
import Testing

/// Ensembles of decision trees as ONNX-ML has them. The expected numbers follow from the trees by hand, and are
/// onnxruntime's.
@Suite("Trees")
struct TreeTests {
  /// x[1] ≤ 0.5 ? (x[0] < 0 ? leaf 3 : leaf 4) : leaf 2, and a tree of one leaf.
  static let nodes: [String: OnnxAttribute] = [
    "nodes_treeids": .ints([7, 7, 7, 7, 7, 9]), "nodes_nodeids": .ints([0, 1, 2, 3, 4, 0]),
    "nodes_featureids": .ints([1, 0, 0, 0, 0, 0]), "nodes_values": .floats([0.5, 0, 0, 0, 0, 0]),
    "nodes_modes": .strings(["BRANCH_LEQ", "BRANCH_LT", "LEAF", "LEAF", "LEAF", "LEAF"]),
    "nodes_truenodeids": .ints([1, 3, 0, 0, 0, 0]), "nodes_falsenodeids": .ints([2, 4, 0, 0, 0, 0]),
    "nodes_missing_value_tracks_true": .ints([0, 1, 0, 0, 0, 0]),
  ]
  private static func leaves(_ name: String, ids: [Int64], _ weights: [Float]) -> [String: OnnxAttribute] {
    [
      "\(name)_treeids": .ints([7, 7, 7, 9]), "\(name)_nodeids": .ints([3, 4, 2, 0]), "\(name)_ids": .ints(ids),
      "\(name)_weights": .floats(weights),
    ]
  }
  static let x = Tensor([4, 2], [-1, 0.5, 1, 0.25, 0, 0.75, .nan, 0])

  private func run(_ type: String, _ attributes: [String: OnnxAttribute]) throws -> (classes: [Int64], scores: [Float])
  {
    let isClassifier = type == "TreeEnsembleClassifier"
    let node = OnnxNode(
      name: "model", type: type, opset: 21, attributes: attributes, presentInputs: [true],
      outputCount: isClassifier ? 2 : 1)
    let builder = GraphBuilder(), input = builder.input("x", [2])
    let values = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), [input])
    let graph = builder.finish(outputs: values.enumerated().map { ("y\($0)", $1) })
    let again = try Graph(onnx: graph.onnx())
    let plan = try Plan(again, parameters: ParameterBuffers(again), options: .init(rows: 4))
    plan.write(.float(Self.x), to: 0)
    plan.forward()
    guard isClassifier else { return ([], Array(plan.output())) }
    return (Array(plan.outputs[0].bindMemory(to: Int64.self)), Array(plan.output(1)))
  }

  @Test(
    "what the leaves say is aggregated as asked",
    arguments: [
      ("SUM", [2, 3, 4, 2] as [Float]), ("AVERAGE", [1, 1.5, 2, 1]), ("MIN", [1, 1, 1, 1]), ("MAX", [1, 2, 3, 1]),
    ])
  func regression(_ sum: String, _ expected: [Float]) throws {
    var attributes = Self.nodes.merging(Self.leaves("target", ids: [0, 0, 0, 0], [1, 2, 3, 1])) { $1 }
    attributes["aggregate_function"] = .string(sum)
    #expect(try run("TreeEnsembleRegressor", attributes).scores == expected)
    attributes["base_values"] = .floats([10])
    #expect(try run("TreeEnsembleRegressor", attributes).scores == expected.map { $0 + 10 })
  }

  @Test("a sum that overflows is infinite, not 0")
  func overflow() throws {
    let leaves = Self.leaves("target", ids: [0, 0, 0, 0], [3e38, -3e38, 1, 3e38])
    let found = try run("TreeEnsembleRegressor", Self.nodes.merging(leaves) { $1 }).scores
    #expect(found == [.infinity, 0, 3e38, .infinity])
  }

  @Test("the class of the largest sum")
  func classes() throws {
    var attributes = Self.nodes.merging(Self.leaves("class", ids: [0, 1, 2, 1], [1, 1, 1, 0.5])) { $1 }
    attributes["classlabels_int64s"] = .ints([4, 6, 8])
    let found = try run("TreeEnsembleClassifier", attributes)
    #expect(found.classes == [4, 6, 8, 4])
    #expect(found.scores == [1, 0.5, 0, 0, 1.5, 0, 0, 0.5, 1, 1, 0.5, 0])
  }

  @Test("one score for two classes becomes a pair")
  func binary() throws {
    var attributes = Self.nodes.merging(Self.leaves("class", ids: [1, 1, 1, 1], [0.25, 0.5, 0.125, 0.125])) { $1 }
    attributes["classlabels_int64s"] = .ints([0, 1])
    var found = try run("TreeEnsembleClassifier", attributes)
    #expect(found.classes == [0, 1, 0, 0] && found.scores == [0.625, 0.375, 0.375, 0.625, 0.75, 0.25, 0.625, 0.375])
    attributes["class_weights"] = .floats([1, -1, 2, 0.5])
    found = try run("TreeEnsembleClassifier", attributes)
    #expect(found.classes == [1, 0, 1, 1] && found.scores == [-1.5, 1.5, 0.5, -0.5, -2.5, 2.5, -1.5, 1.5])
    attributes["post_transform"] = .string("LOGISTIC")
    found = try run("TreeEnsembleClassifier", attributes)
    #expect(abs(found.scores[1] - 0.81757448) < 1e-6 && abs(found.scores[0] + found.scores[1] - 1) < 1e-6)
  }

  @Test(
    "trees that are none are refused",
    arguments: [
      ["nodes_truenodeids": OnnxAttribute.ints([0, 3, 0, 0, 0, 0])],  // to itself
      ["nodes_truenodeids": .ints([1, 0, 0, 0, 0, 0])],  // back to the root: a circle
      ["nodes_truenodeids": .ints([2, 3, 0, 0, 0, 0])],  // both ways to one node
      ["nodes_truenodeids": .ints([1, 17, 0, 0, 0, 0])], ["nodes_nodeids": .ints([0, 1, 1, 3, 4, 0])],
      ["nodes_featureids": .ints([-1, 0, 0, 0, 0, 0])], ["nodes_featureids": .ints([2, 0, 0, 0, 0, 0])],
      ["nodes_values": .floats([0.5])], ["nodes_modes": .strings(["LEAF"])],
      ["nodes_modes": .strings(["BRANCH", "BRANCH_LT", "LEAF", "LEAF", "LEAF", "LEAF"])],
      ["target_ids": .ints([0, 0, 0, 1])], ["target_nodeids": .ints([3, 4, 2, 5])], ["target_weights": .floats([1])],
      ["n_targets": .int(0)], ["aggregate_function": .string("MEDIAN")], ["base_values": .floats([1, 2])],
    ])
  func refuses(_ change: [String: OnnxAttribute]) {
    let whole = Self.nodes.merging(Self.leaves("target", ids: [0, 0, 0, 0], [1, 2, 3, 1])) { $1 }
    #expect(throws: GraphError.self) { try run("TreeEnsembleRegressor", whole.merging(change) { $1 }) }
  }
}

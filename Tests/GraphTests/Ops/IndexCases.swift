import DitherGraph
import DitherTensor

/// Ops that pick and put by indices, that walk over time, sums in Einstein's notation, and trees.
extension OpCase {
  static let indexed: [OpCase] = [
    OpCase(
      "GatherElements", [.input([3, 4]), .indices([1, 2, 4], [0, 1, 2, -1, 2, 2, 0, 0])], ["axis": .int(1)],
      result: [1, 2, 4]),
    OpCase("GatherElements", [.input([3]), .indices([1, 5], [2, 2, 0, -1, 1])], ["axis": .int(-1)]),
    OpCase("GatherND", [.input([3, 4]), .indices([3, 2], [0, 1, 0, -1, -1, 1])], result: [3, 4]),
    OpCase("GatherND", [.input([3, 4]), .indices([1, 2, 3], [0, 1, 3, -1, 2, 0])], result: [1, 2]),
    OpCase(
      "ScatterElements", [.input([3, 4]), .indices([1, 1, 3], [0, 2, 1]), .parameter([1, 1, 3])],
      ["axis": .int(1)], result: [2, 3, 4]),
    OpCase(
      "ScatterElements", [.input([3]), .indices([1, 4], [0, 0, 2, -1]), .parameter([1, 4])],
      ["axis": .int(1), "reduction": .string("add")], result: [2, 3]),
    OpCase("ScatterND", [.input([3, 4]), .indices([2, 2], [0, 1, -1, 2]), .parameter([2, 4])], result: [2, 3, 4]),
    OpCase(
      "ScatterND", [.input([3]), .indices([3, 2], [0, 1, 0, 1, -1, -1]), .parameter([3])],
      ["reduction": .string("add")]),
    OpCase("TopK", [.input([6]), .integers([3])], of: 2, result: [2, 3]),
    OpCase(
      "TopK", [.input([4, 3]), .integers([2])], ["axis": .int(1), "largest": .int(0)], of: 2, result: [2, 2, 3]),
    OpCase("LpPool", [.input([4, 6, 5])], ["kernel_shape": .ints([2, 3])], result: [2, 4, 5, 3]),
    OpCase(
      "LpPool", [.input([3, 7])],
      ["kernel_shape": .ints([3]), "strides": .ints([2]), "pads": .ints([1, 1]), "p": .int(3)], range: 0.3...1.5,
      result: [2, 3, 4]),
    OpCase("GlobalLpPool", [.input([3, 4, 5])], ["p": .int(1)], result: [2, 3, 1, 1]),
    OpCase("Einsum", [.input([3, 4]), .parameter([4, 5])], ["equation": .string("bij,jk->bik")], result: [2, 3, 5]),
    OpCase(
      "Einsum", [.input([3, 2, 4]), .input([5, 2, 4])], ["equation": .string("bqhd, bkhd -> bhqk")],
      result: [2, 2, 3, 5]),
    OpCase("Einsum", [.input([3, 4]), .parameter([4])], ["equation": .string("...j,j")], result: [2, 3]),
    OpCase("Einsum", [.input([3, 4])], ["equation": .string("...ij->...ji")], result: [2, 4, 3]),
    OpCase("Einsum", [.input([4])], ["equation": .string("bi->b")], result: [2]),
    OpCase(
      "Einsum", [.input([3]), .parameter([3, 4]), .parameter([4, 2])], ["equation": .string("bi,ij,jk->bk")],
      result: [2, 2]),
    OpCase("Einsum", [.input([3, 3])], ["equation": .string("bii->bi")], result: [2, 3]),
    OpCase("Einsum", [.input([3, 2, 3])], ["equation": .string("...iji->...j")], result: [2, 2]),
    OpCase(
      "Einsum", [.input([3, 3]), .parameter([3, 3])], ["equation": .string("bij,jj->bi")], result: [2, 3]),
  ]

  static let recurrent: [OpCase] =
    ["RNN", "GRU", "LSTM"].flatMap { type -> [OpCase] in
      let gates = ["RNN": 1, "GRU": 3, "LSTM": 4][type] ?? 1, last = type == "LSTM" ? 2 : 1
      let both: [Operand] = [
        .input([3, 2]), .parameter([2, gates * 3, 2]), .parameter([2, gates * 3, 3]), .parameter([2, 2 * gates * 3]),
      ]
      return [
        // The rows are the moments.
        OpCase(
          type, both + [.none, .parameter([2, 3, 3])], ["hidden_size": .int(3), "direction": .string("bidirectional")],
          output: 1, of: last + 1, result: [2, 3, 3]),
        OpCase(
          type, both, ["hidden_size": .int(3), "layout": .int(1), "direction": .string("bidirectional")], of: last + 1,
          result: [2, 3, 2, 3]),
        OpCase(
          type, both, ["hidden_size": .int(3), "layout": .int(1), "direction": .string("bidirectional")], output: last,
          of: last + 1, result: [2, 2, 3]),
        OpCase(
          type,
          [.input([3, 2]), .parameter([1, gates * 3, 2]), .parameter([1, gates * 3, 3])],
          ["hidden_size": .int(3), "layout": .int(1), "direction": .string("reverse")], output: 1, of: last + 1),
      ]
    } + [
      OpCase(
        "GRU",
        [.input([4, 2]), .parameter([1, 9, 2]), .parameter([1, 9, 3]), .parameter([1, 18])],
        ["hidden_size": .int(3), "layout": .int(1), "linear_before_reset": .int(1)], of: 2, result: [2, 4, 1, 3]),
      OpCase(
        "LSTM",
        [
          .input([3, 2]), .parameter([1, 12, 2]), .parameter([1, 12, 3]), .parameter([1, 24]), .none, .none, .none,
          .parameter([1, 9]),
        ], ["hidden_size": .int(3), "layout": .int(1)], of: 3, result: [2, 3, 1, 3]),
    ]

  /// Two trees of three and one node.
  private static let trees: [String: OnnxAttribute] = [
    "nodes_treeids": .ints([0, 0, 0, 1]), "nodes_nodeids": .ints([0, 1, 2, 0]),
    "nodes_featureids": .ints([1, 0, 0, 0]), "nodes_values": .floats([0.1, 0, 0, 0]),
    "nodes_modes": .strings(["BRANCH_LEQ", "LEAF", "LEAF", "LEAF"]), "nodes_truenodeids": .ints([1, 0, 0, 0]),
    "nodes_falsenodeids": .ints([2, 0, 0, 0]),
  ]
  private static func leaves(_ name: String, _ targets: [Int64]) -> [String: OnnxAttribute] {
    [
      "\(name)_treeids": .ints([0, 0, 1]), "\(name)_nodeids": .ints([1, 2, 0]), "\(name)_ids": .ints(targets),
      "\(name)_weights": .floats([0.75, 0.5, 0.25]),
    ]
  }
  static let ensembles = [
    OpCase(
      "TreeEnsembleRegressor", [.input([3])],
      trees.merging(leaves("target", [0, 1, 1])) { $1 }.merging(["n_targets": .int(2)]) { $1 }, result: [2, 2]),
    OpCase(
      "TreeEnsembleClassifier", [.input([3])],
      trees.merging(leaves("class", [0, 1, 2])) { $1 }
        .merging(["classlabels_int64s": .ints([3, 5, 9]), "post_transform": .string("SOFTMAX")]) { $1 },
      output: 1, of: 2, result: [2, 3]),
  ]
}

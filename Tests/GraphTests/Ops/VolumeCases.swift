import DitherGraph
import DitherTensor

/// Convolutions and poolings of volumes, pictures read at places, support vectors and encoders.
extension OpCase {
  private static let volume: [Operand] = [.input([2, 3, 4, 3])]
  static let volumes: [OpCase] = [
    OpCase("Conv", volume + [.parameter([3, 2, 2, 3, 2]), .parameter([3])], result: [2, 3, 2, 2, 2]),
    OpCase(
      "Conv", volume + [.parameter([4, 1, 2, 2, 2])],
      [
        "group": .int(2), "pads": .ints([1, 0, 1, 0, 1, 0]), "strides": .ints([2, 1, 2]),
        "dilations": .ints([1, 2, 1]),
      ], result: [2, 4, 2, 3, 2]),
    OpCase("ConvTranspose", volume + [.parameter([2, 3, 2, 2, 2]), .parameter([3])], result: [2, 3, 4, 5, 4]),
    OpCase(
      "ConvTranspose", [.input([2, 2, 2, 3]), .parameter([2, 1, 2, 3, 2])],
      ["strides": .ints([2, 1, 2]), "pads": .ints([0, 1, 0, 1, 0, 0]), "group": .int(2)], result: [2, 2, 3, 3, 6]),
    OpCase(
      "MaxPool", volume,
      ["kernel_shape": .ints([2, 2, 2]), "strides": .ints([1, 2, 1]), "pads": .ints([1, 0, 0, 0, 0, 1])],
      result: [2, 2, 3, 2, 3]),
    OpCase(
      "AveragePool", volume,
      [
        "kernel_shape": .ints([2, 3, 2]), "strides": .ints([2, 2, 1]), "pads": .ints([0, 1, 1, 1, 0, 0]),
        "count_include_pad": .int(1), "ceil_mode": .int(1),
      ], result: [2, 2, 2, 2, 3]),
    OpCase("AveragePool", volume, ["kernel_shape": .ints([3, 2, 2]), "auto_pad": .string("SAME_UPPER")]),
    OpCase("LpPool", volume, ["kernel_shape": .ints([2, 2, 2])], result: [2, 2, 2, 3, 2]),
    OpCase("GridSample", [.input([2, 4, 5]), .input([3, 2, 2])], result: [2, 2, 3, 2]),
    OpCase("GridSample", [.input([2, 4, 5]), .input([3, 2, 2])], ["padding_mode": .string("border")]),
    OpCase(
      "GridSample", [.input([2, 4, 5]), .input([3, 2, 2])],
      ["padding_mode": .string("reflection"), "align_corners": .int(1)], opset: 16),
    OpCase("GridSample", [.input([2, 4, 5]), .input([3, 2, 2])], ["mode": .string("nearest")]),
  ]

  static let learned: [OpCase] = [
    svm(["kernel_type": .string("RBF"), "kernel_params": .floats([0.5, 0, 3])]),
    svm(["kernel_type": .string("POLY"), "kernel_params": .floats([0.5, 1, 2])]),
    svm(["kernel_type": .string("SIGMOID"), "kernel_params": .floats([0.25, 0.5, 3])]),
    OpCase(
      "SVMClassifier", [.input([2])],
      [
        "classlabels_ints": .ints([0, 1]), "coefficients": .floats([0.5, -0.25, -0.25]), "rho": .floats([0.3]),
        "support_vectors": .floats([0.5, 1, -1, 0.25, 2, 0.75]), "vectors_per_class": .ints([1, 2]),
        "prob_a": .floats([-2]), "prob_b": .floats([0.5]), "kernel_type": .string("RBF"),
        "kernel_params": .floats([0.5, 0, 3]),
      ], output: 1, of: 2, result: [2, 2]),
    OpCase(
      "SVMClassifier", [.input([2])],
      [
        "classlabels_strings": .strings(["a", "b"]), "coefficients": .floats([0.5, -0.25, -0.75, 1]),
        "rho": .floats([0.3]), "post_transform": .string("SOFTMAX"),
      ], output: 1, of: 2, result: [2, 2]),
    OpCase(
      "SVMRegressor", [.input([2])],
      [
        "coefficients": .floats([1, -0.5]), "rho": .floats([0.25]), "n_supports": .int(2),
        "support_vectors": .floats([0.5, 1, -1, 0.25]), "kernel_type": .string("RBF"),
        "kernel_params": .floats([0.5, 0, 3]),
      ], result: [2, 1]),
    OpCase("SVMRegressor", [.input([3])], ["coefficients": .floats([1, -0.5, 2]), "rho": .floats([0.25])]),
    OpCase("Imputer", [.input([3])], ["imputed_value_floats": .floats([1, 2, 3]), "replaced_value_float": .float(7)]),
    OpCase("OneHotEncoder", [.input([3])], ["cats_int64s": .ints([0, 4])], range: 0.2...0.8, result: [2, 3, 2]),
    OpCase(
      "LabelEncoder", [.input([3])],
      ["keys_floats": .floats([7, 9]), "values_floats": .floats([1, 2]), "default_float": .float(0.5)],
      result: [2, 3]),
  ]

  /// Three classes of one, two and one support vectors.
  private static func svm(_ attributes: [String: OnnxAttribute]) -> OpCase {
    let own: [String: OnnxAttribute] = [
      "classlabels_ints": .ints([4, 7, 9]), "coefficients": .floats([1, -0.5, 0.25, -1, 0.5, 0.75, -0.75, 0.5]),
      "rho": .floats([0.1, -0.2, 0.05]), "support_vectors": .floats([0.5, 1, -1, 0.25, 2, 0.75, -0.5, -1.5]),
      "vectors_per_class": .ints([1, 2, 1]),
    ]
    return OpCase(
      "SVMClassifier", [.input([2])], own.merging(attributes) { $1 }, output: 1, of: 2, result: [2, 3])
  }
}

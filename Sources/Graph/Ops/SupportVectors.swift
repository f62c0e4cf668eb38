import DitherBasics
import DitherTensor

/// Kernels of the features with support vectors: what ONNX-ML's support vector machines have in common.
/// - Source: ONNX-ML `SVMClassifier` and `SVMRegressor`, opset 1; Cortes and Vapnik 1995, doi 10.1007/BF00994018.
struct SupportVectors: Sendable {
  enum Kind: String, Sendable, CaseIterable { case linear = "LINEAR", poly = "POLY", rbf = "RBF", sigmoid = "SIGMOID" }
  private let kind: Kind
  private let gamma: Float, shift: Float, degree: Float
  /// [vectors, features], less `center`.
  private let vectors: Tensor
  /// [features]: subtracted from both sides of a distance, so that what they have in common does not cancel.
  private let center: [Float]
  private let squares: [Float]

  /// - Parameter count: the number of support vectors, at least 1.
  init(_ node: OnnxNode, count: Int) throws(GraphError) {
    let name = try node.string("kernel_type", default: "LINEAR")
    guard let kind = Kind(rawValue: name) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'kernel_type'",
        expected: Kind.allCases.map(\.rawValue).joined(separator: ", "), got: "'\(name.clipped())'")
    }
    let numbers = try node.floats("support_vectors") ?? [], parameters = try node.floats("kernel_params") ?? []
    guard count >= 1, !numbers.isEmpty, numbers.count % count == 0 else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'support_vectors'",
        expected: "as many numbers for each of \(count) support vectors", got: "\(numbers.count)")
    }
    guard [0, 3].contains(parameters.count) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'kernel_params'", expected: "gamma, coef0 and degree, or none",
        got: "\(parameters.count) numbers")
    }
    self.kind = kind
    (gamma, shift, degree) = parameters.isEmpty ? (0, 0, 0) : (parameters[0], parameters[1], parameters[2])
    let features = numbers.count / count
    var center = [Float](repeating: 0, count: features)
    if kind == .rbf {
      for feature in 0..<features {
        let sum = stride(from: feature, to: numbers.count, by: features).reduce(0.0) { $0 + Double(numbers[$1]) }
        center[feature] = Float(sum / Double(count))
      }
    }
    let moved = numbers.indices.map { numbers[$0] - center[$0 % features] }
    self.center = center
    vectors = Tensor([count, features], moved)
    squares = (0..<count).map { row in
      Float(moved[row * features..<(row + 1) * features].reduce(0.0) { $0 + Double($1) * Double($1) })
    }
  }

  /// [B, vectors].
  func kernels(_ x: Value) throws(GraphError) -> Value {
    let builder = x.builder, features = vectors.shape[1]
    guard x.shape[1] == features else {
      throw GraphError(.shape, at: "input 'X'", expected: "\(features) features", got: "\(x.shape)")
    }
    let table = builder.constant(.float(vectors))
    func products(_ x: Value) throws(GraphError) -> Value {
      try x.apply(MatMul(transposeA: false, transposeB: true), table)
    }
    switch kind {
    case .linear: return try products(x)
    case .poly: return try (gamma * products(x) + shift).power(degree)
    case .sigmoid: return try (gamma * products(x) + shift).map(.tanh)
    case .rbf:
      let moved = try x - builder.constant(.float(Tensor([features], center)))
      let own = try moved.sumOfSquares(to: [x.shape[0], 1])
      let theirs = builder.constant(.float(Tensor([squares.count], squares)))
      let distances = try (own + theirs - 2 * products(moved)).map(.relu)
      return try ((-gamma) * distances).map(.exp)
    }
  }
}

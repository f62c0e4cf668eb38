import DitherBasics
import DitherTensor

/// Support vector machines, one for each pair of classes: their decisions, or with `prob_a` and `prob_b` probabilities
/// that agree best with those of the pairs; and the class that most of them decide for. Without support vectors, a
/// weighted sum of the features for each class.
///
/// Of two classes the one decision s becomes [s, −s]: what is above 0 is for the first, as the label has it;
/// onnxruntime puts out [−s, s], of which the larger is the other class. No gradient passes through the probabilities
/// of three and more classes.
/// - Shapes: [B, features]; the classes [B] as int64 and the scores [B, classes], or [B, pairs] of three and more
///   classes without probabilities.
/// - Source: ONNX-ML `SVMClassifier`, opset 1; Platt 1999; Wu, Lin and Weng 2004, JMLR 5 (their second method).
struct SVMClassifier: Composite {
  static let onnx = OnnxName("SVMClassifier", since: 1, domain: OnnxName.learning)
  private let names: ClassNames
  private let transform: ScoreTransform
  private let vectors: SupportVectors?
  /// [vectors, pairs], or of the linear form [features, classes].
  private let weights: Tensor
  private let rho: [Float]
  /// The sigmoid of each pair's decision.
  private let sigmoids: (a: [Float], b: [Float])?
  private let attributes: [String: OnnxAttribute]

  /// The most weights that there may be of pairs with vectors, and with classes.
  private static let mostWeights = 1 << 25

  init(_ node: OnnxNode) throws(GraphError) {
    try node.allow(
      "classlabels_ints", "classlabels_strings", "coefficients", "kernel_params", "kernel_type", "post_transform",
      "prob_a", "prob_b", "rho", "support_vectors", "vectors_per_class")
    func refused(_ keys: String, _ expected: String, _ got: String) -> GraphError {
      GraphError(.attribute, at: "\(node.place), attribute '\(keys)'", expected: expected, got: got)
    }
    names = try ClassNames(node, integers: "classlabels_ints")
    transform = try ScoreTransform(node, among: [.none, .softmax, .logistic])
    attributes = node.attributes
    let given = try node.floats("coefficients") ?? [], rho = try node.floats("rho") ?? []
    let sizes = try node.ints("vectors_per_class") ?? [], classes = names.count
    guard !sizes.isEmpty else {
      guard !given.isEmpty, given.count % classes == 0, rho.count >= 1 else {
        throw refused(
          "coefficients' and 'rho", "a row of numbers for each of \(classes) classes, and a rho",
          "\(given.count) and \(rho.count)")
      }
      vectors = nil
      weights = Tensor([classes, given.count / classes], given).transposed
      self.rho = [Float](repeating: rho[0], count: classes)
      sigmoids = nil
      return
    }
    let most = try node.floats("support_vectors")?.count ?? 0, pairs = classes * (classes - 1) / 2
    guard sizes.count == classes, sizes.allSatisfy({ (0...most).contains($0) }), sizes.reduce(0, +) >= 1 else {
      throw refused("vectors_per_class", "\(classes) counts of support vectors", "\(sizes.prefix(9))")
    }
    let count = sizes.reduce(0, +)
    guard given.count == (classes - 1) * count, rho.count == pairs else {
      throw refused(
        "coefficients' and 'rho", "\(classes - 1) numbers for each of \(count) support vectors, and \(pairs)",
        "\(given.count) and \(rho.count)")
    }
    // Neither product overflows: the lists are part of a file.
    guard count * pairs <= Self.mostWeights, pairs * classes <= Self.mostWeights else {
      throw GraphError(
        .tooLarge, at: node.place, expected: "at most \(Self.mostWeights) pairs, multiplied by vectors or classes",
        got: "\(pairs) pairs of \(classes) classes, \(count) vectors")
    }
    let a = try node.floats("prob_a") ?? [], b = try node.floats("prob_b") ?? []
    guard a.count == b.count, a.isEmpty || a.count == pairs else {
      throw refused("prob_a' and 'prob_b", "none, or \(pairs), one for each pair", "\(a.count) and \(b.count)")
    }
    vectors = try SupportVectors(node, count: count)
    weights = Self.weights(given, sizes, count: count)
    self.rho = rho
    sigmoids = a.isEmpty ? nil : (a, b)
  }
  func write(to node: inout OnnxNode) { node.attributes = attributes }
  var classLabels: [String]? { names.texts }
  func trainable(_ input: Int) -> Bool { false }

  /// Each pair (i, j), i < j, in order: row j − 1 of the coefficients for the vectors of class i, row i for those of j.
  private static func pairs(_ classes: Int) -> [(i: Int, j: Int)] {
    (0..<classes).flatMap { i in ((i + 1)..<max(classes, i + 1)).map { (i, $0) } }
  }
  private static func weights(_ given: [Float], _ sizes: [Int], count: Int) -> Tensor {
    let pairs = pairs(sizes.count)
    var starts = [0], result = Tensor(zeros: [count, pairs.count])
    for size in sizes { starts.append(starts[starts.count - 1] + size) }
    for (pair, (i, j)) in pairs.enumerated() {
      for vector in starts[i]..<starts[i + 1] {
        result.elements[vector * pairs.count + pair] = given[(j - 1) * count + vector]
      }
      for vector in starts[j]..<starts[j + 1] {
        result.elements[vector * pairs.count + pair] = given[i * count + vector]
      }
    }
    return result
  }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    let x = try inputs.featureTable(), terms = try vectors?.kernels(x) ?? x
    guard terms.shape[1] == weights.shape[0] else {
      throw GraphError(.shape, at: "input 'X'", expected: "\(weights.shape[0]) features", got: "\(x.shape)")
    }
    func constant(_ numbers: [Float]) -> Value { builder.constant(.float(Tensor([numbers.count], numbers))) }
    let scores = try terms.apply(MatMul(), builder.constant(.float(weights))) + constant(rho)
    guard vectors != nil else { return try [names.best(of: scores), transform.applied(to: scores)] }
    let label = try names.best(of: votes(scores, builder))
    if let sigmoids {
      let pairs = try (-(scores * constant(sigmoids.a) + constant(sigmoids.b))).map(.sigmoid)
      return [label, try transform.applied(to: probabilities(pairs, builder))]
    }
    let shown = names.count == 2 ? try builder.apply(Concat(axis: 1), [scores, -scores])[0] : scores
    return [label, try transform.applied(to: shown)]
  }

  /// [B, classes]: how many decisions are for each.
  private func votes(_ scores: Value, _ builder: GraphBuilder) throws(GraphError) -> Value {
    let pairs = Self.pairs(names.count), classes = names.count
    var turned = Tensor(zeros: [pairs.count, classes]), base = [Float](repeating: 0, count: classes)
    for (pair, (i, j)) in pairs.enumerated() {
      turned.elements[pair * classes + i] = 1
      turned.elements[pair * classes + j] = -1
      base[j] += 1
    }
    let first = try builder.scalar(0).apply(Binary(.less), scores)
    return try first.apply(MatMul(), builder.constant(.float(turned)))
      + builder.constant(.float(Tensor([classes], base)))
  }

  /// - Parameter pairs: [B, pairs], the probability of each pair's first class.
  private func probabilities(_ pairs: Value, _ builder: GraphBuilder) throws(GraphError) -> Value {
    let least: Float = 1e-7
    let held = try pairs.apply(Binary(.maximum), builder.scalar(least)).apply(
      Binary(.minimum), builder.scalar(1 - least))
    guard names.count > 2 else { return try builder.apply(Concat(axis: 1), [held, -held + 1])[0] }
    return try held.apply(PairCoupling(classes: names.count))
  }
}

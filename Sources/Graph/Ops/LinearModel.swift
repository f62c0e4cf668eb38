import DitherBasics
import DitherTensor

/// The last step of ONNX-ML's models, on their scores.
enum ScoreTransform: String, Sendable {
  case none = "NONE", softmax = "SOFTMAX", logistic = "LOGISTIC"

  init(_ node: OnnxNode, among allowed: [ScoreTransform]) throws(GraphError) {
    let name = try node.string("post_transform", default: "NONE")
    guard let known = ScoreTransform(rawValue: name), allowed.contains(known) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute 'post_transform'",
        expected: allowed.map(\.rawValue).joined(separator: ", "), got: "'\(name.clipped())'")
    }
    self = known
  }
  func write(to node: inout OnnxNode) { if self != .none { node["post_transform"] = .string(rawValue) } }

  func applied(to scores: Value) throws(GraphError) -> Value {
    switch self {
    case .none: try scores.copied()
    case .softmax: try scores.apply(Softmax(axis: -1))
    case .logistic: try scores.map(.sigmoid)
    }
  }
}

/// The classes of ONNX-ML's classifiers: numbers, or texts, which are put out as their positions.
struct ClassNames: Sendable {
  private let numbers: [Int64]?
  private let strings: [String]?
  var count: Int { numbers?.count ?? strings?.count ?? 0 }
  var texts: [String]? { strings ?? numbers?.map { String($0) } }

  init(_ node: OnnxNode, integers: String) throws(GraphError) {
    if case .strings(let found)? = node["classlabels_strings"], !found.isEmpty {
      strings = found
    } else {
      strings = nil
    }
    let found = try node.ints(integers) ?? []
    numbers = strings == nil && !found.isEmpty ? found.map(Int64.init) : nil
    guard (2...1 << 16).contains(count) else {
      throw GraphError(
        .attribute, at: "\(node.place), attribute '\(integers)' or 'classlabels_strings'",
        expected: "2 to \(1 << 16) classes", got: "\(count)")
    }
  }
  func write(to node: inout OnnxNode, integers: String) {
    if let numbers { node[integers] = .ints(numbers) }
    if let strings { node["classlabels_strings"] = .strings(strings) }
  }

  /// The class of the largest score of each row.
  func best(of scores: Value) throws(GraphError) -> Value {
    let argument = OnnxNode(
      name: "", type: ArgMax.onnx.type, opset: 21, attributes: ["axis": .int(1), "keepdims": .int(0)])
    let position = try scores.apply(ArgMax(argument))
    guard let numbers, numbers != (0..<Int64(numbers.count)).map({ $0 }) else { return position }
    return try scores.builder.constant(.int64([numbers.count], numbers)).apply(Gather(axis: 0), position)
  }
}

/// The weights of ONNX-ML's linear models.
struct LinearModel: Sendable {
  let targets: Int
  let transform: ScoreTransform
  private let coefficients: [Float]
  private let intercepts: [Float]

  init(_ node: OnnxNode, targets: Int, transforms: [ScoreTransform]) throws(GraphError) {
    coefficients = try node.floats("coefficients") ?? []
    intercepts = try node.floats("intercepts") ?? []
    transform = try ScoreTransform(node, among: transforms)
    self.targets = targets
    guard targets >= 1, !coefficients.isEmpty, coefficients.count % targets == 0,
      intercepts.isEmpty || intercepts.count == targets
    else {
      throw GraphError(
        .attribute, at: "\(node.place), attributes 'coefficients' and 'intercepts'",
        expected: "a row of numbers for each of \(targets) targets, and an intercept for each or none",
        got: "\(coefficients.count) and \(intercepts.count) numbers")
    }
  }
  func write(to node: inout OnnxNode) {
    node["coefficients"] = .floats(coefficients)
    if !intercepts.isEmpty { node["intercepts"] = .floats(intercepts) }
    transform.write(to: &node)
  }

  /// [B, targets].
  func scores(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> Value {
    let x = try inputs.featureTable(), features = coefficients.count / targets
    guard x.shape[1] == features else {
      throw GraphError(.shape, at: "input 'X'", expected: "\(features) features", got: "\(x.shape)")
    }
    let weights = builder.constant(.float(Tensor([targets, features], coefficients)))
    let products = try x.apply(MatMul(transposeA: false, transposeB: true), weights)
    return intercepts.isEmpty ? products : try products + builder.constant(.float(Tensor([targets], intercepts)))
  }
}

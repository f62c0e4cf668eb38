import DitherBasics
import DitherTensor

/// The p of ONNX's pooled p-norms, (Σ |x|ᵖ)^(1/p).
struct PowerNorm: Sendable {
  private let p: Int
  init(_ node: OnnxNode) throws(GraphError) {
    p = try node.int("p", default: 2)
    guard (1...64).contains(p) else {
      throw GraphError(.attribute, at: "\(node.place), attribute 'p'", expected: "1 to 64", got: "\(p)")
    }
  }
  func write(to node: inout OnnxNode) { if p != 2 { node["p"] = .int(Int64(p)) } }

  /// |x|ᵖ.
  func power(_ x: Value) throws(GraphError) -> Value {
    switch p {
    case 1: try x.map(.abs)
    case 2: try x * x
    default: try x.map(.abs).power(Float(p))
    }
  }
  /// x^(1/p).
  func root(_ x: Value) throws(GraphError) -> Value {
    switch p {
    case 1: try x.copied()
    case 2: try x.map(.squareRoot)
    default: try x.power(1 / Float(p))
    }
  }
}

import DitherBasics
import DitherGraph
import DitherTensor

/// Dense layers with ReLUs between.
public struct MLP: Architecture {
  public static let name = "mlp"
  /// The widths of the hidden layers.
  public var hidden = [256, 128]
  public init() {}
  public func check() throws(CatalogError) { try require(hidden, "hidden") }

  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    let builder = GraphBuilder(name: Self.name)
    var initializer = Initializer(seed: seed)
    var x = builder.input("input", input.dimensions)
    if input.rank > 1 { x = try builder.flatten(x, name: "flatten") }
    var width = input.count
    for (index, next) in (hidden + [outputs]).enumerated() {
      let weight = try builder.parameter("dense\(index).weight", initializer.weights([next, width]))
      let bias = builder.parameter("dense\(index).bias", Tensor(zeros: [next]))
      let isLast = index == hidden.count
      x = try builder.dense(x, weight, bias, name: isLast ? "logits" : "dense\(index)")
      if !isLast { x = try builder.relu(x, name: "relu\(index)") }
      width = next
    }
    return builder.finish(outputs: [("logits", x)])
  }
}

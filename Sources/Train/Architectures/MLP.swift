import DitherBasics
import DitherGraph
import DitherTensor

/// Dense layers with ReLUs between.
public struct MLP: Architecture {
  public static let name = "mlp"
  /// The widths of the hidden layers.
  public var hidden = [256, 128]
  /// Between each hidden layer and its ReLU.
  public var normalization = Normalization.none
  public init() {}
  public func check() throws(CatalogError) { try require(hidden, "hidden") }

  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    let builder = GraphBuilder(name: Self.name)
    var initializer = Initializer(seed: seed)
    var x = builder.input("input", input.dimensions)
    if input.rank > 1 { x = try builder.flatten(x, name: "flatten") }
    x = try builder.denseLayers(
      x, features: input.count, hidden: hidden, outputs: outputs, normalization: normalization, relu: "relu",
      &initializer)
    return builder.finish(outputs: [("logits", x)])
  }
}

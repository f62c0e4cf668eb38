import DitherBasics
import DitherGraph
import DitherTensor

/// A network to train, before it has weights.
public protocol Architecture: Codable, Sendable {
  /// Its name in recipes.
  static var name: String { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// - Parameters:
  ///   - input: the shape of one example.
  ///   - outputs: numbers of one answer: class scores, or values.
  ///   - seed: of the first weights.
  /// - Returns: a graph with one input "input" and one output "logits" [batch, outputs].
  func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph
}

extension Catalog where Entry == any Architecture.Type {
  /// Every architecture that a recipe may name.
  public static let architectures = Catalog("architecture", [MLP.self, CNN.self, ResNet.self], name: { $0.name })
}

/// First weights: N(0, 2 / inputs), He et al. 2015, arXiv 1502.01852; biases 0.
struct Initializer {
  let seed: UInt64
  private var layer: UInt32 = 0
  init(seed: UInt64) { self.seed = seed }

  mutating func weights(_ shape: Shape) -> Tensor {
    layer += 1
    let deviation = (2 / Float(max(shape.row.count, 1))).squareRoot()
    let draws = NoiseAddress(seed: mixSeed(seed, 0x1217), site: layer).normals(shape.count)
    return Tensor(shape, draws.map { deviation * $0 })
  }
}

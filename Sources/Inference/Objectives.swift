import DitherBasics
import DitherTensor

/// The function that training lowers: how far an answer is from its target, with its derivatives for the model's
/// output. The one home of these formulas, for training, attacks and metrics.
///
/// An objective is one file and one line below: recipes, training and the tests over all objectives read the catalog.
public protocol Objective: Codable, Sendable, Ranged {
  /// Its name in recipes.
  static var name: String { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// Tasks that it can train, the usual one first.
  static var tasks: [ModelTask.Kind] { get }
  /// - Parameters:
  ///   - output: one row of the model's output, `outputWidth` numbers: logits, or values.
  ///   - target: a class where the task has classes, else as many values as the answer has.
  ///   - gradient: gets the derivatives for the output.
  /// - Returns: the value, in nats or in the square of the target's unit.
  func value(
    _ output: UnsafeBufferPointer<Float>, _ target: Targets.Row, gradient: UnsafeMutableBufferPointer<Float>
  ) -> Float
}

extension Objective {
  /// The values of a batch, and their derivatives times `weight`.
  /// - Parameters:
  ///   - outputs: [B, outputWidth].
  ///   - gradient: as many numbers.
  public func values(
    _ outputs: UnsafeBufferPointer<Float>, _ targets: Targets, weight: Float,
    gradient: UnsafeMutableBufferPointer<Float>
  ) -> [Float] {
    let width = outputs.count / max(targets.count, 1)
    return (0..<targets.count).map { row in
      let place = row * width..<(row + 1) * width
      let own = UnsafeMutableBufferPointer(rebasing: gradient[place])
      let value = value(UnsafeBufferPointer(rebasing: outputs[place]), targets[row], gradient: own)
      for i in own.indices { own[i] *= weight }
      return value
    }
  }
}

extension Catalog where Entry == any Objective.Type {
  /// Every objective that a recipe may name.
  public static let objectives = Catalog(
    "objective", [CrossEntropy.self, SquaredError.self, GaussianLikelihood.self, Pinball.self], name: { $0.name })
}

import DitherBasics

/// A mean of the parameters over a training's steps, which is what the model that is saved has.
///
/// Its properties are its parameters: keys of a recipe's `average`. It lies in a buffer of the parameters' size, with
/// running statistics of normalization, which begins as they do and is kept in the checkpoint.
public protocol Average: Codable, Sendable, Ranged {
  /// Its name in recipes.
  static var name: String { get }
  /// The defaults, over which a recipe's parameters are laid.
  init()
  /// Moves the mean behind a step, and the parameters where the mean is where they go on from.
  /// - Parameters:
  ///   - number: the step's, from 1.
  ///   - progress: the share of all steps that are done, this one with them.
  func take(
    _ values: UnsafeMutableBufferPointer<Float>, number: Int, progress: Double,
    into mean: UnsafeMutableBufferPointer<Float>)
}

extension Catalog where Entry == any Average.Type {
  /// Every average that a recipe may name.
  public static let averages = Catalog("average", [EMA.self, Lookahead.self], name: { $0.name })
}

extension Average {
  /// mean + share · (values − mean), in place.
  func mix(
    _ share: Double, of values: UnsafeMutableBufferPointer<Float>, into mean: UnsafeMutableBufferPointer<Float>
  ) {
    let share = Float(share)
    for i in mean.indices { mean[i] += share * (values[i] - mean[i]) }
  }
}

import DitherBasics

/// Moves parameters along gradients.
public protocol Optimizer: Codable, Sendable {
  static var name: String { get }
  init()
  /// The learning rate that the schedule scales.
  var rate: Double { get }
  /// How many buffers of the parameters' size it keeps between steps.
  static var stateCount: Int { get }
  /// - Parameters:
  ///   - state: `stateCount` buffers, zero before the first step.
  ///   - step: counts from 1.
  func update(
    _ weights: UnsafeMutableBufferPointer<Float>, _ gradients: UnsafeBufferPointer<Float>,
    state: [UnsafeMutableBufferPointer<Float>], rate: Double, step: Int)
}

extension Catalog where Entry == any Optimizer.Type {
  public static let optimizers = Catalog("optimizer", [SGD.self, Adam.self, AdamW.self], name: { $0.name })
}

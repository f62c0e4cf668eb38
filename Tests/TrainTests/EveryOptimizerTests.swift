import DitherBasics
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

/// What holds for every optimizer of the catalog.
@Suite("Every optimizer")
struct EveryOptimizerTests {
  /// One parameter that an optimizer moves by itself: no network around it.
  private final class Lone {
    var values: [Float]
    var state: [[Float]]
    let optimizer: any Optimizer
    let shape: Shape
    private var step = 0

    init(_ optimizer: any Optimizer, _ shape: Shape, seed: UInt64) {
      self.optimizer = optimizer
      self.shape = shape
      values = Tensor.random(shape, seed: seed).elements
      state = (0..<optimizer.stateCount).map { _ in [Float](repeating: 0, count: shape.count) }
    }

    /// A step along the gradient of `slope` at the values as they are.
    func move(rate: Double, _ slope: ([Float]) -> [Float]) {
      step += 1
      viewed([Float](repeating: 0, count: shape.count)) { optimizer.prepare($0, step: step) }
      viewed(slope(values)) { optimizer.update($0, rate: rate, step: step) }
    }

    private func viewed(_ gradient: [Float], _ body: (ParameterView) -> Void) {
      var flat = state.flatMap { $0 }
      let count = shape.count
      values.withUnsafeMutableBufferPointer { values in
        gradient.withUnsafeBufferPointer { gradient in
          flat.withUnsafeMutableBufferPointer { flat in
            let buffers = state.indices.map {
              UnsafeMutableBufferPointer(rebasing: flat[$0 * count..<($0 + 1) * count])
            }
            body(
              ParameterView(
                name: "dense0.weight", shape: shape, values: values, gradient: gradient, state: buffers,
                address: NoiseAddress(seed: 11, site: 0, sample: UInt32(step)), examples: 10_000))
          }
        }
      }
      state = state.indices.map { Array(flat[$0 * count..<($0 + 1) * count]) }
    }

    func copy() -> Lone {
      let other = Lone(optimizer, shape, seed: 0)
      (other.values, other.state, other.step) = (values, state, step)
      return other
    }
  }

  /// Half the squared distance from 2, steeper along some coordinates than along others.
  private func bowl(_ values: [Float]) -> [Float] {
    values.enumerated().map { Float($0 % 4 + 1) * ($1 - 2) }
  }
  private func height(_ values: [Float]) -> Float {
    values.enumerated().reduce(0) { $0 + 0.5 * Float($1.offset % 4 + 1) * ($1.element - 2) * ($1.element - 2) }
  }

  static let shapes: [Shape] = [[7], [3, 5], [4, 2, 3, 3]]

  @Test("goes down a bowl", arguments: Catalog.optimizers.names, shapes)
  func descends(_ name: String, _ shape: Shape) throws {
    let lone = Lone(try Catalog.optimizers.entry(named: name).init(), shape, seed: 4), start = height(lone.values)
    for _ in 0..<400 { lone.move(rate: 0.02, bowl) }
    #expect(height(lone.values) < 0.02 * start)
    #expect(lone.values.allSatisfy(\.isFinite) && lone.state.joined().allSatisfy(\.isFinite))
  }

  @Test("its first step goes down, at a small rate", arguments: Catalog.optimizers.names, shapes)
  func firstStep(_ name: String, _ shape: Shape) throws {
    let lone = Lone(try Catalog.optimizers.entry(named: name).init(), shape, seed: 7), start = height(lone.values)
    lone.move(rate: 1e-3, bowl)
    #expect(height(lone.values) < start)
  }

  @Test("without a gradient and without decay nothing moves", arguments: Catalog.optimizers.names, shapes)
  func zeroGradient(_ name: String, _ shape: Shape) throws {
    func still<O: Optimizer>(_ optimizer: O) throws -> O {
      // Samplers draw beside their steps.
      let keys = Parameters.keys(of: optimizer), off = ["decay", "temperature"].filter { keys.contains($0) }
      return try Parameters.overlay(
        Dictionary(uniqueKeysWithValues: off.map { ($0, "0") }), on: optimizer, of: name)
    }
    let lone = Lone(try still(try Catalog.optimizers.entry(named: name).init()), shape, seed: 8), start = lone.values
    for _ in 0..<3 { lone.move(rate: 0.1) { $0.map { _ in 0 } } }
    #expect(lone.values == start && lone.state.joined().allSatisfy(\.isFinite))
  }

  @Test("decay of weights only spares vectors, and is otherwise the same", arguments: Catalog.optimizers.names, shapes)
  func decayOfWeights(_ name: String, _ shape: Shape) throws {
    func made<O: Optimizer>(_ optimizer: O, _ isOfWeightsOnly: Bool) throws -> any Optimizer {
      var settings = ["decay": "0.1", "decay_weights_only": "\(isOfWeightsOnly)"]
      if Parameters.keys(of: optimizer).contains("temperature") { settings["temperature"] = "0" }
      return try Parameters.overlay(settings, on: optimizer, of: name)
    }
    func moved(_ isOfWeightsOnly: Bool) throws -> [Float] {
      let lone = Lone(try made(try Catalog.optimizers.entry(named: name).init(), isOfWeightsOnly), shape, seed: 8)
      for _ in 0..<3 { lone.move(rate: 0.1) { $0.map { _ in 0 } } }
      return lone.values
    }
    let start = Tensor.random(shape, seed: 8).elements
    #expect(try moved(false) != start)
    #expect(try moved(true) == (shape.rank == 1 ? start : moved(false)))
  }

  @Test("a learning rate of 0 moves nothing", arguments: Catalog.optimizers.names, shapes)
  func standsStill(_ name: String, _ shape: Shape) throws {
    let lone = Lone(try Catalog.optimizers.entry(named: name).init(), shape, seed: 5), start = lone.values
    for _ in 0..<5 { lone.move(rate: 0, bowl) }
    #expect(lone.values == start)
  }

  @Test("its state is all that it remembers", arguments: Catalog.optimizers.names, shapes)
  func resumes(_ name: String, _ shape: Shape) throws {
    let whole = Lone(try Catalog.optimizers.entry(named: name).init(), shape, seed: 6)
    for _ in 0..<7 { whole.move(rate: 0.01, bowl) }
    let resumed = whole.copy()
    for _ in 0..<6 {
      whole.move(rate: 0.01, bowl)
      resumed.move(rate: 0.01, bowl)
    }
    #expect(whole.values == resumed.values && whole.state == resumed.state)
  }

  @Test("has a learning rate, and refuses what it does not know", arguments: Catalog.optimizers.names)
  func parameters(_ name: String) throws {
    func check<O: Optimizer>(_ optimizer: O) throws {
      #expect(optimizer.rate > 0 && (0...8).contains(optimizer.stateCount))
      #expect(try Parameters.overlay(["rate": "0.25"], on: optimizer, of: name).rate == 0.25)
      #expect {
        _ = try Parameters.overlay(["ratte": "0.25"], on: optimizer, of: name)
      } throws: { "\($0)".contains("did you mean 'rate'?") }
    }
    try check(try Catalog.optimizers.entry(named: name).init())
  }
}

import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

/// What noise adds to the squared error of a linear model, in closed form. Sources: Bishop 1995, "Training with noise is
/// equivalent to Tikhonov regularization", Neural Computation 7(1), equation 16, whose identity is exact here; the
/// others follow alike: E (e + n)² = e² + E n² for noise n of mean 0 that does not depend on e.
@Suite("Noise on a linear model is a penalty that is known")
struct NoiseFactTests {
  private static let rows = 1024, width = 3
  private static let data = Dataset(
    name: "own", inputs: Tensor.random([rows, width], seed: 8),
    targets: .values(Tensor.random([rows, 1], seed: 9)), targetNames: ["y"])

  /// The mean loss of a training that moves nothing, and the weights of its layer.
  private static func loss(_ noise: String, epochs: Int) throws -> (mean: Double, weights: [Double]) {
    let recipe = try Recipe(
      yaml: """
        name: linear
        data: own
        model: {kind: mlp, hidden: []}
        parameter_groups: [{rate: 0}]
        epochs: \(epochs)
        batch: 256
        \(noise)
        """)
    let trainer = try Trainer(recipe, data: data, threads: 1)
    var sum = 0.0
    try trainer.run(record: { sum += $0.loss })
    let graph = try trainer.snapshot()
    let weights = graph.literals.first { graph.valueNames[$0.key.index] == "dense0.weight" }
    guard case .float(let tensor)? = weights?.value, tensor.count == width else { return (.nan, []) }
    return (sum / Double(epochs), tensor.elements.map(Double.init))
  }

  /// By what each noise of deviation 0.5 raises the loss, of the weights and the squares' means of the inputs.
  private static let facts: [(noise: String, rise: @Sendable ([Double], [Double]) -> Double)] = [
    // Tikhonov: σ² ‖w‖².
    ("noise: [{site: input, sigma: 0.5}]", { w, _ in 0.25 * w.reduce(0) { $0 + $1 * $1 } }),
    // No decay: σ² E ‖x‖², whatever the weights are.
    ("noise: [{site: weights, sigma: 0.5}]", { _, x in 0.25 * x.reduce(0, +) }),
    ("noise: [{site: weights, distribution: laplace, sigma: 0.5, draws: example}]", { _, x in 0.25 * x.reduce(0, +) }),
    // The Gaussian equivalent of L2 decay: σ² Σ w² E x².
    (
      "noise: [{site: weights, sigma: 0.5, scale: relative}]",
      { w, x in 0.25 * zip(w, x).reduce(0) { $0 + $1.0 * $1.0 * $1.1 } }
    ),
    ("strategies: [{kind: target_noise, sigma: 0.5}]", { _, _ in 0.25 }),
  ]

  @Test("the squared error rises by the penalty", arguments: facts.indices)
  func rises(_ number: Int) throws {
    let (noise, rise) = Self.facts[number], epochs = 24
    let (clean, weights) = try Self.loss("", epochs: 1), (noisy, same) = try Self.loss(noise, epochs: epochs)
    #expect(weights == same && weights.count == Self.width)
    let squares = (0..<Self.width).map { column in
      (0..<Self.rows).reduce(0.0) { $0 + pow2(Self.data.inputs.elements[$1 * Self.width + column]) } / Double(Self.rows)
    }
    let expected = rise(weights, squares)
    // A draw's error is 2 e n + n²: its deviation is below that of e and n apart.
    let deviation = (4 * clean * expected + 12 * expected * expected).squareRoot()
    let standardError = deviation / Double(Self.rows * epochs).squareRoot()
    #expect(
      abs(noisy - clean - expected) < 4 * standardError && standardError < 0.1 * expected,
      "rose by \(noisy - clean), expected \(expected) ± \(standardError)")
  }

  private func pow2(_ x: Float) -> Double { Double(x) * Double(x) }
}

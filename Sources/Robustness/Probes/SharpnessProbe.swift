import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// How sharp the minimum is that the weights lie in: eigenvalues, trace and density of the Hessian of the mean loss, and the rise of
/// the loss in a ball. Scaling the layers of a ReLU net can fake flatness (Dinh et al. 2017, arXiv 1703.04933), so each measure has
/// one beside it that such scaling leaves as it is: of the Hessian in units of |w|, D H D with D = diag |w| (Kwon et al. 2021, arXiv
/// 2102.11600).
///
/// Sources: Yao et al. 2020, arXiv 1912.07145 (PyHessian): Hutchinson's trace, stochastic Lanczos quadrature; Foret et al. 2021, arXiv
/// 2010.01412: sharpness in a ball.
struct SharpnessProbe: Probe {
  static let name = "sharpness"
  static let summary = "Hessian of the loss: largest eigenvalue, trace, density; rise of the loss in a ball"
  /// Lanczos steps of each run.
  var lanczos = 24
  /// Random vectors for trace and density.
  var vectors = 3
  /// The radius of the ball, in units of the weights.
  var rho = 0.05
  /// Examples that the loss is a mean over, at most.
  var examples = 256

  func validate() throws(RobustnessError) {
    try require(lanczos, in: 3...200, "lanczos")
    try require(vectors, in: 1...100, "vectors")
    try require(rho, in: 1e-6...100, "rho")
    try require(examples, in: 1...100_000, "examples")
  }
  var takesAllExamples: Bool { true }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    // Of two spectra. A product is two gradients and about 16 passes over the weights; every vector of the basis is taken off it twice,
    // by a dot product and a sum.
    let products = 2 * lanczos * vectors, rows = min(examples, self.examples)
    return ProbeCost(
      forward: examples * draws + 2 * rows, gradient: rows * (2 * products + 1),
      sweeps: products * (16 + 2 * (lanczos + 1)))
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Outcome.clean(batch, predictor), summary = Summary()
    let landscape = try WeightLandscape(batch.prefix(examples), predictor)
    let clean = try landscape.evaluate(landscape.start, wantsGradient: true), p = Double(landscape.start.count)
    let plain = try spectrum(landscape, batch.seed) { $0 }
    let sizes = landscape.start.map { abs($0) }
    let scaled = try spectrum(landscape, batch.seed) { vector in zip(vector, sizes).map { $0 * $1 } }
    summary.add("loss", clean.loss, n: min(examples, batch.labels.count), "mean cross-entropy that is looked at")
    summary.add("lambda_max", plain.largest, "largest eigenvalue of the Hessian")
    summary.add("trace", plain.trace.value, plain.trace.interval, n: vectors, "trace of the Hessian (Hutchinson)")
    summary.add("trace_per_parameter", plain.trace.value / p, "its mean eigenvalue")
    summary.add("relative_lambda_max", scaled.largest, "largest eigenvalue in units of |w|: rescaling layers leaves it")
    summary.add("relative_trace", scaled.trace.value, scaled.trace.interval, n: vectors, "trace in units of |w|")
    summary.add("sam_sharpness", try rise(landscape, clean) { $0 }, "rise of the loss within ρ = \(rho)")
    summary.add(
      "asam_sharpness", try rise(landscape, clean) { zip($0, sizes).map { $0 * $1 } },
      "rise of the loss within ρ = \(rho) in units of |w|")
    summary.add(
      .init(
        chart: "Density of the Hessian's eigenvalues", name: "stochastic Lanczos quadrature", x: "eigenvalue",
        y: "log10 density", points: plain.density))
    outcome.summary = summary
    return outcome
  }

  private struct Spectrum {
    var largest: Double
    var trace: (value: Double, interval: Interval?)
    var density: [Summary.Point]
  }

  /// Of D H D, where `scale` multiplies by D.
  private func spectrum(
    _ landscape: WeightLandscape, _ seed: UInt64, _ scale: ([Float]) -> [Float]
  ) throws -> Spectrum {
    let count = landscape.start.count
    var largest = -Double.infinity, traces: [Double] = [], nodes: [(value: Double, weight: Double)] = []
    for run in 0..<vectors {
      // Rademacher signs, of unit length together.
      let signs = NoiseAddress(seed: seed, site: 0x4865_7373, sample: UInt32(run)).uniforms(count)
      let start = signs.map { ($0 < 0.5 ? -1 : 1) / Float(count).squareRoot() }
      let found = try Lanczos.run(from: start, steps: min(lanczos, count)) { vector in
        scale(try landscape.product(scale(vector)))
      }
      // The first diagonal is vᵀHv: Hutchinson's estimate, before division by the dimensions.
      traces.append(found.firstDiagonal * Double(count))
      for (value, weight) in found.nodes {
        largest = max(largest, value)
        nodes.append((value, weight / Double(vectors)))
      }
    }
    return Spectrum(largest: largest, trace: Statistics.mean(traces), density: Self.density(nodes))
  }

  /// A sum of Gaussians on the quadrature's nodes, as logarithms.
  private static func density(_ nodes: [(value: Double, weight: Double)]) -> [Summary.Point] {
    let low = nodes.map(\.value).min() ?? 0, high = nodes.map(\.value).max() ?? 1, span = max(high - low, 1e-12)
    let width = 0.01 * span
    return (0...80).map { step in
      let x = low - 0.05 * span + 1.1 * span * Double(step) / 80
      let density = nodes.reduce(0.0) { sum, node in
        let z = (x - node.value) / width
        return sum + node.weight * exp(-z * z / 2) / (width * (2 * Double.pi).squareRoot())
      }
      return .init(x, max(log10(max(density, 1e-12)), -6))
    }
  }

  /// L(w + ρ s / ‖s‖) − L(w) along the ascent s = D D g, in units of D.
  private func rise(
    _ landscape: WeightLandscape, _ clean: Curvature.Evaluation, _ scale: ([Float]) -> [Float]
  ) throws -> Double {
    let inUnits = scale(clean.gradient), length = Vectors.length(inUnits)
    guard length.isFinite else { return .nan }
    guard length > 0 else { return 0 }
    let step = Vectors.scaled(scale(inUnits), rho / length)
    return try landscape.evaluate(Vectors.add(landscape.start, 1, step)).loss - clean.loss
  }
}

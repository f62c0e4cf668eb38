import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// How sharp the minimum is that the weights lie in: eigenvalues, trace and density of the Hessian of the mean loss,
/// and the rise of the loss in a ball. Scaling the layers of a ReLU net can fake flatness (Dinh et al. 2017, arXiv
/// 1703.04933), so each measure has one beside it that such scaling leaves as it is: of the Hessian in units of |w|, D
/// H D with D = diag |w| (Kwon et al. 2021, arXiv 2102.11600).
///
/// Products of the Hessian with vectors are exact (``HessianPlan``), so eigenvalues are the Hessian's on piecewise
/// linear nets too.
///
/// Sources: Yao et al. 2020, arXiv 1912.07145 (PyHessian): Hutchinson's trace, stochastic Lanczos quadrature; Foret et
/// al. 2021, arXiv 2010.01412: sharpness in a ball.
struct SharpnessProbe: Probe {
  static let name = "sharpness"
  static let summary =
    "Hessian of the loss: largest eigenvalue, trace, density, by layer too; rise of the loss in a ball"
  /// Lanczos steps of each run.
  var lanczos = 24
  /// Random vectors that Lanczos runs start from, for eigenvalues and density.
  var vectors = 3
  /// Random vectors for the traces, at least as many as `vectors`.
  var traces = 30
  /// Layers that get a largest eigenvalue of their own, those with most weights first.
  var layers = 8
  /// The radius of the ball, in units of the weights.
  var rho = 0.05
  /// Examples that the loss is a mean over, at most.
  var examples = 256

  func validate() throws(RobustnessError) {
    try require(lanczos, in: 3...200, "lanczos")
    try require(vectors, in: 1...100, "vectors")
    try require(traces, in: 2...10_000, "traces")
    try require(layers, in: 0...1000, "layers")
    try require(rho, in: 1e-6...100, "rho")
    try require(examples, in: 1...100_000, "examples")
  }
  var takesAllExamples: Bool { true }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    // The cost of two spectra. A product is about two gradients and some 16 passes over the weights; every vector of
    // the basis is taken off it twice, by a dot product and a sum.
    let products = 2 * lanczos * vectors + 2 * max(traces - vectors, 0) + layers * lanczos
    let rows = min(examples, self.examples)
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
    let count = max(traces, vectors)
    summary.add("trace", plain.trace.value, plain.trace.interval, n: count, "trace of the Hessian (Hutchinson)")
    summary.add("trace_per_parameter", plain.trace.value / p, "its mean eigenvalue")
    summary.add("relative_lambda_max", scaled.largest, "largest eigenvalue in units of |w|: rescaling layers leaves it")
    summary.add("relative_trace", scaled.trace.value, scaled.trace.interval, n: count, "trace in units of |w|")
    summary.add("sam_sharpness", try rise(landscape, clean) { $0 }, "rise of the loss within ρ = \(rho)")
    summary.add(
      "asam_sharpness", try rise(landscape, clean) { zip($0, sizes).map { $0 * $1 } },
      "rise of the loss within ρ = \(rho) in units of |w|")
    summary.add(
      .init(
        chart: "Density of the Hessian's eigenvalues", name: "stochastic Lanczos quadrature", x: "eigenvalue",
        y: "log10 density", points: plain.density))
    try addLayers(landscape, plain.traces, batch.seed, to: &summary)
    outcome.summary = summary
    return outcome
  }

  private struct Spectrum {
    var largest: Double
    var trace: (value: Double, interval: Interval?)
    var density: [Summary.Point]
    /// vᵀHv by vector and parameter, each over its own part of v: Hutchinson's estimates of the traces of the Hessian's
    /// diagonal blocks.
    var traces: [[Double]]
  }

  /// Rademacher signs.
  private static func signs(_ seed: UInt64, _ run: Int, _ count: Int) -> [Float] {
    NoiseAddress(seed: seed, site: 0x4865_7373, sample: UInt32(run)).uniforms(count).map { $0 < 0.5 ? -1 : 1 }
  }

  /// The spectrum of D H D, where `scale` multiplies by D.
  private func spectrum(
    _ landscape: WeightLandscape, _ seed: UInt64, _ scale: ([Float]) -> [Float]
  ) throws -> Spectrum {
    let count = landscape.start.count, ranges = landscape.curvature.parameters.map(\.range)
    func product(_ vector: [Float]) throws -> [Float] { scale(try landscape.product(scale(vector))) }
    var largest = -Double.infinity, traces: [[Double]] = [], nodes: [(value: Double, weight: Double)] = []
    for run in 0..<max(vectors, self.traces) {
      let signs = Self.signs(seed, run, count)
      let first = try product(signs)
      traces.append(ranges.map { range in range.reduce(0) { $0 + Double(signs[$1]) * Double(first[$1]) } })
      guard run < vectors else { continue }
      // Vectors of unit length together.
      let length = 1 / Double(count).squareRoot()
      let found = try Lanczos.run(
        from: Vectors.scaled(signs, length), steps: min(lanczos, count), first: Vectors.scaled(first, length), product)
      for (value, weight) in found.nodes {
        largest = max(largest, value)
        nodes.append((value, weight / Double(vectors)))
      }
    }
    return Spectrum(
      largest: largest, trace: Statistics.mean(traces.map { $0.reduce(0, +) }), density: Self.density(nodes),
      traces: traces)
  }

  /// The diagonal blocks of layers' weights: their traces come with the whole one's.
  private func addLayers(
    _ landscape: WeightLandscape, _ traces: [[Double]], _ seed: UInt64, to summary: inout Summary
  ) throws {
    let weights = landscape.weights, all = landscape.curvature.parameters
    guard weights.count > 1 else { return }
    let chosen = Set(
      weights.sorted { ($1.range.count, $0.range.lowerBound) < ($0.range.count, $1.range.lowerBound) }
        .prefix(layers).map(\.name))
    var points: [Summary.Point] = [], eigenvalues: [Summary.Point] = []
    for (number, layer) in weights.enumerated() {
      let trace = all.firstIndex { $0.range == layer.range }.map { at in Statistics.mean(traces.map { $0[at] }) }
      if let trace { points.append(.init(Double(number + 1), trace.value, trace.interval)) }
      guard chosen.contains(layer.name) else { continue }
      let start = NoiseAddress(seed: seed, site: 0x6C61_7965, sample: UInt32(number)).normals(layer.range.count)
      let found = try Lanczos.run(
        from: Vectors.scaled(start, 1 / max(Vectors.length(start), 1e-30)), steps: min(lanczos, layer.range.count)
      ) { vector in
        var whole = [Float](repeating: 0, count: landscape.start.count)
        whole.replaceSubrange(layer.range, with: vector)
        return Array(try landscape.product(whole)[layer.range])
      }
      let largest = found.nodes.map(\.value).max() ?? 0
      eigenvalues.append(.init(Double(number + 1), largest))
      if let trace {
        summary.add(
          "trace_layer_\(number + 1)", trace.value, trace.interval, n: traces.count,
          "trace of the block of '\(layer.name.clipped(to: 40))'")
      }
      summary.add(
        "lambda_max_layer_\(number + 1)", largest, "largest eigenvalue of the block of '\(layer.name.clipped(to: 40))'")
    }
    summary.add(
      .init(
        chart: "Trace of the Hessian by layer", name: "Hutchinson", x: "layer", y: "trace of its block", points: points)
    )
    if eigenvalues.count > 1 {
      summary.add(
        .init(
          chart: "Largest eigenvalue by layer", name: "Lanczos", x: "layer", y: "eigenvalue of its block",
          points: eigenvalues))
    }
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

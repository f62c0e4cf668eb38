import DitherBasics
import DitherInference
import DitherTensor
import Foundation

/// The loss along straight lines from the weights: along random directions, each filter's part as long as the filter,
/// and along the direction of the largest curvature. All are as long as the weights of the layers, so that 0.1 on the
/// axis is a tenth of these.
///
/// Sources: Li et al. 2018, arXiv 1712.09913 (filter normalization; of a dense layer the whole layer is the filter,
/// biases and normalizations do not move); Yao et al. 2020, arXiv 1912.07145 (the Hessian's eigenvectors as directions,
/// by power iteration).
struct LandscapeProbe: Probe {
  static let name = "landscape"
  static let summary = "the loss along random directions and along that of the largest curvature"
  /// Random directions.
  var directions = 4
  /// How far to go to both sides, in units of the weights' length.
  var span = 0.5
  /// Points to each side.
  var points = 10
  /// Steps of the power iteration.
  var steps = 30
  /// Examples that the loss is a mean over, at most.
  var examples = 256

  func validate() throws(RobustnessError) {
    try require(directions, in: 2...100, "directions")
    try require(span, in: 1e-6...100, "span")
    try require(points, in: 1...100, "points")
    try require(steps, in: 1...1000, "steps")
    try require(examples, in: 1...100_000, "examples")
  }
  var takesAllExamples: Bool { true }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    let rows = min(examples, self.examples), evaluations = 2 * points * (directions + 1) + 1
    return ProbeCost(
      forward: examples * draws + rows * evaluations, gradient: rows * 2 * steps,
      sweeps: 20 * steps + 4 * evaluations + 8 * directions)
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Outcome.clean(batch, predictor), summary = Summary()
    let landscape = try WeightLandscape(batch.prefix(examples), predictor), start = landscape.start
    let still = landscape.weights.reduce(into: [Float](repeating: 0, count: start.count)) { part, layer in
      part.replaceSubrange(layer.range, with: start[layer.range])
    }
    let length = Vectors.length(still)
    let sides = (-points...points).map { span * Double($0) / Double(points) }
    func losses(along direction: [Float]) throws -> [Double] {
      try sides.map { try landscape.evaluate(Vectors.add(start, $0, direction)).loss }
    }
    let random = try (0..<directions).map { number in
      let direction = Self.random(landscape.weights, start) { layer in
        NoiseAddress(seed: batch.seed, site: 0x6C61_6E64, sample: UInt32(number << 16 | layer & 0xFFFF))
      }
      return try losses(along: direction)
    }
    let (steepest, curvature) = try Self.steepest(landscape, batch.seed, steps)
    let hessian = try losses(along: Vectors.scaled(steepest, length))
    let here = random[0][points]
    func rise(_ losses: [Double]) -> Double { (losses[0] + losses[sides.count - 1]) / 2 - here }
    let rises = Statistics.mean(random.map(rise))
    summary.add("loss", here, n: min(examples, batch.labels.count), "mean cross-entropy at the weights")
    summary.add(
      "random_rise", rises.value, rises.interval, n: directions,
      "rise of the loss \(span) of the weights' length away, along random directions")
    summary.add("hessian_rise", rise(hessian), "the same along the direction of the largest curvature")
    summary.add("curvature", curvature, "the curvature along it: the Hessian's largest eigenvalue by size")
    func curve(_ name: String, _ points: [Summary.Point]) {
      summary.add(
        .init(
          chart: "Loss along straight lines from the weights", name: name,
          x: "distance, in units of the weights' length", y: "cross-entropy", points: points))
    }
    curve(
      "mean of \(directions) random directions",
      sides.indices.map { at in
        let found = Statistics.mean(random.map { $0[at] })
        return .init(sides[at], found.value, found.interval?.clamped(to: 0...(.infinity)))
      })
    curve("the largest curvature", zip(sides, hessian).map { .init($0, $1) })
    outcome.summary = summary
    return outcome
  }

  /// A Gaussian direction whose filters are as long as those of the weights.
  private static func random(
    _ weights: [Curvature.Parameter], _ start: [Float], _ address: (Int) -> NoiseAddress
  ) -> [Float] {
    var direction = [Float](repeating: 0, count: start.count)
    for (number, layer) in weights.enumerated() {
      let normals = address(number).normals(layer.range.count)
      let filters = layer.shape.rank > 2 ? layer.shape[0] : 1, size = layer.range.count / filters
      for filter in 0..<filters {
        let own = Array(normals[filter * size..<(filter + 1) * size]), from = layer.range.lowerBound + filter * size
        let wanted = Vectors.length(Array(start[from..<from + size])), length = Vectors.length(own)
        guard length > 0 else { continue }
        direction.replaceSubrange(from..<from + size, with: Vectors.scaled(own, wanted / length))
      }
    }
    return direction
  }

  /// The eigenvector of the Hessian's eigenvalue of largest size, of length 1, and that eigenvalue.
  private static func steepest(
    _ landscape: WeightLandscape, _ seed: UInt64, _ steps: Int
  ) throws -> (direction: [Float], curvature: Double) {
    var direction = NoiseAddress(seed: seed, site: 0x7374_6565, sample: 0).normals(landscape.start.count)
    var curvature = 0.0
    direction = Vectors.scaled(direction, 1 / max(Vectors.length(direction), 1e-30))
    for _ in 0..<steps {
      let product = try landscape.product(direction), length = Vectors.length(product)
      curvature = Vectors.dot(direction, product)
      guard length > 0, length.isFinite else { break }
      direction = Vectors.scaled(product, 1 / length)
    }
    return (direction, curvature)
  }
}

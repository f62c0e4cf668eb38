import DitherBasics
import DitherInference
import DitherTensor

/// Bit flips in weights of eight bits, one after the other, each where the loss rises most: of every layer the
/// candidate with the largest first-order rise, of these the one with the largest true rise. Source: Rakin et al. 2019,
/// arXiv 1903.12269, progressive bit search. Quantized with one scale for each layer, in two's complement.
struct BitFlipsProbe: Probe {
  static let name = "bit_flips"
  static let summary = "accuracy against flipped bits of eight-bit weights, the worst first"
  var flips = 10

  func validate() throws(RobustnessError) { try require(flips, in: 1...1000, "flips") }
  var takesAllExamples: Bool { true }
  var ignoresNoise: Bool { true }
  func condition(of image: ImageShape) -> Condition { .measurement }

  func cost(examples: Int, draws: Int) -> ProbeCost {
    ProbeCost(forward: examples * (draws + 10 * flips), gradient: examples * (flips + 1))
  }

  func run(on batch: ProbeBatch, asking predictor: DeployedPredictor) throws -> Outcome {
    var outcome = try Outcome.clean(batch, predictor), summary = Summary()
    let landscape = try WeightLandscape(batch, predictor), n = batch.labels.count
    var codes: [[Int8]] = [], scales: [Float] = [], parameters = landscape.start
    for weight in landscape.weights {
      let top = parameters[weight.range].reduce(0) { max($0, abs($1)) }, scale = max(top, .leastNormalMagnitude) / 127
      scales.append(scale)
      codes.append(parameters[weight.range].map { Int8(clamping: Int(($0 / scale).rounded(.toNearestOrEven))) })
      for (offset, index) in weight.range.enumerated() {
        parameters[index] = Float(codes[codes.count - 1][offset]) * scale
      }
    }
    var now = try landscape.evaluate(parameters, wantsGradient: true)
    var points = [Summary.Point(0, Proportion(now.correct, of: n))]
    for flip in 1...flips {
      var best: (layer: Int, offset: Int, bit: Int, loss: Double)?
      for (layer, weight) in landscape.weights.enumerated() {
        guard let candidate = candidate(codes[layer], scales[layer], now.gradient[weight.range]) else { continue }
        let index = weight.range.lowerBound + candidate.offset, kept = parameters[index]
        parameters[index] = Float(Self.flipped(codes[layer][candidate.offset], candidate.bit)) * scales[layer]
        let loss = try landscape.evaluate(parameters).loss
        parameters[index] = kept
        if loss > best?.loss ?? -.infinity { best = (layer, candidate.offset, candidate.bit, loss) }
      }
      guard let best else { break }
      codes[best.layer][best.offset] = Self.flipped(codes[best.layer][best.offset], best.bit)
      let index = landscape.weights[best.layer].range.lowerBound + best.offset
      parameters[index] = Float(codes[best.layer][best.offset]) * scales[best.layer]
      now = try landscape.evaluate(parameters, wantsGradient: true)
      points.append(.init(Double(flip), Proportion(now.correct, of: n)))
    }
    summary.add(
      .init(
        chart: "Accuracy against flipped bits", name: "worst bits of eight-bit weights", x: "bits flipped",
        y: "accuracy", points: points))
    if let last = points.last, let interval = last.interval {
      summary.add("accuracy_after_flips", last.y, interval, n: n, "accuracy after \(Int(last.x)) flipped bits")
    }
    outcome.summary = summary
    return outcome
  }

  private static func flipped(_ code: Int8, _ bit: Int) -> Int8 { code ^ Int8(bitPattern: UInt8(1) << UInt8(bit)) }

  /// The flip with the largest first-order rise of the loss.
  private func candidate(_ codes: [Int8], _ scale: Float, _ gradient: ArraySlice<Float>) -> (offset: Int, bit: Int)? {
    var best: (offset: Int, bit: Int)?, most: Float = 0
    for (offset, slope) in gradient.enumerated() where slope != 0 && slope.isFinite {
      for bit in 0..<8 {
        let rise = slope * Float(Int(Self.flipped(codes[offset], bit)) - Int(codes[offset])) * scale
        if rise > most { (best, most) = ((offset, bit), rise) }
      }
    }
    return best
  }
}

import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// Interval bound propagation: where every logit can lie while each pixel moves by at most epsilon within [0, 1].
/// Nothing is drawn, and a certificate is no statement of probability. Gowal et al. 2018, arXiv 1810.12715.
///
/// Boxes go through the net as center and radius, c' = W c + b and r' = |W| r. The last layer is left out: the margin
/// of the label y over j is bounded from below as (W_y − W_j) c + b_y − b_j − |W_y − W_j| r (their section 3, "elision
/// of the last layer"). The bounds take in fp32's rounding, so they hold for the model as it computes. On nets that
/// were not trained for it they are loose: an example without a certificate need not be breakable.
public struct IBP: Certifier {
  public static let name = "ibp"
  public static let summary = "interval bound propagation: a certain L∞ radius for small nets (Gowal et al. 2018)"
  /// In units of the input.
  public var epsilon = 8.0 / 255
  /// For a model with noise, certifies the mean weights: the model with its noise off, not as it is deployed.
  public var meanWeights = false
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case epsilon
    case meanWeights = "mean_weights"
  }

  public func validate() throws(RobustnessError) { try require(epsilon, in: 0...1, "epsilon") }
  public var norm: Norm { .linf }
  public var radii: [Double] { epsilon > 0 ? [0, epsilon] : [0] }
  public var goal: Double { epsilon }
  public var radius: Double? { epsilon }
  public var details: [String] { ["ε = \(ParameterValue.written(epsilon))"] }
  /// Center and radius, and the ends of both.
  public var rowsPerExample: Int { 4 }
  public var ignoresNoise: Bool { meanWeights }
  public var needsPictures: Bool { true }

  public func check(_ predictor: DeployedPredictor) throws {
    guard meanWeights || !predictor.isRandom else {
      throw RobustnessError(
        .parameter, at: "probe ibp", expected: "a model without noise", got: "one with noise",
        advice:
          "ibp:mean_weights=true certifies its mean weights, which says nothing of its random answers; smoothing certifies those"
      )
    }
    let model = predictor.model
    guard model.precision == .float32 else {
      throw RobustnessError(
        .parameter, at: "probe ibp", expected: "a model that computes in fp32, whose rounding the bounds take in",
        got: model.precision.rawValue)
    }
    _ = try bounds(of: model, rows: 1)
  }

  /// Bounds of the graph as it is computed: normalizations are folded, and the classifier's output is the first.
  private func bounds(of model: Model, rows: Int) throws -> BoundedGraph {
    var graph = model.graph
    graph.outputs = graph.outputs.filter { $0.name == model.signature.outputName }
    return try graph.foldingNormalization().bounded(rows: rows)
  }

  /// Rows that are bounded at once.
  private static let rowsAtOnce = 16

  public func certify(
    _ batch: ProbeBatch, of predictor: DeployedPredictor
  ) throws -> (certificates: [Certificate], rows: Int) {
    let labels = try predictor.labels(of: batch)
    let most = predictor.model.signature.isRowByRow ? 1 : Self.rowsAtOnce
    let rows = min(batch.labels.count, most), bounded = try bounds(of: predictor.model, rows: rows)
    let plan = try Plan(
      bounded.graph, parameters: ParameterBuffers(bounded.graph), options: Plan.Options(rows: rows))
    var certificates: [Certificate] = []
    for start in stride(from: 0, to: batch.labels.count, by: rows) {
      try batch.proceed()
      let part = start..<min(start + rows, batch.labels.count)
      load(batch.inputs, part, predictor.model.signature, into: plan)
      plan.forward()
      for row in part {
        let holds =
          labels[row] == Label.none
          ? -.infinity : margin(of: labels[row], row: row - start, plan, bounded, predictor.model.signature.classes)
        let isCertain = holds > (bounded.dropsSoftmax ? Self.softmaxSlack : 0)
        certificates.append(
          Certificate(
            label: labels[row], correct: labels[row] == batch.labels[row], radius: isCertain ? epsilon : 0, n: 0,
            alpha: 0, abstained: labels[row] == Label.none))
      }
    }
    return (certificates, batch.labels.count)
  }

  /// Logits nearer than this may be one probability in fp32.
  private static let softmaxSlack = 1e-5
  private static let rounding = 0x1p-24

  /// The boxes as the model takes them: normalized, and widened by that step's rounding.
  private func load(_ inputs: Tensor, _ rows: Range<Int>, _ signature: ModelSignature, into plan: Plan) {
    let length = inputs.rowLength, center = plan.input(0), radius = plan.input(1)
    let mean = signature.spread(signature.normalization.mean),
      deviation = signature.spread(signature.normalization.deviation)
    for (at, row) in rows.enumerated() {
      for (i, pixel) in inputs.row(row).enumerated() {
        let shift = Double(mean[i]), scale = Double(deviation[i])
        let x = Double(pixel), low = max(x - epsilon, 0), high = min(x + epsilon, 1)
        let room = 4 * Self.rounding * (1 + abs(shift)) / scale
        let lower = (low - shift) / scale - room, upper = (high - shift) / scale + room
        let middle = Float((lower + upper) / 2)
        center[at * length + i] = middle
        radius[at * length + i] = Float(max(upper - Double(middle), Double(middle) - lower)).nextUp
      }
    }
  }

  /// A lower bound of the label's logit less the largest other one, within the box.
  private func margin(of label: Int, row: Int, _ plan: Plan, _ bounded: BoundedGraph, _ classes: Int) -> Double {
    let center = plan.output(0), radius = plan.output(1), width = center.count / plan.options.rows
    let others = (0..<classes).filter { $0 != label }
    guard let head = bounded.head else {
      return others.reduce(.infinity) { least, other in
        let y = row * width + label, j = row * width + other
        return least.orLess(Double(center[y]) - Double(radius[y]) - Double(center[j]) - Double(radius[j]))
      }
    }
    let features = head.weights.rowLength, weights = head.weights.elements
    // The model sums this layer in fp32: see `Bounds.slack` in the graph's rules.
    let slack = 1.05 * Double(features + 8) * Self.rounding
    return weights.withUnsafeBufferPointer { w in
      others.reduce(.infinity) { least, other in
        var middle = Double(head.bias[label]) - Double(head.bias[other]), spread = 0.0
        var magnitude = abs(Double(head.bias[label])) + abs(Double(head.bias[other]))
        for k in 0..<features {
          let own = Double(w[label * features + k]), rival = Double(w[other * features + k])
          let c = Double(center[row * width + k]), r = Double(radius[row * width + k])
          middle += (own - rival) * c
          spread += abs(own - rival) * r
          magnitude += (abs(own) + abs(rival)) * (abs(c) + r)
        }
        return least.orLess(middle - spread - slack * magnitude)
      }
    }
  }
}

extension Double {
  /// The lesser; not a number, if either is none.
  fileprivate func orLess(_ other: Double) -> Double { isNaN || other.isNaN ? .nan : min(self, other) }
}

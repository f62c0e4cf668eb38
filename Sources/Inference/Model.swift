import DitherBasics
import DitherGraph
import DitherTensor

/// A classifier ready for use: checked, its parameters in one place, its plans compiled once and kept. Immutable to its
/// users; any number of threads may use it at once.
public final class Model: Sendable {
  public let graph: Graph
  public let signature: ModelSignature
  public let parameters: ParameterBuffers
  /// Whether every noisy layer takes its noise exactly, so that all samples of all rows run in one plan.
  public let takesExactNoise: Bool
  private let plans: PlanCache

  public init(_ graph: Graph) throws {
    self.graph = graph
    signature = try ModelSignature(graph)
    parameters = ParameterBuffers(graph)
    plans = PlanCache(graph, parameters)
    takesExactNoise = Self.takesExactNoise(graph, parameters)
  }

  public convenience init(onnx bytes: [UInt8], limits: OnnxLimits = .standard) throws {
    try self.init(Graph(onnx: bytes, limits: limits))
  }

  /// The noise that the model is served with; nil: it is deterministic.
  public var noise: NoiseModel? {
    guard let noise = graph.noise, noise.terms.contains(where: { $0.sigma > 0 && $0.site != .gradients }) else {
      return nil
    }
    return noise
  }

  private static func takesExactNoise(_ graph: Graph, _ parameters: ParameterBuffers) -> Bool {
    (try? Plan(graph, parameters: parameters, options: .init(rows: 1, samples: 2, path: .exact))) != nil
  }

  // MARK: forward

  /// The deterministic pass: [B, classes], logits or, where the signature says so, probabilities.
  public func outputs(_ inputs: Tensor, threads: Int = 1) throws -> Tensor {
    try signature.check(inputs)
    return try Tensor([inputs.rowCount, signature.classes]) { out in
      try forEachChunk(of: inputs.rowCount, most: Self.mostRows) { rows in
        try plans.withPlan(.init(rows: rows.count, threads: threads)) { plan in
          load(inputs, rows, into: plan)
          plan.forward()
          copy(plan.output(), rows.count, 1, to: out, draws: 1, of: inputs.rowCount, at: rows.lowerBound, 0)
        }
      }
    }
  }

  /// Outputs under the model's noise: [samples, B, classes].
  /// - Parameters:
  ///   - samples: the numbers of the draws; a draw is the same whatever others are asked for with it.
  ///   - seeds: one for each row. Rows of one seed share their draws.
  ///   - path: `.explicit` draws every weight, as a reference.
  public func sampledOutputs(
    _ inputs: Tensor, samples: Range<Int>, seeds: [UInt64], path: NoisePath = .exact, threads: Int = 1
  ) throws -> Tensor {
    try signature.check(inputs)
    precondition(seeds.count == inputs.rowCount, "a seed for each row")
    let rowCount = inputs.rowCount, draws = samples.count
    return try Tensor([draws, rowCount, signature.classes]) { out in
      if path == .exact && takesExactNoise {
        let mostSamples = 64
        try forEachChunk(of: rowCount, most: max(Self.mostRows / min(draws, mostSamples).nextPowerOfTwo, 1)) { rows in
          try forEachChunk(of: draws, most: mostSamples) { chunk in
            try plans.withPlan(.init(rows: rows.count, samples: chunk.count, path: .exact, threads: threads)) { plan in
              load(inputs, rows, into: plan)
              setSeeds(plan, seeds, rows, first: samples.lowerBound + chunk.lowerBound)
              plan.forward()
              copy(
                plan.output(), rows.count, chunk.count, to: out, draws: draws, of: rowCount, at: rows.lowerBound,
                chunk.lowerBound)
            }
          }
        }
        return
      }
      // Weights are drawn: rows of one seed go together, one sample at a time.
      for group in groups(of: seeds) {
        try forEachChunk(of: group.count, most: Self.mostRows) { part in
          let rows = Array(group[part])
          try plans.withPlan(.init(rows: rows.count, path: .explicit, threads: threads)) { plan in
            for (at, row) in rows.enumerated() { load(inputs, row..<row + 1, into: plan, at: at) }
            for (at, row) in rows.enumerated() { plan.seeds[at] = seeds[row] }
            for draw in 0..<draws {
              plan.firstSample = UInt32(truncatingIfNeeded: samples.lowerBound + draw)
              plan.forward()
              let result = plan.output(), classes = signature.classes
              for (at, row) in rows.enumerated() {
                for c in 0..<classes { out[(draw * rowCount + row) * classes + c] = result[at * classes + c] }
              }
            }
          }
        }
      }
    }
  }

  // MARK: gradients

  public struct LossGradient: Sendable {
    /// [B]: the mean over the samples.
    public var losses: [Float]
    /// Of the mean loss, for the inputs: of their shape. Each row's gradient is of its own loss.
    public var gradient: Tensor
    /// [samples, B, classes].
    public var outputs: Tensor
  }

  /// Losses and their gradients for the inputs: of the deterministic pass, or of the mean over draws (expectation over
  /// transformation, Athalye et al. 2018, arXiv 1707.07397).
  /// - Parameters:
  ///   - samples: nil for the deterministic pass.
  ///   - seeds: one for each row; ignored in the deterministic pass.
  public func lossGradient(
    _ inputs: Tensor, loss: Loss, targets: [Int], samples: Range<Int>? = nil, seeds: [UInt64] = [], threads: Int = 1
  ) throws -> LossGradient {
    try signature.check(inputs)
    try signature.check(labels: targets, rows: inputs.rowCount)
    let rowCount = inputs.rowCount, classes = signature.classes, length = inputs.rowLength
    let noisy = noise != nil && samples != nil
    let draws = noisy ? samples?.count ?? 1 : 1, first = samples?.lowerBound ?? 0
    precondition(!noisy || (seeds.count == rowCount && draws > 0), "a seed for each row, and at least one sample")
    var losses = [Float](repeating: 0, count: rowCount)
    var outputs = Tensor(zeros: [draws, rowCount, classes]), gradient = Tensor(zeros: inputs.shape)

    func step(_ plan: Plan, rows: [Int], samples: Int, at draw: Int) {
      plan.forward()
      let result = plan.output(), share = 1 / Float(draws)
      for s in 0..<samples {
        for (at, row) in rows.enumerated() {
          let start = (s * rows.count + at) * classes
          let z = UnsafeBufferPointer(rebasing: result[start..<start + classes])
          let g = UnsafeMutableBufferPointer(rebasing: plan.cotangent[start..<start + classes])
          losses[row] +=
            share * loss.value(z, target: targets[row], probabilities: signature.givesProbabilities, gradient: g)
          for c in 0..<classes {
            g[c] *= share
            outputs.elements[((draw + s) * rowCount + row) * classes + c] = z[c]
          }
        }
      }
      plan.backward()
      guard let found = plan.inputGradients.first, found.count == rows.count * length else { return }
      for (at, row) in rows.enumerated() {
        gradient.elements.withUnsafeMutableBufferPointer { sum in
          for i in 0..<length { sum[row * length + i] += found[at * length + i] }
        }
      }
    }

    if !noisy || takesExactNoise {
      let width = min(draws, 64)
      try forEachChunk(of: rowCount, most: max(Self.mostRows / width.nextPowerOfTwo, 1)) { rows in
        try forEachChunk(of: draws, most: 64) { chunk in
          let options = Plan.Options(
            rows: rows.count, samples: chunk.count, path: noisy ? .exact : nil, inputGradient: true, threads: threads)
          try plans.withPlan(options) { plan in
            load(inputs, rows, into: plan)
            if noisy { setSeeds(plan, seeds, rows, first: first + chunk.lowerBound) }
            step(plan, rows: Array(rows), samples: chunk.count, at: chunk.lowerBound)
          }
        }
      }
    } else {
      for group in groups(of: seeds) {
        try forEachChunk(of: group.count, most: Self.mostRows) { part in
          let rows = Array(group[part])
          try plans.withPlan(.init(rows: rows.count, path: .explicit, inputGradient: true, threads: threads)) { plan in
            for (at, row) in rows.enumerated() {
              load(inputs, row..<row + 1, into: plan, at: at)
              plan.seeds[at] = seeds[row]
            }
            for draw in 0..<draws {
              plan.firstSample = UInt32(truncatingIfNeeded: first + draw)
              step(plan, rows: rows, samples: 1, at: draw)
            }
          }
        }
      }
    }
    return LossGradient(losses: losses, gradient: gradient, outputs: outputs)
  }

  // MARK: pieces

  /// Rows of one run: bounds the memory of a plan.
  private static let mostRows = 4096

  /// Chunks of powers of two, so that few plans serve every batch size.
  private func forEachChunk(of count: Int, most: Int, _ body: (Range<Int>) throws -> Void) rethrows {
    var start = 0
    while start < count {
      let left = min(count - start, most)
      let size = 1 << (Int.bitWidth - 1 - left.leadingZeroBitCount)
      try body(start..<start + size)
      start += size
    }
  }

  private func groups(of seeds: [UInt64]) -> [[Int]] {
    var order: [UInt64] = [], rows: [UInt64: [Int]] = [:]
    for (row, seed) in seeds.enumerated() {
      if rows[seed] == nil { order.append(seed) }
      rows[seed, default: []].append(row)
    }
    return order.compactMap { rows[$0] }
  }

  private func load(_ inputs: Tensor, _ rows: Range<Int>, into plan: Plan, at place: Int = 0) {
    let length = inputs.rowLength, to = plan.input()
    inputs.elements.withUnsafeBufferPointer { from in
      let source = UnsafeBufferPointer(rebasing: from[rows.lowerBound * length..<rows.upperBound * length])
      _ = UnsafeMutableBufferPointer(rebasing: to[(place * length)...]).update(fromContentsOf: source)
    }
  }

  private func setSeeds(_ plan: Plan, _ seeds: [UInt64], _ rows: Range<Int>, first: Int) {
    for (at, row) in rows.enumerated() { plan.seeds[at] = seeds[row] }
    plan.firstSample = UInt32(truncatingIfNeeded: first)
  }

  private func copy(
    _ result: UnsafeBufferPointer<Float>, _ rows: Int, _ samples: Int, to out: UnsafeMutableBufferPointer<Float>,
    draws: Int, of rowCount: Int, at row: Int, _ draw: Int
  ) {
    let width = rows * signature.classes
    for s in 0..<samples {
      let target = ((draw + s) * rowCount + row) * signature.classes
      let source = UnsafeBufferPointer(rebasing: result[s * width..<(s + 1) * width])
      _ = UnsafeMutableBufferPointer(rebasing: out[target..<target + width]).update(fromContentsOf: source)
    }
  }
}

extension Int {
  var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}

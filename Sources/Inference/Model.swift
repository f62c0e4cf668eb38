import DitherBasics
import DitherGraph
import DitherTensor
import Synchronization

/// A classifier ready for use: checked, its parameters in one place, its plans compiled once and kept. Immutable to its
/// users; any number of threads may use it at once.
public final class Model: Sendable {
  /// As it was given; where a trial told what its outputs are, its metadata says so.
  public let graph: Graph
  public let signature: ModelSignature
  /// What its plans compute in.
  public let precision: Plan.Precision
  /// Whether every noisy layer knows how to give each row and sample draws of its own, so that they run in one plan.
  public let drawsFreshNoise: Bool
  /// Whether that is done at layers' outputs alone. Else some layer draws its weights for every row, and rows of one seed are cheaper on the
  /// path `.exact`, where they share them.
  public let drawsAtOutputs: Bool
  /// The model as it is computed: normalisation is folded into weights.
  private let computed: Graph
  let plans: PlanCache
  let cost: Cost
  /// Made when the first attack asks for it.
  private let exposed = Mutex<Model?>(nil)

  /// - Parameter precision: `.bfloat16` where the CPU has it is faster and less exact; docs/benchmarks.md has the errors of the
  ///   shipped models.
  public init(_ graph: Graph, precision: Plan.Precision = .float32) throws {
    self.precision = precision
    var signature = try ModelSignature(graph), known = graph, only = graph
    only.outputs = graph.outputs.filter { [name = signature.outputName] in $0.name == name }
    computed = only.foldingNormalisation()
    let parameters = ParameterBuffers(computed)
    plans = PlanCache(computed, parameters)
    if signature.outputKind == .logits, graph.metadata[ModelSignature.outputKindKey] == nil,
      let tried = try OutputTrial(signature, precision).kind(plans)
    {
      signature.outputKind = tried
      known.metadata[ModelSignature.outputKindKey] = tried.rawValue
    }
    self.signature = signature
    self.graph = known
    cost = try Cost(computed)
    let canRunSamples = { [computed] path in
      (try? Plan(computed, parameters: parameters, options: .init(rows: 1, samples: 2, path: path))) != nil
    }
    drawsFreshNoise = canRunSamples(.fresh)
    drawsAtOutputs = canRunSamples(.exact)
  }

  public convenience init(
    onnx bytes: [UInt8], limits: OnnxLimits = .standard, precision: Plan.Precision = .float32
  ) throws {
    try self.init(Graph(onnx: bytes, limits: limits), precision: precision)
  }

  /// The same model, which puts out logits where this one puts out probabilities or their logarithms: for what must not look through a
  /// softmax, in which differences round to nothing. It takes the same inputs, draws the same noise and gives the same classes.
  public func exposingLogits() throws -> Model {
    guard signature.outputKind != .logits else { return self }
    return try exposed.withLock { exposed in
      if let exposed { return exposed }
      let model = try Model(
        graph.exposingLogits(of: signature.outputName, kind: signature.outputKind), precision: precision)
      exposed = model
      return model
    }
  }

  /// Bytes of its parameters.
  public var parameterBytes: Int { cost.parameterBytes }

  /// The noise that the model is served with; nil: it is deterministic.
  public var noise: NoiseModel? {
    guard let noise = graph.noise?.settled, noise.isActive else { return nil }
    return noise
  }

  /// What one row takes.
  struct Cost {
    /// Of the largest value between two layers, and arithmetic operations.
    let bytes: Int, operations: Double, parameterBytes: Int
    init(_ graph: Graph) throws(GraphError) {
      let types = try graph.types(rows: 1)
      var bytes = 1, operations = 0.0
      for node in graph.nodes {
        let outputs = node.outputs.compactMap { types[$0.index] }
        bytes = max(bytes, outputs.map(\.byteCount).max() ?? 0)
        operations += node.op.operations(node.inputs.map { $0.flatMap { types[$0.index] } }, outputs)
      }
      parameterBytes = graph.literals.values.reduce(0) { $0 + $1.type.byteCount }
      self.bytes = bytes
      self.operations = operations
    }
    /// Below this, a second thread costs more than it does.
    static let worthwhile = 1e8
    /// Rows that cost no more than to read the parameters once more, as another run does: a core multiplies at some 80 G/s and reads at
    /// some 10 GB/s. At most 16: from there on a run is worth it.
    var spareRows: Int { Int(min(8 * Double(parameterBytes) / max(operations, 1), 16)) }
  }

  // MARK: forward

  /// The deterministic pass: [B, classes], logits or, where the signature says so, probabilities.
  public func outputs(_ inputs: Tensor, threads: Int = 1) throws -> Tensor {
    try signature.check(inputs)
    return try Tensor([inputs.rowCount, signature.classes]) { out in
      for piece in pieces(inputs.rowCount, 1) {
        try withPlan(options(piece, threads: threads)) { plan in
          load(inputs, piece.rows, into: plan)
          plan.forward()
          copy(plan.output(), piece, to: out, of: inputs.rowCount)
        }
      }
    }
  }

  /// Outputs under the model's noise: [samples, B, classes].
  /// - Parameters:
  ///   - samples: the numbers of the draws; a draw is the same whatever others are asked for with it.
  ///   - seeds: one for each row. Rows of one seed share their draws.
  ///   - path: on another than `.fresh` rows of a seed share the weights that are drawn.
  ///   - antithetic: draws 2 i and 2 i + 1 are draw i and its negative.
  ///   - threads: that samples are spread over.
  public func sampledOutputs(
    _ inputs: Tensor, samples: Range<Int>, seeds: [UInt64], path: NoisePath = .fresh, antithetic: Bool = false,
    threads: Int = 1
  ) throws -> Tensor {
    try signature.check(inputs)
    precondition(seeds.count == inputs.rowCount, "a seed for each row")
    let rowCount = inputs.rowCount, draws = samples.count
    return try Tensor([draws, rowCount, signature.classes]) { out in
      if path == .fresh && drawsFreshNoise {
        nonisolated(unsafe) let out = out  // the pieces are disjoint
        let isWorth = cost.operations * Double(draws * rowCount) > Cost.worthwhile
        try Parallel.forEach(pieces(rowCount, draws, shares: isWorth ? threads : 1), threads: isWorth ? threads : 1) {
          piece in
          try withPlan(options(piece, path: path, antithetic: antithetic)) { plan in
            load(inputs, piece.rows, into: plan)
            setSeeds(plan, seeds, piece.rows, first: samples.lowerBound + piece.samples.lowerBound)
            plan.forward()
            copy(plan.output(), piece, to: out, of: rowCount)
          }
        }
        return
      }
      // Weights are drawn: rows of one seed go together, one sample at a time.
      for group in groups(of: seeds) {
        for (places, parts) in batches(of: group) {
          let options = Plan.Options(
            rows: places, path: path.sharingDraws, threads: threads, precision: precision, antithetic: antithetic)
          try withPlan(options) { plan in
            forEachDraw(draws, parts) { draw, rows in
              load(inputs, rows, seeds, into: plan)
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
  ///   - aims: the second class of each row, where the loss needs one; else empty.
  ///   - samples: nil for the deterministic pass.
  ///   - seeds: one for each row; ignored in the deterministic pass.
  ///   - path: on another than `.fresh` rows of a seed share the weights that are drawn.
  ///   - antithetic: draws 2 i and 2 i + 1 are draw i and its negative.
  public func lossGradient(
    _ inputs: Tensor, loss: Loss, targets: [Int], aims: [Int] = [], samples: Range<Int>? = nil, seeds: [UInt64] = [],
    path: NoisePath = .fresh, antithetic: Bool = false, threads: Int = 1
  ) throws -> LossGradient {
    try signature.check(inputs)
    try signature.check(labels: targets, rows: inputs.rowCount)
    precondition(!loss.needsAim || aims.count == targets.count, "a second class for each row")
    let rowCount = inputs.rowCount, classes = signature.classes, length = inputs.rowLength
    let noisy = noise != nil && samples != nil
    let draws = noisy ? samples?.count ?? 1 : 1, first = samples?.lowerBound ?? 0
    precondition(!noisy || (seeds.count == rowCount && draws > 0), "a seed for each row, and at least one sample")
    var losses = [Float](repeating: 0, count: rowCount)
    var outputs = Tensor(zeros: [draws, rowCount, classes]), gradient = Tensor(zeros: inputs.shape)

    func step(_ plan: Plan, rows: [Int], samples: Int, at draw: Int) {
      plan.forward()
      let result = plan.output(), share = 1 / Float(draws), places = plan.options.rows
      outputs.elements.withUnsafeMutableBufferPointer { outputs in
        for s in 0..<samples {
          for (at, row) in rows.enumerated() {
            let start = (s * places + at) * classes
            let z = UnsafeBufferPointer(rebasing: result[start..<start + classes])
            let g = UnsafeMutableBufferPointer(rebasing: plan.cotangent[start..<start + classes])
            losses[row] +=
              share
              * loss.value(
                z, target: targets[row], aim: aims.isEmpty ? nil : aims[row],
                probabilities: signature.givesProbabilities, gradient: g)
            for c in 0..<classes { g[c] *= share }
            let place = ((draw + s) * rowCount + row) * classes
            _ = UnsafeMutableBufferPointer(rebasing: outputs[place..<place + classes]).update(fromContentsOf: z)
          }
        }
      }
      plan.backward()
      guard let found = plan.inputGradients.first, found.count == places * length else { return }
      gradient.elements.withUnsafeMutableBufferPointer { gradient in
        for (at, row) in rows.enumerated() {
          let sum = UnsafeMutableBufferPointer(rebasing: gradient[row * length..<(row + 1) * length])
          let more = UnsafeBufferPointer(rebasing: found[at * length..<(at + 1) * length])
          if draw == 0 { _ = sum.update(fromContentsOf: more) } else { for i in sum.indices { sum[i] += more[i] } }
        }
      }
    }

    if !noisy || path == .fresh && drawsFreshNoise {
      for piece in pieces(rowCount, draws) {
        let options = options(
          piece, path: noisy ? .fresh : nil, inputGradient: true, antithetic: noisy && antithetic, threads: threads)
        try withPlan(options) { plan in
          load(inputs, piece.rows, into: plan)
          if noisy { setSeeds(plan, seeds, piece.rows, first: first + piece.samples.lowerBound) }
          step(plan, rows: Array(piece.rows), samples: piece.samples.count, at: piece.samples.lowerBound)
        }
      }
    } else {
      for group in groups(of: seeds) {
        for (places, parts) in batches(of: group) {
          let options = Plan.Options(
            rows: places, path: path.sharingDraws, inputGradient: true, threads: threads,
            precision: precision, antithetic: antithetic)
          try withPlan(options) { plan in
            forEachDraw(draws, parts) { draw, rows in
              load(inputs, rows, seeds, into: plan)
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

  /// Some draws of some rows: one run of a plan.
  private struct Piece: Sendable {
    var rows: Range<Int>, samples: Range<Int>
    /// Rows of the plan; those above `rows.count` stay unused.
    var places: Int
  }

  /// Rows and draws of one run: few enough that what passes between two layers stays in a core's cache, and of large models enough that
  /// their parameters are not read for a few.
  private var mostRows: Int {
    min(max((2 << 20) / cost.bytes, min(16, (8 << 20) / cost.bytes), 1), 4096)
  }

  /// All draws of all rows.
  /// - Parameter shares: at least so many pieces, if there are as many rows and draws.
  private func pieces(_ rowCount: Int, _ draws: Int, shares: Int = 1) -> [Piece] {
    let most = min(mostRows, max((rowCount * draws + shares - 1) / max(shares, 1), 1))
    let rowsEach = max(most / min(draws, most, 64).nextPowerOfTwo, 1),
      drawsEach = min(max(most / min(rowsEach, rowCount), 1), 64)
    let spare = cost.spareRows / min(drawsEach, draws)
    // A model is asked for few different numbers of draws.
    let samples = draws <= drawsEach ? [0..<draws] : chunks(of: draws, most: drawsEach).map(\.range)
    return chunks(of: rowCount, most: rowsEach, spare: spare).flatMap { rows in
      samples.map { Piece(rows: rows.range, samples: $0, places: rows.places) }
    }
  }

  private func options(
    _ piece: Piece, path: NoisePath? = nil, inputGradient: Bool = false, antithetic: Bool = false, threads: Int = 1
  ) -> Plan.Options {
    Plan.Options(
      rows: piece.places, samples: piece.samples.count, path: path, inputGradient: inputGradient, threads: threads,
      precision: precision, antithetic: antithetic)
  }

  /// What one run of a plan takes of a list, and how many places the plan has for it.
  struct Chunk: Sendable {
    var range: Range<Int>, places: Int
  }

  /// Chunks for plans of 2^k and 3 · 2^k places, so that few plans serve every count.
  /// - Parameter spare: places that may stay unused where that saves another run.
  func chunks(of count: Int, most: Int, spare: Int = 0) -> [Chunk] {
    var start = 0, result: [Chunk] = []
    while start < count {
      let left = min(count - start, most), power = 1 << (Int.bitWidth - 1 - left.leadingZeroBitCount)
      let middle = 3 * power / 2
      let (below, above) = left < middle ? (power, middle) : (middle, 2 * power)
      let isRounded = left > below && above - left <= spare
      let taken = isRounded ? left : below
      result.append(Chunk(range: start..<start + taken, places: isRounded ? above : below))
      start += taken
    }
    return result
  }

  private func groups(of seeds: [UInt64]) -> [[Int]] {
    var order: [UInt64] = [], rows: [UInt64: [Int]] = [:]
    for (row, seed) in seeds.enumerated() {
      if rows[seed] == nil { order.append(seed) }
      rows[seed, default: []].append(row)
    }
    return order.compactMap { rows[$0] }
  }

  /// A plan whose memory is of the extents that callers copy from and to.
  private func withPlan<Result>(_ options: Plan.Options, _ body: (Plan) throws -> Result) throws -> Result {
    try plans.withPlan(options) { plan in
      let rows = options.rows * options.samples
      guard plan.output().count == rows * signature.classes,
        plan.input().count == options.rows * signature.inputShape.count
      else {
        throw InferenceError(
          .notAClassifier, at: "output '\(signature.outputName.clipped())'",
          expected: "[\(rows), \(signature.classes)]", got: "\(plan.outputTypes[0])",
          advice: "the graph's output does not follow the number of rows")
      }
      return try body(plan)
    }
  }

  private func load(_ inputs: Tensor, _ rows: Range<Int>, into plan: Plan, at place: Int = 0) {
    let length = inputs.rowLength, to = plan.input()
    inputs.elements.withUnsafeBufferPointer { from in
      let source = UnsafeBufferPointer(rebasing: from[rows.lowerBound * length..<rows.upperBound * length])
      _ = UnsafeMutableBufferPointer(rebasing: to[(place * length)...]).update(fromContentsOf: source)
    }
  }

  /// Rows of one seed, as runs of plans: by the places of the plan, which goes from one to the next with the draw it has.
  private func batches(of group: [Int]) -> [(places: Int, rows: [[Int]])] {
    chunks(of: group.count, most: mostRows).reduce(into: []) { batches, chunk in
      let rows = Array(group[chunk.range])
      if batches.last?.places == chunk.places {
        batches[batches.count - 1].rows.append(rows)
      } else {
        batches.append((chunk.places, [rows]))
      }
    }
  }

  private func forEachDraw(_ draws: Int, _ batches: [[Int]], _ body: (Int, [Int]) -> Void) {
    for draw in 0..<draws { for rows in batches { body(draw, rows) } }
  }

  private func load(_ inputs: Tensor, _ rows: [Int], _ seeds: [UInt64], into plan: Plan) {
    for (at, row) in rows.enumerated() {
      load(inputs, row..<row + 1, into: plan, at: at)
      plan.seeds[at] = seeds[row]
    }
  }

  private func setSeeds(_ plan: Plan, _ seeds: [UInt64], _ rows: Range<Int>, first: Int) {
    for (at, row) in rows.enumerated() { plan.seeds[at] = seeds[row] }
    plan.firstSample = UInt32(truncatingIfNeeded: first)
  }

  private func copy(
    _ result: UnsafeBufferPointer<Float>, _ piece: Piece, to out: UnsafeMutableBufferPointer<Float>, of rowCount: Int
  ) {
    let width = piece.rows.count * signature.classes, stride = piece.places * signature.classes
    for (s, sample) in piece.samples.enumerated() {
      let target = (sample * rowCount + piece.rows.lowerBound) * signature.classes
      let source = UnsafeBufferPointer(rebasing: result[s * stride..<s * stride + width])
      _ = UnsafeMutableBufferPointer(rebasing: out[target..<target + width]).update(fromContentsOf: source)
    }
  }
}

extension NoisePath {
  /// For rows of one seed: where no op knows how to draw for each row, every weight is drawn.
  fileprivate var sharingDraws: NoisePath { self == .fresh ? .explicit : self }
}

extension Int {
  var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}

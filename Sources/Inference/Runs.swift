import DitherBasics
import DitherGraph
import DitherTensor

/// Some draws of some rows of a batch: one run of a plan.
struct Run: Sendable {
  /// By their places in the plan; its places behind them stay unused.
  var rows: [Int]
  /// Numbered from 0, the first that was asked for.
  var draws: Range<Int>
}

/// Runs of one plan: draw by draw and, for each, part by part, so that the plan keeps its draw from one run to the
/// next.
struct PlanRuns: Sendable {
  var options: Plan.Options
  /// The rows of a run each.
  var parts: [[Int]]
  /// Numbered from 0; each run makes `options.samples` of them.
  var draws: Range<Int>
}

/// Rows and draws as runs of plans.
extension Model {
  /// Whether every row has draws of its own in one plan.
  func isFresh(_ draws: NoiseDraws) -> Bool { path(draws.path) == .fresh }

  /// The path that rows go where this one is asked for: where no op knows how to draw for each row, every weight is
  /// drawn.
  func path(_ asked: NoisePath) -> NoisePath { asked == .fresh && !drawsFreshNoise ? .explicit : asked }

  /// All draws of all rows.
  /// - Parameters:
  ///   - shares: at least so many groups, if there are as many rows and draws.
  ///   - threads: of each plan.
  func runs(
    _ rowCount: Int, _ draws: NoiseDraws?, inputGradient: Bool = false, shares: Int = 1, threads: Int
  ) -> [PlanRuns] {
    func options(_ places: Int, _ samples: Int, _ path: NoisePath?) -> Plan.Options {
      Plan.Options(
        rows: places, samples: samples, path: path, inputGradient: inputGradient, threads: threads,
        precision: precision, antithetic: draws?.antithetic ?? false)
    }
    if let draws, !isFresh(draws) {
      // Weights are drawn: rows of one seed go together, one draw at a time.
      let count = draws.samples.count
      return groups(of: draws.seeds).flatMap(batches).map { places, parts in
        PlanRuns(options: options(places, 1, path(draws.path)), parts: parts, draws: 0..<count)
      }
    }
    return pieces(rowCount, draws?.samples.count ?? 1, shares: shares).map { piece in
      PlanRuns(
        options: options(piece.places, piece.draws.count, draws.map { _ in .fresh }), parts: [Array(piece.rows)],
        draws: piece.draws)
    }
  }

  /// Fills the plan's inputs and runs it forward, for each run of a group.
  /// - Parameters:
  ///   - proceed: called before each run; what it throws ends the work.
  ///   - body: called behind each run, with its results in the plan.
  func perform(
    _ group: PlanRuns, _ inputs: Tensor, _ draws: NoiseDraws?, proceed: () throws -> Void = {},
    _ body: (Plan, Run) throws -> Void
  ) throws {
    try withPlan(group.options) { plan in
      for first in stride(from: group.draws.lowerBound, to: group.draws.upperBound, by: group.options.samples) {
        for rows in group.parts {
          try proceed()
          signature.load(inputs, rows, into: plan.inputs)
          if let draws {
            for (at, row) in rows.enumerated() { plan.seeds[at] = draws.seeds[row] }
            plan.firstSample = UInt32(truncatingIfNeeded: draws.samples.lowerBound + first)
          }
          plan.forward()
          try body(plan, Run(rows: rows, draws: first..<first + group.options.samples))
        }
      }
    }
  }

  /// A plan whose memory is of the extents that callers copy from and to.
  func withPlan<Result>(_ options: Plan.Options, _ body: (Plan) throws -> Result) throws -> Result {
    try plans.withPlan(options) { plan in
      let rows = options.rows * options.samples
      guard plan.output().count == rows * signature.outputWidth,
        signature.fits(plan.inputs, rows: options.rows)
      else {
        throw InferenceError(
          .notAModel, at: "output '\(signature.outputName.clipped())'",
          expected: "[\(rows), \(signature.outputWidth)]", got: "\(plan.outputTypes[0])",
          advice: "the graph's output does not follow the number of rows")
      }
      return try body(plan)
    }
  }

  // MARK: cutting

  /// Rows of one run: few enough that what passes between two layers stays in a core's cache, and of large models
  /// enough that their parameters are not read for a few.
  private var mostRows: Int {
    signature.isRowByRow ? 1 : min(max((2 << 20) / cost.bytes, min(16, (8 << 20) / cost.bytes), 1), 4096)
  }

  /// Rectangles of rows and draws.
  private func pieces(
    _ rowCount: Int, _ draws: Int, shares: Int
  ) -> [(rows: Range<Int>, draws: Range<Int>, places: Int)] {
    let most = min(mostRows, max((rowCount * draws + shares - 1) / max(shares, 1), 1))
    let rowsEach = max(most / min(draws, most, 64).nextPowerOfTwo, 1),
      drawsEach = min(max(most / min(rowsEach, rowCount), 1), 64)
    let spare = cost.spareRows / min(drawsEach, draws)
    // A model is asked for few different numbers of draws.
    let parts = draws <= drawsEach ? [0..<draws] : chunks(of: draws, most: drawsEach).map(\.range)
    return chunks(of: rowCount, most: rowsEach, spare: spare).flatMap { rows in
      parts.map { (rows.range, $0, rows.places) }
    }
  }

  /// A part of a list that one run of a plan takes, and how many places the plan has for it.
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

  /// Rows by seed, in the order in which the seeds come.
  private func groups(of seeds: [UInt64]) -> [[Int]] {
    var order: [UInt64] = [], rows: [UInt64: [Int]] = [:]
    for (row, seed) in seeds.enumerated() {
      if rows[seed] == nil { order.append(seed) }
      rows[seed, default: []].append(row)
    }
    return order.compactMap { rows[$0] }
  }

  /// Splits rows of one seed into runs, grouped by plan size.
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
}

extension Int {
  var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}

import DitherGraph
import DitherTensor
import Synchronization

extension Model {
  /// Bytes of the largest value between two layers that a batch of made rows may have: what stays in a core's second
  /// cache.
  private static let batchBytes = 1 << 20

  /// How often each class is the first maximum, over rows that are made where a plan reads them. There are never more
  /// of them than a batch for each thread, however many are asked for. Rows without an answer (``Label/none``) are in
  /// no class's count.
  ///
  /// Of a model with noise every row has one draw of its own, independent of the others', even where a layer knows no
  /// better way than to draw its weights.
  /// - Parameters:
  ///   - rows: the numbers of the rows; counts of two ranges add up to those of both.
  ///   - drawSeed: where a row's draw of the model's noise is; nil for the deterministic pass.
  ///   - threads: that batches are spread over; the counts do not depend on them.
  ///   - proceed: called before each batch, on any thread; what it throws ends the work.
  ///   - make: writes a row, as the model takes it, by its number.
  public func labelCounts(
    rows: Range<Int>, drawSeed: (@Sendable (Int) -> UInt64)? = nil, threads: Int = 1,
    proceed: @Sendable () throws -> Void = {},
    make: @Sendable (UnsafeMutableBufferPointer<Float>, Int) -> Void
  ) throws -> [Int] {
    try signature.checkClasses(for: "counts of labels")
    try signature.checkOneFloat(for: "counts of labels")
    let isNoisy = noise != nil && drawSeed != nil, path = isNoisy ? path(.fresh) : nil
    let most = path == .explicit || signature.isRowByRow ? 1 : min(max(Self.batchBytes / cost.bytes, 8), 512)
    let length = signature.inputShape.count, classes = signature.classes
    let totals = Mutex([Int](repeating: 0, count: classes))
    try Parallel.forEach(chunks(of: rows.count, most: most), threads: threads) { chunk in
      try proceed()
      let piece = chunk.range
      let options = Plan.Options(
        rows: piece.count, path: path, precision: precision)
      try withPlan(options) { plan in
        let input = plan.input()
        for at in 0..<piece.count {
          let number = rows.lowerBound + piece.lowerBound + at
          make(UnsafeMutableBufferPointer(rebasing: input[at * length..<(at + 1) * length]), number)
          if isNoisy, let drawSeed { plan.seeds[at] = drawSeed(number) }
        }
        plan.firstSample = 0
        plan.forward()
        let result = plan.output()
        totals.withLock { totals in
          for at in 0..<piece.count {
            let label = Label.of(UnsafeBufferPointer(rebasing: result[at * classes..<(at + 1) * classes]))
            if label != Label.none { totals[label] += 1 }
          }
        }
      }
    }
    return totals.withLock { $0 }
  }
}

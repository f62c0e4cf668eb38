import DitherBasics
import DitherGraph
import DitherTensor
import Foundation
import Synchronization

/// The diagonal of the generalized Gauss–Newton matrix of a model's log-likelihood for the weights that noise can go
/// to, a sum over examples: of a weight w it is Σ_n Σ_c (∂/∂w of s_c · z_n)², where Σ_c s_c s_cᵀ is the Hessian of the
/// loss for the output z. It asks for no labels, and is exact but for rounding.
///
/// Of classes the Hessian is diag(p) − p pᵀ = S Sᵀ with the columns s_c = √p_c (e_c − p); of a regression it is the
/// unit matrix, for a deviation of 1; of one that answers with a variance v that of means 1/v and of ln v 1/2, the
/// mean over targets. Sources: Schraudolph 2002, Neural Computation 14; Martens 2020, JMLR 21, arXiv 1412.1193.
public struct GaussNewton: Sendable {
  /// The weights that it is of.
  public enum Layers: String, Codable, Sendable, CaseIterable {
    case all
    /// The last layer's alone.
    case last
  }

  /// By the weights' names, numbers in their order.
  public private(set) var diagonals: [String: [Double]]

  /// Rows of one pass where layers are dense.
  private static let mostRows = 256

  /// - Parameters:
  ///   - inputs: [N, …] as the graph takes them.
  ///   - threads: that rows are spread over.
  ///   - proceed: called between passes, on any thread; what it throws ends the work.
  /// - Throws: when the rows are no inputs of this model, or its graph has no gradients.
  public init(
    _ model: Model, inputs: Tensor, layers: Layers = .all, threads: Int = 1,
    proceed: @Sendable () throws -> Void = {}
  ) throws {
    let inputs = try model.signature.checked(inputs).tensor
    var graph = model.graph.withoutNoise()
    let output = model.signature.outputName
    graph.outputs = graph.outputs.filter { $0.name == output }
    if !model.signature.task.isRegression {
      // Differences of probabilities near 1 round to nothing; those of their logits do not.
      graph = try graph.exposingLogits(of: output, kind: model.signature.outputKind)
    }
    let all = graph.noisyWeights, wanted = layers == .last ? Array(all.suffix(1)) : all
    let ids = wanted.map(\.id), dense = try graph.denseWeights().filter(ids.contains)
    let others = ids.filter { !dense.contains($0) }
    var found: [ValueID: [Double]] = [:]
    for (weights, isDense) in [(dense, true), (others, false)] where !weights.isEmpty {
      let sums = try Self.sums(
        graph, weights, isDense: isDense, model.signature, inputs, threads: threads, proceed)
      found.merge(sums) { first, _ in first }
    }
    diagonals = [:]
    for (id, name, _) in wanted { diagonals[name] = found[id] }
  }

  private init(_ diagonals: [String: [Double]]) { self.diagonals = diagonals }

  /// The sum of those of several parts of the examples.
  public static func sum(_ parts: [GaussNewton]) -> GaussNewton {
    var sum = parts.first?.diagonals ?? [:]
    for part in parts.dropFirst() {
      for (name, numbers) in part.diagonals {
        sum[name] = sum[name].map { zip($0, numbers).map { $0 + $1 } } ?? numbers
      }
    }
    return GaussNewton(sum)
  }

  private static func sums(
    _ graph: Graph, _ weights: [ValueID], isDense: Bool, _ signature: ModelSignature, _ inputs: Tensor, threads: Int,
    _ proceed: @Sendable () throws -> Void
  ) throws -> [ValueID: [Double]] {
    let root = HessianRoot(signature)
    let rows = isDense && !signature.isRowByRow ? min(inputs.rowCount, mostRows) : 1
    let starts = Array(stride(from: 0, to: inputs.rowCount, by: rows))
    let share = (starts.count + max(threads, 1) - 1) / max(threads, 1)
    let parts = stride(from: 0, to: starts.count, by: share).map { Array(starts[$0..<min($0 + share, starts.count)]) }
    // Kept apart, so that the sum does not depend on which thread is first.
    let found = Mutex([Int: (weights: [ValueID], sums: [[Double]])]())
    try Parallel.forEach(Array(parts.enumerated()), threads: threads) { number, starts in
      let squares: any SquaredGradients =
        isDense ? try ProductSquares(graph, of: weights, rows: rows) : try RowSquares(graph, of: weights)
      var sums = squares.weights.map { id in
        [Double](repeating: 0, count: graph.literals[id]?.type.shape.count ?? 0)
      }
      for start in starts {
        try proceed()
        add(start..<min(start + rows, inputs.rowCount), of: inputs, signature, squares, root, to: &sums)
      }
      found.withLock { $0[number] = (squares.weights, sums) }
    }
    var total: [ValueID: [Double]] = [:]
    for (_, part) in found.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      for (id, numbers) in zip(part.weights, part.sums) {
        total[id] = total[id].map { zip($0, numbers).map { $0 + $1 } } ?? numbers
      }
    }
    return total
  }

  private static func add(
    _ rows: Range<Int>, of inputs: Tensor, _ signature: ModelSignature, _ squares: any SquaredGradients,
    _ root: HessianRoot, to sums: inout [[Double]]
  ) {
    // Rows of a batch that is not full stay as they were, and have no gradient.
    signature.load(inputs, rows, into: squares.inputs)
    squares.begin()
    squares.forward()
    let width = root.width, scores = squares.output, cotangent = squares.cotangent
    let points = rows.indices.map { at in
      let row = at - rows.startIndex
      return root.point(UnsafeBufferPointer(rebasing: scores[row * width..<(row + 1) * width]))
    }
    for column in 0..<width {
      cotangent.update(repeating: 0)
      for (row, point) in points.enumerated() {
        let own = UnsafeMutableBufferPointer(rebasing: cotangent[row * width..<(row + 1) * width])
        root.column(column, at: point, into: own)
      }
      squares.backward()
    }
    squares.finish(into: &sums)
  }
}

/// A square root of the loss's Hessian for an output, column by column.
private struct HessianRoot {
  let width: Int
  private let task: ModelTask

  init(_ signature: ModelSignature) {
    (task, width) = (signature.task, signature.outputWidth)
  }

  /// All that the columns depend on: of classes their probabilities, of a regression its output.
  func point(_ output: UnsafeBufferPointer<Float>) -> [Float] {
    guard !task.isRegression else { return Array(output) }
    let top = output.max() ?? 0, powers = output.map { exp(Double($0 - top)) }, total = powers.reduce(0, +)
    return powers.map { Float($0 / total) }
  }

  func column(_ c: Int, at point: [Float], into out: UnsafeMutableBufferPointer<Float>) {
    if task.isRegression {
      out.update(repeating: 0)
      guard case .gaussian(let values) = task else { return out[c] = 1 }
      out[c] = c < values ? exp(-point[c + values] / 2) : Float(0.5).squareRoot()
      return
    }
    let root = point[c].squareRoot()
    for k in out.indices { out[k] = root * ((k == c ? 1 : 0) - point[k]) }
  }
}

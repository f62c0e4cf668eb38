import DitherBasics
import DitherTensor

/// Each slice of the result along one axis is a weighted sum of the input's slices: resizing, tiling, padding by
/// reflection and sums over neighboring channels are this. The weights are a sparse matrix, row by row.
struct AxisMix: Op {
  struct Matrix: Sendable {
    var rows: Int, columns: Int
    /// `taps[starts[r]..<starts[r + 1]]` make row r.
    var starts: [Int32]
    var taps: [(column: Int32, weight: Float)]

    /// In memory.
    var byteCount: Int { starts.count * MemoryLayout<Int32>.stride + taps.count * 8 }

    /// - Parameter rows: for each slice of the result, which of the input's and with what weight.
    init(columns: Int, rows: [[(column: Int, weight: Float)]]) {
      self.rows = rows.count
      self.columns = columns
      starts = [0]
      taps = []
      for row in rows {
        for tap in row { taps.append((Int32(tap.column), tap.weight)) }
        starts.append(Int32(taps.count))
      }
    }
    /// For elements that cannot be weighed: each slice is a copy of the first that it is made of, or zeros. `length`:
    /// of a slice, in bytes.
    func copySlices(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, blocks: Int, _ length: Int) {
      for block in 0..<blocks {
        for row in 0..<rows {
          let target = to + (block * rows + row) * length
          if starts[row] < starts[row + 1] {
            let column = Int(taps[Int(starts[row])].column)
            target.copyMemory(from: from + (block * columns + column) * length, byteCount: length)
          } else {
            target.initializeMemory(as: UInt8.self, repeating: 0, count: length)
          }
        }
      }
    }
    var transposed: Matrix {
      var result = [[(column: Int, weight: Float)]](repeating: [], count: columns)
      for row in 0..<rows {
        for tap in taps[Int(starts[row])..<Int(starts[row + 1])] { result[Int(tap.column)].append((row, tap.weight)) }
      }
      return Matrix(columns: rows, rows: result)
    }
  }
  /// The longest axis that is mixed; longer ones are refused.
  static let limit = 1 << 16

  let axis: Int
  let matrix: Matrix
  var heldBytes: Int { matrix.byteCount }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.required(0, "input")
    var shape = x.shape
    guard shape.dimensions.indices.contains(axis), shape[axis] == matrix.columns else {
      throw GraphError(
        .shape, at: "input", expected: "\(matrix.columns) slices along axis \(axis)", got: "\(x)")
    }
    shape[axis] = matrix.rows
    if x.element != .float32, let known = x.known, (shape.checkedCount ?? .max) <= Literal.knownLimit {
      // A slice of the result is one of the input's, or zeros.
      let inner = Shape(Array(shape.dimensions[(axis + 1)...])).count
      return [
        TensorType(
          shape, x.element,
          known: (0..<shape.count).map { index in
            let block = index / (inner * matrix.rows), row = index / inner % matrix.rows
            guard matrix.starts[row] < matrix.starts[row + 1] else { return 0 }
            let column = Int(matrix.taps[Int(matrix.starts[row])].column)
            return known[(block * matrix.columns + column) * inner + index % inner]
          })
      ]
    }
    return [TensorType(shape, x.element)]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.apply(AxisMix(axis: axis, matrix: matrix.transposed))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], matrix = matrix
    let outer = Shape(Array(x.shape.dimensions[..<axis])).count
    let inner = Shape(Array(x.shape.dimensions[(axis + 1)...])).count
    guard y.type.element == .float32 else {
      let length = inner * y.type.element.byteCount
      plan.step([x, y]) { memory in
        let from = memory.raw(x), to = memory.raw(y)
        return { matrix.copySlices(from, to, blocks: outer, length) }
      }
      return
    }
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return {
        for block in 0..<outer {
          let source = from + block * matrix.columns * inner
          for row in 0..<matrix.rows {
            let target = to + (block * matrix.rows + row) * inner
            let first = Int(matrix.starts[row]), last = Int(matrix.starts[row + 1])
            if inner == 1 {
              var sum: Float = 0
              for i in first..<last { sum += matrix.taps[i].weight * source[Int(matrix.taps[i].column)] }
              target[0] = sum
              continue
            }
            target.update(repeating: 0, count: inner)
            for i in first..<last {
              Kernels.axpy(target, source + Int(matrix.taps[i].column) * inner, matrix.taps[i].weight, inner)
            }
          }
        }
      }
    }
  }
}

extension Value {
  /// Mixes the slices along `axis`; `rows` says for each new slice of which old ones it is made.
  func mixed(_ axis: Int, _ rows: [[(column: Int, weight: Float)]]) throws(GraphError) -> Value {
    try apply(AxisMix(axis: axis, matrix: AxisMix.Matrix(columns: shape[axis], rows: rows)))
  }
  /// Picks slices along `axis`.
  func picked(_ axis: Int, _ columns: [Int]) throws(GraphError) -> Value {
    columns == Array(0..<shape[axis]) ? self : try mixed(axis, columns.map { [(column: $0, weight: Float(1))] })
  }
}

import DitherDatasets
import DitherGraph
import DitherTensor

/// Columns of a table as a network is trained on them: standardized by the rows that it is trained on alone, where
/// those are a part of what the set standardized by. The model that is saved takes the set's own numbers.
struct InputScale: Sendable {
  /// By column, times which a number is taken.
  private let factors: [Float]
  /// By column, added then.
  private let shifts: [Float]

  /// nil: inputs stay as they are.
  init?(_ part: TrainingPart) {
    let rows = part.examples.inputs, columns = part.examples.standardizedColumns
    guard !part.isWhole, !columns.isEmpty else { return nil }
    let scales = (0..<rows.rowLength).map { column in
      columns.contains(column)
        ? ColumnScale((0..<rows.rowCount).map { Double(rows.elements[$0 * rows.rowLength + column]) }) : nil
    }
    factors = scales.map { $0.map { Float(1 / $0.deviation) } ?? 1 }
    shifts = scales.map { $0.map { Float(-$0.mean / $0.deviation) } ?? 0 }
  }

  func scaled(_ inputs: Tensor) -> Tensor {
    let width = factors.count
    return Tensor(inputs.shape) { out in
      for i in out.indices { out[i] = inputs.elements[i] * factors[i % width] + shifts[i % width] }
    }
  }

  /// The same network, which takes the set's numbers.
  func prepended(to graph: Graph) throws -> Graph {
    guard let input = graph.inputs.first else { return graph }
    let builder = GraphBuilder(name: graph.name), shape = Shape(input.dimensions.dropFirst().map { $0 ?? 1 })
    let x = builder.input(input.name, shape.dimensions)
    func constant(_ numbers: [Float], _ name: String) -> Value {
      builder.constant(.float(Tensor(shape, numbers)), name)
    }
    let scaled = try builder.add(
      builder.multiply(x, constant(factors, "inputs.factor")), constant(shifts, "inputs.shift"))
    let answers = try builder.replay(graph, on: [scaled], prefix: "")
    var result = builder.finish(outputs: zip(graph.outputs, answers).map { ($0.name, $1) })
    result.metadata = graph.metadata
    result.noise = graph.noise
    return result
  }
}

import DitherGraph
import DitherTensor

/// A model of words that takes the rows of its table in their place: the numbers of words have no gradient, and nothing
/// between two of them; their embeddings have.
public struct EmbeddedModel: Sendable {
  /// Answers as the first does, from rows of the table.
  public let model: Model
  /// [words, …]: between the least and the largest number of each column every row lies.
  public let table: Tensor
  private let own: ModelSignature
  private let numbers: Int, rows: Int

  /// - Returns: nil where the model takes floats, or its integers go into no table as they are.
  public init?(_ own: Model) throws {
    guard own.signature.floatColumns.isEmpty, let found = try own.graph.takingEmbeddings() else { return nil }
    model = try Model(found.graph, precision: own.precision, sharing: own)
    table = found.table
    self.own = own.signature
    (numbers, rows) = (found.numbers, found.rows)
  }

  /// Columns of a row that are embeddings.
  public var columns: Range<Int> { model.signature.layout.columns[rows] }

  /// Rows of the first model as rows of this one. A number that the table has not gets a row of NaN.
  /// - Parameter inputs: [N, …], as the first takes them.
  public func embedded(_ inputs: Tensor) -> Tensor {
    let layout = own.layout, words = layout.rows(of: numbers, in: inputs)
    let parts = model.signature.inputs.enumerated().map { number, input -> Tensor in
      guard number == rows else {
        let at = layout.parts.firstIndex { $0.name == input.name } ?? 0
        return layout.rows(of: at, in: inputs)
      }
      return lookedUp(words)
    }
    let joined = RowLayout.joining(parts)
    return joined.reshaped(Shape([inputs.rowCount] + model.signature.inputShape.dimensions))
  }

  private func lookedUp(_ words: Tensor) -> Tensor {
    let length = table.rowLength, count = table.rowCount
    return Tensor(writing: [words.rowCount, words.rowLength * length]) { out in
      for (at, word) in words.elements.enumerated() {
        // As the op counts: from the end below 0.
        let number = Int(exactly: word).map { $0 < 0 ? $0 + count : $0 } ?? -1
        let target = UnsafeMutableBufferPointer(rebasing: out[at * length..<(at + 1) * length])
        guard (0..<count).contains(number) else {
          target.update(repeating: .nan)
          continue
        }
        for (i, value) in table.row(number).enumerated() { target[i] = value }
      }
    }
  }
}

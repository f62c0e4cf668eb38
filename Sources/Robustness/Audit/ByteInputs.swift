import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// Bytes are pixels where a model takes floats, and numbers where it takes integers, as words' numbers are.
extension AuditData {
  /// The same with bytes as they came, not divided by 255, for inputs that every model takes as whole numbers.
  func withWholeBytes(for subjects: [AuditSubject]) -> AuditData {
    guard let first = subjects.first, !byteInputs.isEmpty else { return self }
    let columns = subjects.dropFirst().reduce(columnsOfBytes(for: first.model.signature)) { found, subject in
      found.intersection(columnsOfBytes(for: subject.model.signature))
    }
    return multiplied(columns)
  }

  /// All bytes as they came, not divided by 255.
  public var withWholeBytes: AuditData {
    let all = layout?.columns ?? [0..<inputs.rowLength]
    return multiplied(byteInputs.reduce(into: []) { if all.indices.contains($1) { $0.formUnion(all[$1]) } })
  }

  /// Columns of these rows that came as bytes and that a model takes as whole numbers.
  private func columnsOfBytes(for signature: ModelSignature) -> Set<Int> {
    guard let layout, layout.parts.count > 1 || signature.inputs.count > 1 else {
      guard byteInputs.contains(0) else { return [] }
      // One input may have any length here, which the model is made for later.
      return signature.inputs.count > 1
        ? Set(signature.integerColumns) : signature.inputs[0].element == .float32 ? [] : Set(0..<inputs.rowLength)
    }
    let whole = Set(signature.inputs.filter { $0.element != .float32 }.map(\.name))
    return byteInputs.reduce(into: []) { columns, part in
      guard layout.parts.indices.contains(part), whole.contains(layout.parts[part].name) else { return }
      columns.formUnion(layout.columns[part])
    }
  }

  private func multiplied(_ columns: Set<Int>) -> AuditData {
    guard !columns.isEmpty else { return self }
    var data = self
    let width = inputs.rowLength
    data.inputs = Tensor(
      inputs.shape, inputs.elements.enumerated().map { columns.contains($0 % width) ? ($1 * 255).rounded() : $1 })
    data.byteInputs = []
    return data
  }

  /// - Throws: where a model takes integers and the examples have a fraction, as bytes are that were divided by 255.
  func checkWhole(_ columns: Set<Int>, for subjects: [AuditSubject]) throws(RobustnessError) {
    let width = inputs.rowLength
    guard !columns.isEmpty,
      let at = inputs.elements.indices.first(where: {
        columns.contains($0 % width) && inputs.elements[$0].rounded() != inputs.elements[$0]
      })
    else { return }
    let column = at % width, taker = subjects.first { $0.model.signature.integerColumns.contains(column) }
    let place = taker?.model.signature.layout.place(of: column).map { "input '\($0.part.name.clipped())' of " } ?? ""
    throw RobustnessError(
      .data, at: "data '\(name.clipped())', example \(start + at / width)",
      expected: "whole numbers for \(place)'\((taker ?? subjects[0]).name.clipped())'",
      got: "\(inputs.elements[at])",
      advice: "give integers or bytes; numbers that were divided, as pixels are by 255, are none")
  }
}

import DitherBasics
import DitherTensor

/// Rows that a model takes: of its shape, each number finite, and whole where an input is of integers. Only a
/// signature's `checked` makes them, so that they are looked at once, however many passes they go through.
public struct CheckedInputs: Sendable {
  /// [B, …], B ≥ 1.
  public let tensor: Tensor
  fileprivate init(_ tensor: Tensor) { self.tensor = tensor }

  /// B.
  public var rowCount: Int { tensor.rowCount }

  /// The rows of all parts, for one model, in their order.
  public static func concatenate(_ parts: [CheckedInputs]) -> CheckedInputs {
    parts.count == 1 ? parts[0] : CheckedInputs(Tensor.concatenate(parts.map(\.tensor)))
  }
}

extension ModelSignature {
  /// - Throws: when the rows are not examples of this model, or hold NaN, infinities, or fractions where it takes
  ///   integers.
  public func checked(_ inputs: Tensor) throws(InferenceError) -> CheckedInputs {
    try checkShape(of: inputs)
    if !inputs.isFinite, let index = inputs.elements.firstIndex(where: { !$0.isFinite }) {
      let (place, element) = place(of: index, in: inputs)
      throw InferenceError(
        .notFinite, at: place, expected: "finite numbers", got: "\(inputs.elements[index]) at element \(element)")
    }
    if !takesOneFloat { try checkWhole(inputs) }
    return CheckedInputs(inputs)
  }

  /// - Throws: when the rows are not of the shape of this model's examples, as those that another checked may be.
  func checkShape(of inputs: Tensor) throws(InferenceError) {
    guard inputs.shape.rank == inputShape.rank + 1, inputs.shape.row == inputShape, inputs.rowCount > 0 else {
      throw InferenceError(
        .inputShape, at: "input '\(inputName.clipped())'",
        expected: "[B, \(inputShape.dimensions.map(String.init).joined(separator: ", "))] with B ≥ 1",
        got: "\(inputs.shape)", advice: turning(inputs.shape.row.dimensions))
    }
  }

  /// Advice where a row is a picture of this model with its axes in the other order.
  private func turning(_ row: [Int]) -> String? {
    let wanted = inputShape.dimensions
    guard row.count == 3, wanted.count == 3, row != wanted else { return nil }
    if [row[1], row[2], row[0]] == wanted { return "the model has its channels last: of a file's data say ?axes=hwc" }
    if [row[2], row[0], row[1]] == wanted { return "the model has its channels first: of a file's data say ?axes=chw" }
    return nil
  }
}

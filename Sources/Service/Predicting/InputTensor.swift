import DitherBasics
import DitherInference
import DitherTensor
import Foundation

extension InputArray {
  /// The rows as a model takes them.
  /// - Throws: what does not fit, by its field.
  func inputs(for signature: ModelSignature, _ limits: ServerConfiguration.Limits) throws -> CheckedInputs {
    guard name == nil || name == signature.inputName else {
      throw ServiceError(
        .badField, at: "inputs", expected: "'\(signature.inputName.clipped())'", got: "'\((name ?? "").clipped())'")
    }
    let element = try known(), rows = try rowCount(signature)
    guard rows <= limits.rowsPerRequest else {
      throw ServiceError(
        .badField, at: "input.shape", expected: "at most \(limits.rowsPerRequest) rows", got: "\(rows)",
        advice: "send them in several requests")
    }
    let count = rows * signature.inputShape.count, width = element == .float32 ? 4 : 1
    guard data.count == count * width else {
      throw ServiceError(
        .badField, at: "input.data", expected: "\(count * width) bytes for \(shape) of \(element.rawValue)",
        got: "\(data.count)")
    }
    let tensor =
      element == .uint8
      ? try signature.input(bytes: [UInt8](data), rows: rows)
      : signature.normalized(Tensor(signature.inputShape.replacingBatch(rows), floats(count)))
    // Here, so that a row that is no input is its own request's.
    return try signature.checked(tensor)
  }

  private func known() throws(ServiceError) -> Element {
    guard let element, element != .int64 else {
      throw ServiceError(
        .badField, at: "input.type", expected: "FLOAT32 or UINT8 for this model", got: element?.rawValue ?? "no type")
    }
    return element
  }

  private func rowCount(_ signature: ModelSignature) throws(ServiceError) -> Int {
    let expected = signature.inputShape.dimensions
    guard shape.count == expected.count + 1, shape.dropFirst().elementsEqual(expected.map(Int64.init)),
      let rows = shape.first.flatMap(Int.init(exactly:)), rows > 0
    else {
      throw ServiceError(
        .badField, at: "input.shape",
        expected: "[B, \(expected.map(String.init).joined(separator: ", "))] with B from 1",
        got: "\(shape.prefix(9))\(shape.count > 9 ? " and \(shape.count - 9) more" : "")")
    }
    return rows
  }

  private func floats(_ count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      // The wire is little-endian, as every machine is that this is built for.
      filled = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / 4
    }
  }
}

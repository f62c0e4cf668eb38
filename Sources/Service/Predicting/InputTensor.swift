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
    let rows = try rowCount(signature)
    guard rows <= limits.rowsPerRequest else {
      throw ServiceError(
        .badField, at: "input.shape", expected: "at most \(limits.rowsPerRequest) rows", got: "\(rows)",
        advice: "send them in several requests")
    }
    try check(count: rows * signature.inputShape.count, at: "input")
    // Here, so that a row that is no input is its own request's.
    return try signature.checked(signature.normalized(Tensor(signature.inputShape.replacingBatch(rows), numbers)))
  }

  private func known(at field: String) throws(ServiceError) -> Element {
    guard let element else {
      throw ServiceError(
        .badField, at: "\(field).type",
        expected: "one of \(Element.allCases.map(\.rawValue).joined(separator: ", "))", got: "no known type")
    }
    return element
  }

  /// - Parameter field: of the array, for messages.
  /// - Throws: where its type is unknown, and where there are more bytes, or fewer, than so many elements have.
  func check(count: Int, at field: String) throws(ServiceError) {
    let element = try known(at: field), (bytes, overflow) = count.multipliedReportingOverflow(by: element.width)
    guard !overflow, data.count == bytes else {
      throw ServiceError(
        .badField, at: "\(field).data", expected: "\(bytes) bytes for \(shape) of \(element.rawValue)".clipped(),
        got: "\(data.count)")
    }
  }

  /// A row may be flat, and differ in axes of extent 1, as a file's may.
  private func rowCount(_ signature: ModelSignature) throws(ServiceError) -> Int {
    let expected = signature.inputShape.dimensions
    guard let rows = shape.first.flatMap(Int.init(exactly:)), shape.allSatisfy({ $0 > 0 }),
      Shape(shape.dropFirst().map { Int(clamping: $0) }).isReadable(as: signature.inputShape)
    else {
      throw ServiceError(
        .badField, at: "input.shape",
        expected: "[B, \(expected.map(String.init).joined(separator: ", "))] with B from 1",
        got: "\(shape.prefix(9))\(shape.count > 9 ? " and \(shape.count - 9) more" : "")")
    }
    return rows
  }

  /// In units of the data: whole numbers are numbers, bytes are pixels, divided by 255.
  var numbers: [Float] {
    switch element {
    case .float32: elements(of: Float.self, count: data.count / 4)
    case .int64: elements(of: Int64.self, count: data.count / 8).map { Float($0) }
    case .uint8, nil: Tensor.pixels(data)
    }
  }

  /// The wire is little-endian, as every machine is that this is built for.
  private func elements<Number: BitwiseCopyable>(of _: Number.Type, count: Int) -> [Number] {
    [Number](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / MemoryLayout<Number>.stride
    }
  }
}

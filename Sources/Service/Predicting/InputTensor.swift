import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Foundation

extension [InputArray] {
  /// A row's shape for each input of a model, in their order; nil of one that is not given.
  func rowShapes(for signature: ModelSignature) -> [Shape?] {
    func row(_ array: InputArray?) -> Shape? {
      // Checked for more than that where the array is read.
      guard let array, array.shape.count <= 9 else { return nil }
      return Shape(array.shape.dropFirst().map { Int(clamping: $0) })
    }
    if count == 1, signature.inputs.count == 1 { return [row(self[0])] }
    return signature.inputs.map { input in row(first { $0.name == input.name }) }
  }

  /// The rows as a model takes them: of several inputs side by side.
  /// - Throws: what does not fit, by its field and the input's name.
  func rows(for signature: ModelSignature, _ limits: ServerConfiguration.Limits) throws -> CheckedInputs {
    guard count == 1, signature.inputs.count == 1 else { return try named(for: signature, limits) }
    let input = signature.inputs[0]
    try self[0].checkName(is: input.name)
    let tensor = try self[0].tensor(for: input, at: "input", limits)
    // Here, so that a row that is no input is its own request's.
    return try signature.checked(signature.takesOneFloat ? signature.normalized(tensor) : tensor)
  }

  private func named(for signature: ModelSignature, _ limits: ServerConfiguration.Limits) throws -> CheckedInputs {
    let wanted = signature.inputs.map(\.name)
    guard allSatisfy({ $0.name != nil }) else {
      throw ServiceError(
        .badField, at: "input", expected: "inputs by their names: \(signature.layout)".clipped(to: 300),
        got: "one without a name", advice: "send them as `inputs`")
    }
    let names = compactMap(\.name)
    try InputArray.checkNames(names, at: "inputs")
    if let stranger = names.first(where: { !wanted.contains($0) }) {
      throw InputArray.stranger(stranger, among: wanted)
    }
    if let missing = wanted.first(where: { !names.contains($0) }) {
      throw ServiceError(
        .badField, at: "inputs", expected: "'\(missing.clipped())' too: \(signature.layout)".clipped(to: 300),
        got: names.map { "'\($0)'" }.joined(separator: ", ").clipped())
    }
    var tensors: [Tensor] = []
    for input in signature.inputs {
      guard let array = first(where: { $0.name == input.name }) else { continue }
      tensors.append(try array.tensor(for: input, at: "inputs['\(input.name.clipped())']", limits))
    }
    try InputArray.checkRows(tensors.map(\.rowCount), of: wanted, at: "inputs")
    return try signature.checked(RowLayout.joining(tensors))
  }
}

extension InputArray {
  func checkName(is wanted: String) throws(ServiceError) {
    guard let name, name != wanted else { return }
    throw Self.stranger(name, among: [wanted])
  }

  static func stranger(_ name: String, among wanted: [String]) -> ServiceError {
    ServiceError(
      .badField, at: "inputs", expected: wanted.map { "'\($0)'" }.joined(separator: ", ").clipped(),
      got: "'\(name.clipped())'", advice: nearest(to: name, among: wanted).map { "did you mean '\($0)'?" })
  }

  /// As many as a model may have.
  private static let mostNames = 64

  /// - Throws: where there are too many, or one stands twice.
  static func checkNames(_ names: [String], at field: String) throws(ServiceError) {
    guard (1...mostNames).contains(names.count) else {
      throw ServiceError(.badField, at: field, expected: "1 to \(mostNames) arrays", got: "\(names.count)")
    }
    guard Set(names).count == names.count else {
      let twice = names.enumerated().first { names[..<$0.offset].contains($0.element) }?.element ?? ""
      throw ServiceError(.badField, at: field, expected: "each name once", got: "'\(twice.clipped())' twice")
    }
  }

  /// - Throws: where one has another number of rows than the first.
  static func checkRows(_ counts: [Int], of names: [String], at field: String) throws(ServiceError) {
    guard let other = counts.firstIndex(where: { $0 != counts[0] }) else { return }
    throw ServiceError(
      .badField, at: "\(field)['\(names[other].clipped())'].shape",
      expected: "\(counts[0]) rows, as '\(names[0].clipped())' has", got: "\(counts[other])")
  }

  /// [B, …] in the shape of an input, in units of the data.
  /// - Throws: what does not fit, by its field.
  func tensor(
    for input: ModelSignature.Input, at field: String, _ limits: ServerConfiguration.Limits
  ) throws(ServiceError) -> Tensor {
    let rows = try rowCount(input.shape, at: field)
    guard rows <= limits.rowsPerRequest else {
      throw ServiceError(
        .badField, at: "\(field).shape", expected: "at most \(limits.rowsPerRequest) rows", got: "\(rows)",
        advice: "send them in several requests")
    }
    try check(count: rows * input.shape.count, at: field)
    let shape = input.shape.replacingBatch(rows)
    guard input.element != .float32 else { return Tensor(shape, numbers) }
    guard element != .float32 else {
      throw ServiceError(
        .badField, at: "\(field).type", expected: "INT64\(input.element == .bool ? " or UINT8" : ""), whole numbers",
        got: "FLOAT32", advice: "'\(input.name.clipped())' takes \(input.element)")
    }
    try checkWhole(at: field)
    return Tensor(shape, wholeNumbers)
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

  /// - Throws: where an integer is larger than what a row has exactly.
  func checkWhole(at field: String) throws(ServiceError) {
    guard element == .int64 else { return }
    let most = Int64(ModelSignature.mostWhole), values = elements(of: Int64.self, count: data.count / 8)
    guard let at = values.firstIndex(where: { !(-most...most).contains($0) }) else { return }
    throw ServiceError(
      .badField, at: "\(field).data", expected: "integers from \(-most) to \(most)",
      got: "\(values[at]) at element \(at)"
    )
  }

  /// A row may be flat, and differ in axes of extent 1, as a file's may.
  private func rowCount(_ row: Shape, at field: String) throws(ServiceError) -> Int {
    guard let rows = shape.first.flatMap(Int.init(exactly:)), shape.allSatisfy({ $0 > 0 }),
      Shape(shape.dropFirst().map { Int(clamping: $0) }).isReadable(as: row)
    else {
      throw ServiceError(
        .badField, at: "\(field).shape",
        expected: "[\((["B"] + row.dimensions.map(String.init)).joined(separator: ", "))] with B from 1",
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

  /// As they are: bytes are numbers too.
  private var wholeNumbers: [Float] { element == .uint8 ? data.map { Float($0) } : numbers }

  /// The wire is little-endian, as every machine is that this is built for.
  private func elements<Number: BitwiseCopyable>(of _: Number.Type, count: Int) -> [Number] {
    [Number](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / MemoryLayout<Number>.stride
    }
  }
}

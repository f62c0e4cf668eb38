import DitherBasics
import DitherTensor
internal import SwiftProtobuf

extension OnnxReader {
  mutating func readNode(_ proto: Onnx_NodeProto, _ index: Int, _ whole: Onnx_GraphProto) throws(GraphError) {
    let name = proto.name.isEmpty ? "\(proto.opType)_\(index)" : proto.name
    let place = "node '\(name.clipped())' (\(proto.opType.clipped()))"
    guard isDefault(proto.domain) || proto.domain == OnnxName.learning else {
      throw GraphError(
        .unsupportedOp, at: place, expected: "an op of ONNX's default domain or of \(OnnxName.learning)",
        got: "domain '\(proto.domain.clipped())'")
    }
    guard proto.input.count <= limits.inputsPerNode, proto.output.count <= limits.inputsPerNode,
      proto.attribute.count <= limits.attributesPerNode, !proto.output.isEmpty
    else {
      throw GraphError(
        .tooLarge, at: place, expected: "at most \(limits.inputsPerNode) inputs and outputs, at least one output",
        got: "\(proto.input.count) and \(proto.output.count), \(proto.attribute.count) attributes")
    }
    if try readBody(proto, name, at: place) { return }
    let attributes = try attributes(of: proto, at: place), inputs = try inputs(of: proto, at: place, whole)
    if proto.opType == "Constant" {
      guard let output = proto.output.first, let literal = constant(attributes) else {
        throw GraphError(
          .attribute, at: place, expected: "one tensor or number as value", got: "\(attributes.keys.sorted())")
      }
      let id = try define(output, at: place)
      try countHeld(literal, at: place)
      graph.literals[id] = literal
      stored[id] = proto.attribute.first.flatMap { StoredNumber(onnx: Int($0.t.dataType)) }
      return
    }
    // Outputs that nobody wants have no name; behind the last one that is wanted they say nothing.
    let wanted = proto.output[...(proto.output.lastIndex { !$0.isEmpty } ?? 0)]
    var node = OnnxNode(
      name: name, type: proto.opType, opset: opset, attributes: attributes,
      presentInputs: proto.input.map { !$0.isEmpty },
      outputCount: wanted.count)
    for (position, input) in inputs.enumerated() { node.storedInputs[position] = input.flatMap { stored[$0] } }
    let op = try makeOp(node, isDefault(proto.domain) ? "" : proto.domain)
    let constants = inputs.map { $0.flatMap { graph.literals[$0] } }
    try countMade(op.foldedShape(constants), at: place)
    if let floats = op.folded(constants) {
      let id = try define(wanted[0], at: place)
      graph.literals[id] = .float(floats)
      dequantized.formUnion(inputs.compactMap { $0 })
      return
    }
    if let labels = op.classLabels { setLabels(labels) }
    var outputs: [ValueID] = []
    for (position, output) in wanted.enumerated() {
      outputs.append(try define(output.isEmpty ? "\(name)_unused_\(position)" : output, at: place))
    }
    graph.nodes.append(Node(name: name, op: op, inputs: inputs, outputs: outputs))
  }

  /// - Throws: where all constants take too much memory.
  mutating func countHeld(_ literal: Literal, at place: String) throws(GraphError) {
    heldBytes += literal.type.byteCount
    guard heldBytes <= limits.constantBytes else {
      throw GraphError(
        .tooLarge, at: place,
        expected: "at most \(limits.constantBytes) bytes of constants in memory, where integers take 8 each",
        got: "more")
    }
  }

  /// - Throws: where constants that are made of few numbers are too many in all.
  private mutating func countMade(_ shape: Shape?, at place: String) throws(GraphError) {
    guard let shape else { return }
    let (bytes, overflow) = (shape.span ?? .max).multipliedReportingOverflow(by: 4)
    let (all, overflows) = graph.madeBytes.addingReportingOverflow(bytes)
    let most = min(limits.madeBytes, limits.freeMadeBytes + limits.madeBytesForByte * fileBytes)
    guard !overflow, !overflows, all <= most, bytes / 4 <= limits.elements else {
      throw GraphError(
        .tooLarge, at: place, expected: "at most \(most) bytes of constants that are made of few numbers, in all",
        got: "\(shape)\(graph.madeBytes > 0 ? " beside \(graph.madeBytes) bytes" : "")")
    }
    graph.madeBytes = all
  }

  /// Constants that nothing reads any more, since floats stand in their place.
  mutating func dropDequantized() {
    guard !dequantized.isEmpty else { return }
    let used = Set(graph.nodes.flatMap { $0.inputs.compactMap { $0 } }).union(graph.outputs.map(\.value))
    for id in dequantized where !used.contains(id) { graph.literals[id] = nil }
  }

  private func attributes(of proto: Onnx_NodeProto, at place: String) throws(GraphError) -> [String: OnnxAttribute] {
    var attributes: [String: OnnxAttribute] = [:]
    let longest = (try? Catalog<any OnnxOp.Type>.ops.entry(named: proto.opType))?.longestList ?? 1 << 16
    for attribute in proto.attribute {
      let value = try self.attribute(
        attribute, longest, at: "\(place), attribute '\(attribute.name.clipped())'")
      guard attributes.updateValue(value, forKey: attribute.name) == nil else {
        throw GraphError(
          .duplicate, at: place, expected: "each attribute once", got: "'\(attribute.name.clipped())' again")
      }
    }
    return attributes
  }

  private func inputs(
    of proto: Onnx_NodeProto, at place: String, _ whole: Onnx_GraphProto
  ) throws(GraphError) -> [ValueID?] {
    var inputs: [ValueID?] = []
    for input in proto.input {
      guard !input.isEmpty else {
        inputs.append(nil)
        continue
      }
      guard let id = values[input] else {
        let later = whole.node.contains { $0.output.contains(input) }
        throw GraphError(
          .missing, at: place, expected: "inputs that are defined before", got: "'\(input.clipped())'",
          advice: later ? "it is defined by this node or a later one: a cycle, or nodes out of order" : nil)
      }
      inputs.append(id)
    }
    return inputs
  }

  func makeOp(_ node: OnnxNode, _ domain: String) throws(GraphError) -> any Op {
    let entry: any OnnxOp.Type
    do throws(CatalogError) {
      entry = try Catalog.ops.entry(named: node.type)
      guard entry.onnx.domain == domain else {
        throw CatalogError(
          .unknownName, at: "op", expected: "\(node.type) of domain '\(entry.onnx.domain)'",
          got: "domain '\(domain.clipped())'")
      }
    } catch {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "\(error.expected), or Constant", got: error.got, advice: error.advice
      )
    }
    guard !domain.isEmpty || node.opset >= entry.onnx.since else {
      throw GraphError(
        .unsupportedOp, at: node.place, expected: "opset \(entry.onnx.since) or later", got: "opset \(node.opset)")
    }
    do { return try entry.init(node) } catch {
      guard !error.place.contains("node '") else { throw error }
      throw GraphError(
        error.code, at: "\(node.place), \(error.place)", expected: error.expected, got: error.got, advice: error.advice)
    }
  }

  private func attribute(
    _ proto: Onnx_AttributeProto, _ longest: Int, at place: String
  ) throws(GraphError) -> OnnxAttribute {
    switch proto.type {
    case .float: return .float(proto.f)
    case .int: return .int(proto.i)
    case .string:
      guard let text = String(validating: proto.s, as: UTF8.self) else {
        throw GraphError(.attribute, at: place, expected: "UTF-8", got: "other bytes")
      }
      return .string(text)
    case .tensor: return .tensor(try OnnxTensor.literal(proto.t, at: place, finite: false, limit: limits.elements))
    case .floats: return .floats(proto.floats)
    case .ints:
      guard proto.ints.count <= longest else {
        throw GraphError(.tooLarge, at: place, expected: "at most \(longest) integers", got: "\(proto.ints.count)")
      }
      return .ints(proto.ints)
    case .strings: return .strings(proto.strings.map { String(decoding: $0, as: UTF8.self) })
    default:
      throw GraphError(
        .unsupportedOp, at: place, expected: "a number, string, tensor or list of them", got: "\(proto.type)",
        advice: "control flow is not taken")
    }
  }

  private func constant(_ attributes: [String: OnnxAttribute]) -> Literal? {
    guard attributes.count == 1, let (key, value) = attributes.first else { return nil }
    switch (key, value) {
    case ("value", .tensor(let literal)): return literal
    case ("value_float", .float(let number)): return .float(Tensor([], [number]))
    case ("value_floats", .floats(let numbers)): return .float(Tensor([numbers.count], numbers))
    case ("value_int", .int(let number)): return .int64([], [number])
    case ("value_ints", .ints(let numbers)): return .int64([numbers.count], numbers)
    default: return nil
    }
  }
}

import DitherBasics
import DitherTensor
import Foundation
internal import SwiftProtobuf

extension Graph {
  /// The graph as an ONNX file, with its noise and metadata in `metadata_props`. The same graph gives the same bytes.
  /// - Throws: when a node is of an op that ONNX does not have.
  public func onnx() throws(GraphError) -> [UInt8] {
    var opset = 17
    for node in nodes { if let op = node.op as? any OnnxOp { opset = max(opset, type(of: op).onnx.since) } }
    var proto = Onnx_GraphProto()
    proto.name = name
    for id in literals.keys.sorted(by: { $0.index < $1.index }) {
      if let literal = literals[id] { proto.initializer.append(OnnxTensor.proto(literal, name: valueNames[id.index])) }
    }
    for node in nodes { try write(node, opset, into: &proto) }
    let (two, three) = (try types(rows: 2), try types(rows: 3))
    func info(_ name: String, _ id: ValueID) throws(GraphError) -> Onnx_ValueInfoProto {
      guard let a = two[id.index], let b = three[id.index] else {
        throw GraphError(.missing, at: "value '\(name)'", expected: "a node that puts it out", got: "none")
      }
      var info = Onnx_ValueInfoProto()
      info.name = name
      var tensor = Onnx_TypeProto.Tensor()
      tensor.elemType = Int32(
        a.element == .float32
          ? Onnx_TensorProto.DataType.float.rawValue
          : a.element == .int64 ? Onnx_TensorProto.DataType.int64.rawValue : Onnx_TensorProto.DataType.bool.rawValue)
      for (extent, other) in zip(a.shape.dimensions, b.shape.dimensions) {
        var dim = Onnx_TensorShapeProto.Dimension()
        if extent == other { dim.dimValue = Int64(extent) } else { dim.dimParam = "batch" }
        tensor.shape.dim.append(dim)
      }
      info.type.tensorType = tensor
      return info
    }
    for input in inputs { proto.input.append(try info(input.name, input.value)) }
    for output in outputs { proto.output.append(try info(output.name, output.value)) }

    var model = Onnx_ModelProto()
    model.irVersion = 8
    model.producerName = "dither"
    model.graph = proto
    var imported = Onnx_OperatorSetIdProto()
    imported.domain = ""
    imported.version = Int64(opset)
    model.opsetImport = [imported]
    var words = metadata
    if let noise {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      if let json = try? encoder.encode(noise) { words[Graph.noiseKey] = String(decoding: json, as: UTF8.self) }
    }
    model.metadataProps = words.sorted { $0.key < $1.key }.map { key, value in
      var entry = Onnx_StringStringEntryProto()
      entry.key = key
      entry.value = value
      return entry
    }
    do { return try model.serializedBytes() } catch {
      throw GraphError(.malformed, at: "graph '\(name)'", expected: "a model that can be written", got: "\(error)")
    }
  }

  private func write(_ node: Node, _ opset: Int, into proto: inout Onnx_GraphProto) throws(GraphError) {
    guard let op = node.op as? any OnnxOp else {
      throw GraphError(
        .unsupportedOp, at: "node '\(node.name)'", expected: "an op of ONNX", got: "\(type(of: node.op))")
    }
    var written = OnnxNode(
      name: node.name, type: type(of: op).onnx.type, opset: opset, presentInputs: node.inputs.map { $0 != nil },
      outputCount: node.outputs.count)
    op.write(to: &written)
    var result = Onnx_NodeProto()
    result.name = node.name
    result.opType = written.type
    result.input = node.inputs.map { $0.map { valueNames[$0.index] } ?? "" }
    for position in written.constantInputs.keys.sorted() {
      guard let literal = written.constantInputs[position] else { continue }
      while result.input.count <= position { result.input.append("") }
      let name = "\(node.name)_input_\(position)"
      result.input[position] = name
      proto.initializer.append(OnnxTensor.proto(literal, name: name))
    }
    result.output = node.outputs.map { valueNames[$0.index] }
    result.attribute = written.attributes.sorted { $0.key < $1.key }.map { key, value in attribute(key, value) }
    proto.node.append(result)
  }

  private func attribute(_ key: String, _ value: OnnxAttribute) -> Onnx_AttributeProto {
    var proto = Onnx_AttributeProto()
    proto.name = key
    switch value {
    case .int(let number): (proto.type, proto.i) = (.int, number)
    case .float(let number): (proto.type, proto.f) = (.float, number)
    case .string(let text): (proto.type, proto.s) = (.string, Data(text.utf8))
    case .ints(let numbers): (proto.type, proto.ints) = (.ints, numbers)
    case .floats(let numbers): (proto.type, proto.floats) = (.floats, numbers)
    case .strings(let texts): (proto.type, proto.strings) = (.strings, texts.map { Data($0.utf8) })
    case .tensor(let literal): (proto.type, proto.t) = (.tensor, OnnxTensor.proto(literal, name: ""))
    }
    return proto
  }
}

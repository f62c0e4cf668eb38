import DitherBasics
import DitherTensor
import Foundation
internal import SwiftProtobuf

extension Graph {
  /// The graph as an ONNX file, with its noise and metadata in `metadata_props`. The same graph gives the same bytes.
  /// - Throws: when a node is of an op that ONNX does not have.
  public func onnx() throws(GraphError) -> [UInt8] {
    let opset = try writtenOpset(), proto = try written(opset)
    var model = Onnx_ModelProto()
    model.irVersion = opset < 19 ? 8 : opset < 21 ? 9 : 10  // the first that may import this opset
    model.producerName = "dither"
    model.graph = proto
    func imported(_ domain: String, _ version: Int) -> Onnx_OperatorSetIdProto {
      var imported = Onnx_OperatorSetIdProto()
      (imported.domain, imported.version) = (domain, Int64(version))
      return imported
    }
    model.opsetImport = [imported("", opset)]
    if proto.node.contains(where: { $0.domain == OnnxName.learning }) {
      model.opsetImport.append(imported(OnnxName.learning, 3))
    }
    model.metadataProps = try writtenMetadata().sorted { $0.key < $1.key }.map { key, value in
      var entry = Onnx_StringStringEntryProto()
      (entry.key, entry.value) = (key, value)
      return entry
    }
    do { return try model.serializedBytes() } catch {
      throw GraphError(.malformed, at: "graph '\(name)'", expected: "a model that can be written", got: "\(error)")
    }
  }

  /// The first opset that has all ops as they are used.
  private func writtenOpset() throws(GraphError) -> Int {
    let ops = nodes.map { ($0, $0.op as? any OnnxOp) }, opset = ops.reduce(17) { max($0, $1.1?.leastOpset ?? 0) }
    for case (let node, let op?) in ops where op.mostOpset < opset {
      throw GraphError(
        .unsupportedOp, at: "node '\(node.name)'", expected: "nodes that opset \(op.mostOpset) has as well",
        got: "others that need opset \(opset)")
    }
    return opset
  }

  private func written(_ opset: Int) throws(GraphError) -> Onnx_GraphProto {
    var names = FileNames(self)
    var proto = Onnx_GraphProto()
    proto.name = name
    var stored: [ValueID: StoredNumber] = [:]
    for node in nodes {
      for (position, type) in (node.op as? any OnnxOp)?.storedInputs ?? [:] where position < node.inputs.count {
        if let id = node.inputs[position] { stored[id] = type }
      }
    }
    let read = Set(nodes.flatMap { $0.inputs.compactMap { $0 } })
    for id in literals.keys.sorted(by: { $0.index < $1.index }) {
      guard let literal = literals[id] else { continue }
      if read.contains(id), let number = literal.repeated {
        proto.make(names[id], literal.type.shape, of: attribute("value", .tensor(number)), &names)
      } else {
        proto.initializer.append(OnnxTensor.proto(literal, name: names[id], as: stored[id]))
      }
    }
    let (two, three) = (try types(rows: 2), try types(rows: 3))
    for node in nodes { try write(node, opset, &names, two, into: &proto) }
    let isFree = knowsBranches, other = try isFree ? otherSize()?.types(rows: 2) : nil, taken = sizes
    var batch = "batch"
    while taken[batch] != nil { batch += "_" }
    func info(_ name: String, _ id: ValueID, _ free: [Int: String] = [:]) throws(GraphError) -> Onnx_ValueInfoProto {
      guard let a = two[id.index], let b = three[id.index] else {
        throw GraphError(.missing, at: "value '\(name)'", expected: "a node that puts it out", got: "none")
      }
      var names = free
      for axis in a.shape.dimensions.indices where names[axis] == nil {
        if a.shape[axis] != b.shape[axis] { names[axis] = batch }
        // An axis of an output that follows those of the inputs.
        if let c = other?[id.index]?.shape, c.rank == a.shape.rank, c[axis] != a.shape[axis] {
          names[axis] = "\(name)[\(axis)]"
        }
      }
      return Self.info(name, a, names)
    }
    for input in inputs { proto.input.append(try info(input.name, input.value, isFree ? input.free : [:])) }
    for output in outputs {
      proto.output.append(try info(output.name, output.value))
      // An output that is also an input, a constant or another output is written as a copy of it.
      guard names[output.value] != output.name else { continue }
      var copy = Onnx_NodeProto()
      copy.name = "\(output.name)_copy"
      copy.opType = Identity.onnx.type
      copy.input = [names[output.value]]
      copy.output = [output.name]
      proto.node.append(copy)
    }
    return proto
  }

  /// Whether nodes put out all conditions whose branch its size has chosen: a file says them by name.
  var knowsBranches: Bool {
    branches.isEmpty || Set(branches.keys).isSubset(of: nodes.flatMap(\.outputs))
  }

  /// With the noise as JSON among it, and the conditions of branches where axes are free.
  private func writtenMetadata() throws(GraphError) -> [String: String] {
    var words = metadata
    if !branches.isEmpty, knowsBranches, !sizes.isEmpty {
      let names = FileNames(self), encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let said = Dictionary(branches.map { (names[$0], $1) }) { $1 }
      if let json = try? encoder.encode(said) { words[Graph.branchesKey] = String(decoding: json, as: UTF8.self) }
    }
    guard let noise else { return words }
    do { words[Graph.noiseKey] = try noise.json() } catch {
      throw GraphError(.noise, at: "graph '\(name)'", expected: "noise that can be written", got: "\(error)")
    }
    return words
  }

  /// For another size of the free axes, where one is known that fits too.
  private func otherSize() throws(GraphError) -> Graph? {
    let own = sizes
    guard !own.isEmpty else { return nil }
    guard let other = try fittingSizes(2, .standard).first(where: { $0 != own }) else { return nil }
    return try withExtents(other, .standard)
  }

  /// - Parameter free: the names of axes that are not of a fixed extent.
  private static func info(_ name: String, _ a: TensorType, _ free: [Int: String]) -> Onnx_ValueInfoProto {
    var info = Onnx_ValueInfoProto()
    info.name = name
    var tensor = Onnx_TypeProto.Tensor()
    let element: Onnx_TensorProto.DataType =
      switch a.element {
      case .float32: .float
      case .int64: .int64
      case .bool: .bool
      }
    tensor.elemType = Int32(element.rawValue)
    tensor.shape = .init()
    for (axis, extent) in a.shape.dimensions.enumerated() {
      var dim = Onnx_TensorShapeProto.Dimension()
      if let name = free[axis] { dim.dimParam = name } else { dim.dimValue = Int64(extent) }
      tensor.shape.dim.append(dim)
    }
    info.type.tensorType = tensor
    return info
  }

  private func write(
    _ node: Node, _ opset: Int, _ names: inout FileNames, _ types: [TensorType?], into proto: inout Onnx_GraphProto
  ) throws(GraphError) {
    guard let op = node.op as? any OnnxOp else {
      throw GraphError(
        .unsupportedOp, at: "node '\(node.name)'", expected: "an op of ONNX", got: "\(type(of: node.op))")
    }
    var written = OnnxNode(
      name: node.name, type: type(of: op).onnx.type, opset: opset, presentInputs: node.inputs.map { $0 != nil },
      outputCount: node.outputs.count)
    written.domain = type(of: op).onnx.domain
    op.write(to: &written)
    var result = Onnx_NodeProto()
    if !written.domain.isEmpty { result.domain = written.domain }
    result.name = node.name
    result.opType = written.type
    let inputs = node.inputs.map { $0.map { names[$0] } ?? "" }
    if let moved = written.movedInputs {
      result.input = [String](repeating: "", count: (moved.values.max() ?? 0) + 1)
      for (from, to) in moved where from < inputs.count { result.input[to] = inputs[from] }
    } else {
      result.input = inputs
    }
    for position in written.constantInputs.keys.sorted() {
      guard let literal = written.constantInputs[position] else { continue }
      while result.input.count <= position { result.input.append("") }
      result.input[position] = names.another("\(node.name)_input_\(position)")
      proto.initializer.append(OnnxTensor.proto(literal, name: result.input[position]))
    }
    result.output = node.outputs.map { names[$0] }
    result.attribute = written.attributes.sorted { $0.key < $1.key }.map { key, value in attribute(key, value) }
    if let input = node.inputs.first ?? nil, let shape = types[input.index]?.shape, let axis = op.flattened(shape) {
      Self.flattening(result, at: axis, &names, into: &proto)
    } else {
      proto.node.append(result)
    }
  }

  /// Before opset 13 a softmax saw its input as a matrix, cut at its axis; later ones say so with ops of their own.
  private static func flattening(
    _ softmax: Onnx_NodeProto, at axis: Int, _ names: inout FileNames, into proto: inout Onnx_GraphProto
  ) {
    func node(_ type: String, _ inputs: [String], _ output: String, axis: Int? = nil) -> Onnx_NodeProto {
      var node = Onnx_NodeProto()
      (node.name, node.opType, node.input, node.output) = (output, type, inputs, [output])
      if let axis {
        var attribute = Onnx_AttributeProto()
        (attribute.name, attribute.type, attribute.i) = ("axis", .int, Int64(axis))
        node.attribute = [attribute]
      }
      return node
    }
    let base = softmax.output[0]
    let shape = names.another("\(base)_shape"), matrix = names.another("\(base)_matrix")
    let rows = names.another("\(base)_rows")
    proto.node += [
      node("Shape", softmax.input, shape), node("Flatten", softmax.input, matrix, axis: axis == 1 ? nil : axis),
      node(softmax.opType, [matrix], rows, axis: -1), node("Reshape", [rows, shape], base),
    ]
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

extension Onnx_GraphProto {
  /// A constant of one number throughout, which a node makes: a file need not hold it.
  fileprivate mutating func make(
    _ name: String, _ shape: Shape, of value: Onnx_AttributeProto, _ names: inout FileNames
  ) {
    let extents = names.another("\(name)_shape")
    initializer.append(
      OnnxTensor.proto(.int64([shape.rank], shape.dimensions.map(Int64.init)), name: extents))
    var node = Onnx_NodeProto()
    (node.name, node.opType) = ("\(name)_made", ConstantOfShape.onnx.type)
    (node.input, node.output, node.attribute) = ([extents], [name], [value])
    self.node.append(node)
  }
}

extension Literal {
  /// The number that a large constant consists of; nil: of several, or it is not large.
  fileprivate var repeated: Literal? {
    guard case .float(let tensor) = self, tensor.count >= 1 << 20, let first = tensor.elements.first, first.isFinite,
      tensor.elements.allSatisfy({ $0.bitPattern == first.bitPattern })
    else { return nil }
    return .float(Tensor([1], [first]))
  }
}

/// The names of a graph's values in a file: those that callers use for inputs and outputs, each name once.
private struct FileNames {
  private var names: [String]
  private var taken = Set<String>()

  init(_ graph: Graph) {
    names = [String](repeating: "", count: graph.valueNames.count)
    for input in graph.inputs { names[input.value.index] = input.name }
    for output in graph.outputs {
      taken.insert(output.name)
      if names[output.value.index].isEmpty && graph.literals[output.value] == nil {
        names[output.value.index] = output.name
      }
    }
    taken.formUnion(names)
    for (index, name) in graph.valueNames.enumerated() where names[index].isEmpty { names[index] = another(name) }
  }

  subscript(_ id: ValueID) -> String { names[id.index] }

  /// `wanted`, or it with a number behind it where it is taken.
  mutating func another(_ wanted: String) -> String {
    let base = wanted.isEmpty ? "value" : wanted
    var name = base, number = 1
    while !taken.insert(name).inserted {
      number += 1
      name = "\(base)_\(number)"
    }
    return name
  }
}

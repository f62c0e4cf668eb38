import DitherBasics
import DitherTensor
import Foundation
internal import SwiftProtobuf

extension Graph {
  /// The opsets of the default domain whose ops we know.
  static let opsets = 7...28

  /// A model file.
  ///
  /// Nothing in it is trusted: every count, shape and type is checked, every value's memory is estimated, weights must be
  /// finite, and no other file is read.
  /// - Throws: with the place in the file, what was expected and what came.
  public init(onnx bytes: [UInt8], limits: OnnxLimits = .standard) throws(GraphError) {
    var reader = try OnnxReader(bytes, limits)
    self = try reader.read()
  }
}

private struct OnnxReader {
  private let model: Onnx_ModelProto
  private let limits: OnnxLimits
  private var graph = Graph()
  private var values: [String: ValueID] = [:]
  private var opset = 0

  init(_ bytes: [UInt8], _ limits: OnnxLimits) throws(GraphError) {
    guard !bytes.isEmpty else { throw malformed("a model", "an empty file") }
    guard bytes.count <= limits.fileBytes else {
      throw GraphError(.tooLarge, at: "ONNX file", expected: "at most \(limits.fileBytes) bytes", got: "\(bytes.count)")
    }
    let scan: OnnxScan
    do { scan = try bytes.withUnsafeBytes { try OnnxScan($0) } } catch {
      throw error as? GraphError ?? malformed("a protobuf message of ONNX", "\(error)".clipped())
    }
    guard scan.nodes <= limits.nodes, scan.initialisers <= limits.initialisers else {
      throw GraphError(
        .tooLarge, at: "graph", expected: "at most \(limits.nodes) nodes and \(limits.initialisers) initialisers",
        got: "\(scan.nodes) and \(scan.initialisers)")
    }
    guard scan.parts <= limits.parts, scan.listedBytes <= limits.listedBytes else {
      throw GraphError(
        .tooLarge, at: "ONNX file",
        expected: "at most \(limits.parts) parts and \(limits.listedBytes) bytes of integer lists",
        got: "\(scan.parts) and \(scan.listedBytes)", advice: "write weights as raw data")
    }
    do { model = try Onnx_ModelProto(serializedBytes: bytes) } catch {
      throw malformed("a protobuf message of ONNX", "\(error)".clipped())
    }
    self.limits = limits
  }

  mutating func read() throws(GraphError) -> Graph {
    guard model.hasGraph else { throw malformed("a model with a graph", "one without") }
    guard model.functions.isEmpty else {
      throw GraphError(
        .unsupportedOp, at: "model", expected: "no functions of its own", got: "\(model.functions.count)")
    }
    try readOpset()
    try readMetadata()
    let proto = model.graph
    guard proto.sparseInitializer.isEmpty else {
      throw GraphError(.unsupportedType, at: "graph", expected: "dense initialisers", got: "sparse ones")
    }
    graph.name = proto.name.isEmpty ? "model" : proto.name
    try readInitialisers(proto)
    try readInputs(proto)
    for (index, node) in proto.node.enumerated() { try readNode(node, index, proto) }
    try readOutputs(proto)
    try checkNumbers()
    try checkTypes(proto)
    return graph
  }

  private mutating func readOpset() throws(GraphError) {
    guard let found = model.opsetImport.first(where: { isDefault($0.domain) }) else {
      if model.opsetImport.contains(where: { $0.domain == OnnxName.learning }) {
        opset = Graph.opsets.upperBound
        return
      }
      throw malformed(
        "an opset import of the default domain", model.opsetImport.isEmpty ? "none" : "other domains only")
    }
    guard Graph.opsets.contains(Int(found.version)) else {
      throw GraphError(
        .unsupportedOp, at: "opset import", expected: "\(Graph.opsets.lowerBound) to \(Graph.opsets.upperBound)",
        got: "\(found.version)")
    }
    opset = Int(found.version)
  }

  private func isDefault(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }

  private mutating func readMetadata() throws(GraphError) {
    var bytes = 0
    for entry in model.metadataProps {
      bytes += entry.key.utf8.count + entry.value.utf8.count
      guard bytes <= limits.metadataBytes else {
        throw GraphError(
          .tooLarge, at: "metadata_props", expected: "at most \(limits.metadataBytes) bytes", got: "more")
      }
      graph.metadata[entry.key] = entry.value
    }
    guard let text = graph.metadata.removeValue(forKey: Graph.noiseKey) else { return }
    let place = "metadata_props '\(Graph.noiseKey)'"
    guard let setting = try? JSONDecoder().decode(Setting.self, from: Data(text.utf8)) else {
      throw GraphError(.noise, at: place, expected: "a noise model as JSON", got: text.clipped())
    }
    graph.noise = try NoiseModel(setting, at: place)
  }

  private mutating func define(_ name: String, at place: String) throws(GraphError) -> ValueID {
    guard !name.isEmpty else { throw GraphError(.missing, at: place, expected: "a name", got: "none") }
    let id = ValueID(graph.valueNames.count)
    guard values.updateValue(id, forKey: name) == nil else {
      throw GraphError(.duplicate, at: place, expected: "each value defined once", got: "'\(name.clipped())' again")
    }
    graph.valueNames.append(name)
    return id
  }

  private mutating func readInitialisers(_ proto: Onnx_GraphProto) throws(GraphError) {
    for (index, tensor) in proto.initializer.enumerated() {
      let place = "initialiser '\(tensor.name.clipped())'"
      guard !tensor.name.isEmpty else {
        throw GraphError(.missing, at: "initialiser \(index)", expected: "a name", got: "none")
      }
      let literal: Literal
      if tensor.dataType == Int32(Onnx_TensorProto.DataType.string.rawValue) {
        literal = try labels(tensor, at: place)
      } else {
        literal = try OnnxTensor.literal(tensor, at: place, finite: false, limit: limits.elements)
      }
      graph.literals[try define(tensor.name, at: place)] = literal
    }
  }

  /// Class names as text: the graph puts out their numbers, and the names become the model's labels.
  private mutating func labels(_ tensor: Onnx_TensorProto, at place: String) throws(GraphError) -> Literal {
    guard tensor.dims.count == 1, tensor.stringData.count == tensor.dims[0], tensor.stringData.count <= 1 << 16 else {
      throw GraphError(
        .unsupportedType, at: place, expected: "text only as a list of class names",
        got: "dims \(tensor.dims.prefix(9)) with \(tensor.stringData.count) texts")
    }
    setLabels(tensor.stringData.map { String(decoding: $0, as: UTF8.self) })
    return .int64([tensor.stringData.count], (0..<tensor.stringData.count).map(Int64.init))
  }

  private mutating func setLabels(_ names: [String]) {
    // Names that fill the metadata of a file could not be written again.
    guard names.count >= 2, names.reduce(0, { $0 + $1.utf8.count + 8 }) <= limits.metadataBytes / 8,
      graph.metadata[Graph.labelsKey] == nil, let json = try? JSONEncoder().encode(names)
    else {
      return
    }
    graph.metadata[Graph.labelsKey] = String(decoding: json, as: UTF8.self)
  }

  private mutating func readInputs(_ proto: Onnx_GraphProto) throws(GraphError) {
    var seen = Set<String>()
    for input in proto.input {
      let place = "graph input '\(input.name.clipped())'"
      guard seen.insert(input.name).inserted else {
        throw GraphError(.duplicate, at: place, expected: "each input once", got: "it again")
      }
      // Older files list initialisers as inputs too.
      if values[input.name] != nil { continue }
      guard case .tensorType(let type)? = input.type.value else {
        throw GraphError(.unsupportedType, at: place, expected: "a tensor", got: "another kind of value")
      }
      let element: ElementType
      switch Onnx_TensorProto.DataType(rawValue: Int(type.elemType)) {
      case .float, .double: element = .float32
      case .int64, .int32: element = .int64
      case .bool: element = .bool
      default:
        throw GraphError(
          .unsupportedType, at: place, expected: "float, double, int64, int32 or bool",
          got: "type number \(type.elemType)")
      }
      guard type.hasShape, type.shape.dim.count <= limits.rank else {
        throw GraphError(
          .shape, at: place, expected: "a shape of rank 0 to \(limits.rank)", got: "none, or another rank")
      }
      var dimensions: [Int?] = []
      for (axis, dim) in type.shape.dim.enumerated() {
        // Some exporters write a free first axis as −1 or 0.
        guard case .dimValue(let extent)? = dim.value, axis > 0 || extent >= 1, extent != -1 else {
          guard axis == 0 else {
            throw GraphError(
              .shape, at: place, expected: "a fixed extent on every axis but the first",
              got: "a free one on axis \(axis)",
              advice: "export with only the batch axis dynamic")
          }
          dimensions.append(nil)
          continue
        }
        guard extent >= 0, extent <= 1 << 24 else {
          throw GraphError(.shape, at: place, expected: "extents from 0 to \(1 << 24)", got: "\(extent)")
        }
        dimensions.append(Int(extent))
      }
      guard let count = Shape(dimensions.map { $0 ?? 1 }).span, count <= limits.elements else {
        throw GraphError(.tooLarge, at: place, expected: "at most \(limits.elements) elements", got: "\(dimensions)")
      }
      let id = try define(input.name, at: place)
      graph.inputs.append(GraphInput(name: input.name, element: element, dimensions: dimensions, value: id))
    }
    guard !graph.inputs.isEmpty else { throw malformed("a graph with an input", "one without") }
  }

  private mutating func readNode(_ proto: Onnx_NodeProto, _ index: Int, _ whole: Onnx_GraphProto) throws(GraphError) {
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
    var attributes: [String: OnnxAttribute] = [:]
    for attribute in proto.attribute {
      let value = try self.attribute(attribute, at: "\(place), attribute '\(attribute.name.clipped())'")
      guard attributes.updateValue(value, forKey: attribute.name) == nil else {
        throw GraphError(
          .duplicate, at: place, expected: "each attribute once", got: "'\(attribute.name.clipped())' again")
      }
    }
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
    if proto.opType == "Constant" {
      guard let output = proto.output.first, let literal = constant(attributes) else {
        throw GraphError(
          .attribute, at: place, expected: "one tensor or number as value", got: "\(attributes.keys.sorted())")
      }
      graph.literals[try define(output, at: place)] = literal
      return
    }
    // Outputs that nobody wants have no name; behind the last one that is wanted they say nothing.
    let wanted = proto.output[...(proto.output.lastIndex { !$0.isEmpty } ?? 0)]
    let node = OnnxNode(
      name: name, type: proto.opType, opset: opset, attributes: attributes,
      presentInputs: proto.input.map { !$0.isEmpty },
      outputCount: wanted.count)
    let op = try makeOp(node, isDefault(proto.domain) ? "" : proto.domain)
    if op is ZipMap {
      if case .strings(let names)? = attributes["classlabels_strings"] { setLabels(names) }
      if case .ints(let numbers)? = attributes["classlabels_int64s"] { setLabels(numbers.map(String.init)) }
    }
    var outputs: [ValueID] = []
    for (position, output) in wanted.enumerated() {
      outputs.append(try define(output.isEmpty ? "\(name)_unused_\(position)" : output, at: place))
    }
    graph.nodes.append(Node(name: name, op: op, inputs: inputs, outputs: outputs))
  }

  private func makeOp(_ node: OnnxNode, _ domain: String) throws(GraphError) -> any Op {
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

  private func attribute(_ proto: Onnx_AttributeProto, at place: String) throws(GraphError) -> OnnxAttribute {
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
      guard proto.ints.count <= 1 << 16 else {
        throw GraphError(.tooLarge, at: place, expected: "at most \(1 << 16) integers", got: "\(proto.ints.count)")
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

  private mutating func readOutputs(_ proto: Onnx_GraphProto) throws(GraphError) {
    var seen = Set<String>()
    for output in proto.output {
      let place = "graph output '\(output.name.clipped())'"
      guard let id = values[output.name] else {
        throw GraphError(.missing, at: place, expected: "a value that a node puts out", got: "none of that name")
      }
      guard seen.insert(output.name).inserted else {
        throw GraphError(.duplicate, at: place, expected: "each output once", got: "it again")
      }
      graph.outputs.append(GraphOutput(name: output.name, value: id))
    }
    guard !graph.outputs.isEmpty else { throw malformed("a graph with an output", "one without") }
  }

  /// Masks and bounds may be infinite; weights may not, and no constant is NaN.
  private func checkNumbers() throws(GraphError) {
    var infinite = Set<ValueID>()
    for (id, literal) in literals(of: graph) where !literal.isFinite {
      if let index = literal.elements.firstIndex(where: \.isNaN) {
        throw GraphError(
          .notFinite, at: "initialiser '\(graph.valueNames[id.index].clipped())'", expected: "numbers",
          got: "NaN at element \(index)")
      }
      infinite.insert(id)
    }
    guard !infinite.isEmpty else { return }
    for node in graph.nodes where node.op.weightInput != nil || node.op.isNormalisation {
      for case let input? in node.inputs where infinite.contains(input) {
        throw GraphError(
          .notFinite, at: "node '\(node.name.clipped())', initialiser '\(graph.valueNames[input.index].clipped())'",
          expected: "finite weights", got: "an infinity")
      }
    }
  }

  private func literals(of graph: Graph) -> [(ValueID, Tensor)] {
    graph.literals.compactMap { id, literal in
      if case .float(let tensor) = literal { (id, tensor) } else { nil }
    }.sorted { $0.0.index < $1.0.index }
  }

  /// Works out every type for two batch sizes, and holds them against what the file declares.
  private mutating func checkTypes(_ proto: Onnx_GraphProto) throws(GraphError) {
    // A fixed first axis is the batch all the same, where the graph allows it.
    let fixed = Set(graph.inputs.compactMap { $0.dimensions.first ?? nil })
    let hasBatch = graph.inputs.contains { $0.dimensions.first == .some(nil) }
    if fixed.count == 1, !hasBatch, graph.inputs.allSatisfy({ !$0.dimensions.isEmpty }) {
      var freed = graph
      for i in freed.inputs.indices { freed.inputs[i].dimensions[0] = nil }
      // One number of rows alone may happen to fit.
      let follows = [1, 2, 3].allSatisfy { rows in
        guard let types = try? freed.types(rows: rows) else { return false }
        return freed.outputs.allSatisfy { types[$0.value.index]?.shape.dimensions.first == rows }
      }
      if follows { graph = freed }
    }
    let types = try graph.types(rows: 1)
    try checkCost(types)
    for info in proto.output + proto.valueInfo {
      guard let id = values[info.name], let type = types[id.index], case .tensorType(let declared)? = info.type.value
      else { continue }
      try check(declared, of: info.name, against: type)
    }
  }

  /// What one row's pass needs.
  private func checkCost(_ types: [TensorType?]) throws(GraphError) {
    var bytes = 0, operations = 0.0
    for node in graph.nodes {
      let outputs = node.outputs.compactMap { types[$0.index] }
      bytes += outputs.reduce(0) { $0 + $1.byteCount }
      operations += node.op.operations(node.inputs.map { $0.flatMap { types[$0.index] } }, outputs)
      guard bytes <= limits.activationBytes, operations <= limits.operations else {
        throw GraphError(
          .tooLarge, at: "node '\(node.name.clipped())'",
          expected: "at most \(limits.activationBytes) bytes and \(limits.operations) operations, for one row's pass",
          got: "\(bytes) and \(operations)")
      }
    }
  }

  /// Declared shapes go stale in optimisers and by hand: the nodes decide. An element type is another model.
  private func check(
    _ declared: Onnx_TypeProto.Tensor, of name: String, against type: TensorType
  ) throws(GraphError) {
    let element = Onnx_TensorProto.DataType(rawValue: Int(declared.elemType))
    guard element == .undefined || element.map(type.element.stands(for:)) == true else {
      throw GraphError(
        .unsupportedType, at: "value '\(name.clipped())'", expected: "\(type.element), as the nodes make it",
        got: "a declaration of type number \(declared.elemType)")
    }
  }
}

extension ElementType {
  /// Whether values of ONNX's type `other` are held in this one.
  fileprivate func stands(for other: Onnx_TensorProto.DataType) -> Bool {
    switch self {
    case .float32: other == .float || other == .double
    case .int64: other == .int64 || other == .int32 || other == .uint8 || other == .string  // as class numbers
    case .bool: other == .bool
    }
  }
}

extension Graph {
  /// The key of the noise model, as JSON, in ONNX `metadata_props`.
  public static let noiseKey = "dither.noise"
  /// The key of the names of the classes, as a JSON list.
  public static let labelsKey = "dither.labels"
}

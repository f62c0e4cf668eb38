import DitherBasics
import DitherTensor
import Foundation
internal import SwiftProtobuf

extension Graph {
  /// The opsets of the default domain whose ops we know.
  static let opsets = 7...28

  /// A model file.
  ///
  /// Nothing in it is trusted: every count, shape and type is checked, every value's memory is estimated, weights must
  /// be finite, and no other file is read.
  /// - Throws: with the place in the file, what was expected and what came.
  public init(onnx bytes: [UInt8], limits: OnnxLimits = .standard) throws(GraphError) {
    var reader = try OnnxReader(bytes, limits)
    self = try reader.read()
  }
}

/// Reads a file part by part: here the file as a whole, its constants, inputs and outputs; `OnnxNodes.swift` has the
/// nodes, `OnnxChecks.swift` what is asked of the whole graph.
struct OnnxReader {
  let model: Onnx_ModelProto
  let limits: OnnxLimits
  var graph = Graph()
  /// By their names in the file.
  var values: [String: ValueID] = [:]
  var opset = 0
  /// Graphs inside nodes that were written out, with what they hold.
  var bodies = (count: 0, depth: 0, nodes: 0, parts: 0)
  /// Sizes of free axes that fitted what was read.
  var fitting: [[String: Int]] = []
  /// Another batch would take another branch.
  var isBatchFixed = false
  /// Constants of integers that the file holds in fewer than 64 bits.
  var stored: [ValueID: StoredNumber] = [:]
  /// Bytes of the file, and of constants in memory so far.
  let fileBytes: Int
  var heldBytes = 0
  /// Constants among them that were made floats.
  var dequantized = Set<ValueID>()

  init(_ bytes: [UInt8], _ limits: OnnxLimits) throws(GraphError) {
    guard !bytes.isEmpty else { throw malformed("a model", "an empty file") }
    guard bytes.count <= limits.fileBytes else {
      throw GraphError(.tooLarge, at: "ONNX file", expected: "at most \(limits.fileBytes) bytes", got: "\(bytes.count)")
    }
    let scan: OnnxScan
    do { scan = try bytes.withUnsafeBytes { try OnnxScan($0) } } catch {
      throw error as? GraphError ?? malformed("a protobuf message of ONNX", "\(error)".clipped())
    }
    guard scan.nodes <= limits.nodes, scan.initializers <= limits.initializers else {
      throw GraphError(
        .tooLarge, at: "graph", expected: "at most \(limits.nodes) nodes and \(limits.initializers) initializers",
        got: "\(scan.nodes) and \(scan.initializers)")
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
    fileBytes = bytes.count
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
      throw GraphError(.unsupportedType, at: "graph", expected: "dense initializers", got: "sparse ones")
    }
    graph.name = proto.name.isEmpty ? "model" : proto.name
    try readInitializers(proto)
    try readInputs(proto)
    try pinShape()
    for (index, node) in proto.node.enumerated() { try readNode(node, index, proto) }
    try readOutputs(proto)
    dropDequantized()
    try readBranches()
    try checkNumbers()
    try settleSizes()
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

  func isDefault(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }

  private mutating func readMetadata() throws(GraphError) {
    var bytes = 0
    for entry in model.metadataProps {
      bytes += entry.key.utf8.count + entry.value.utf8.count
      guard bytes <= limits.metadataBytes else {
        throw GraphError(
          .tooLarge, at: "metadata_props", expected: "at most \(limits.metadataBytes) bytes", got: "more")
      }
      let isNew = graph.metadata.updateValue(entry.value, forKey: entry.key) == nil
      guard isNew || OnnxMetadata.addedKeys.contains(entry.key) else {
        throw GraphError(
          .malformed, at: "metadata_props", expected: "each key once", got: "'\(entry.key.clipped())' twice")
      }
    }
    guard let text = graph.metadata.removeValue(forKey: Graph.noiseKey) else { return }
    let place = "metadata_props '\(Graph.noiseKey)'"
    guard let setting = try? JSONDecoder().decode(Setting.self, from: Data(text.utf8)) else {
      throw GraphError(.noise, at: place, expected: "a noise model as JSON", got: text.clipped())
    }
    if let key = JsonKeys.duplicate(in: text) {
      throw GraphError(.noise, at: place, expected: "each key once", got: "'\(key.clipped())' again")
    }
    graph.noise = try NoiseModel(setting, at: place)
  }

  mutating func define(_ name: String, at place: String) throws(GraphError) -> ValueID {
    guard !name.isEmpty else { throw GraphError(.missing, at: place, expected: "a name", got: "none") }
    let id = ValueID(graph.valueNames.count)
    guard values.updateValue(id, forKey: name) == nil else {
      throw GraphError(.duplicate, at: place, expected: "each value defined once", got: "'\(name.clipped())' again")
    }
    graph.valueNames.append(name)
    return id
  }

  mutating func readInitializers(_ proto: Onnx_GraphProto) throws(GraphError) {
    for (index, tensor) in proto.initializer.enumerated() {
      let place = "initializer '\(tensor.name.clipped())'"
      guard !tensor.name.isEmpty else {
        throw GraphError(.missing, at: "initializer \(index)", expected: "a name", got: "none")
      }
      let literal: Literal
      if tensor.dataType == Int32(Onnx_TensorProto.DataType.string.rawValue) {
        literal = try labels(tensor, at: place)
      } else {
        literal = try OnnxTensor.literal(tensor, at: place, finite: false, limit: limits.elements)
      }
      let id = try define(tensor.name, at: place)
      try countHeld(literal, at: place)
      graph.literals[id] = literal
      stored[id] = StoredNumber(onnx: Int(tensor.dataType))
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

  mutating func setLabels(_ names: [String]) {
    // Names that fill the metadata of a file could not be written again.
    guard names.count >= 2, names.reduce(0, { $0 + $1.utf8.count + 8 }) <= limits.metadataBytes / 8,
      graph.metadata[Graph.labelsKey] == nil, let json = try? JSONEncoder().encode(names)
    else {
      return
    }
    graph.metadata[Graph.labelsKey] = String(decoding: json, as: UTF8.self)
  }

  private mutating func readInputs(_ proto: Onnx_GraphProto) throws(GraphError) {
    var seen = Set<String>(), batches: [String: String] = [:]
    for input in proto.input {
      let place = "graph input '\(input.name.clipped())'"
      guard seen.insert(input.name).inserted else {
        throw GraphError(.duplicate, at: place, expected: "each input once", got: "it again")
      }
      // Older files list initializers as inputs too.
      if values[input.name] != nil { continue }
      guard case .tensorType(let type)? = input.type.value else {
        throw GraphError(.unsupportedType, at: place, expected: "a tensor", got: "another kind of value")
      }
      let element = try element(of: type, at: place)
      let (dimensions, free) = try dimensions(of: type, input.name, at: place), id = try define(input.name, at: place)
      graph.inputs.append(
        GraphInput(name: input.name, element: element, dimensions: dimensions, free: free, value: id))
      if dimensions.first == .some(nil) { batches[type.shape.dim[0].dimParam] = input.name }
    }
    for input in graph.inputs {
      let followers = input.free.filter { batches[$0.value] != nil }
      guard let (axis, name) = followers.min(by: { $0.key < $1.key }) else { continue }
      throw GraphError(
        .shape, at: "graph input '\(input.name.clipped())'",
        expected: "an axis of the batch that no other axis follows",
        got: "'\(name.clipped())' on axis \(axis), and on axis 0 of '\(batches[name]?.clipped() ?? "")'",
        advice: "export with names of their own, or with the batch first in every input")
    }
    guard !graph.inputs.isEmpty else { throw malformed("a graph with an input", "one without") }
  }

  private func element(of type: Onnx_TypeProto.Tensor, at place: String) throws(GraphError) -> ElementType {
    guard let element = ElementType(onnx: Int(type.elemType)) else {
      throw GraphError(
        .unsupportedType, at: place, expected: ElementType.taken, got: "type number \(type.elemType)")
    }
    return element
  }

  /// Converters mark every axis that they know nothing of alike, Paddle2ONNX as "?": such axes may differ.
  private static func isName(_ word: String) -> Bool {
    word != "None" && word.contains { $0.isLetter || $0.isNumber }
  }

  /// - Returns: nil for the batch, and the names of other free axes, which have an extent of 1 for now.
  private func dimensions(
    of type: Onnx_TypeProto.Tensor, _ name: String, at place: String
  ) throws(GraphError) -> ([Int?], [Int: String]) {
    guard type.hasShape, type.shape.dim.count <= limits.rank else {
      throw GraphError(
        .shape, at: place, expected: "a shape of rank 0 to \(limits.rank)", got: "none, or another rank")
    }
    var dimensions: [Int?] = [], free: [Int: String] = [:]
    for (axis, dim) in type.shape.dim.enumerated() {
      // Some exporters write a free axis as −1 or 0.
      guard case .dimValue(let extent)? = dim.value, extent >= 1 || extent < -1 else {
        dimensions.append(axis == 0 ? nil : 1)
        if axis > 0 { free[axis] = Self.isName(dim.dimParam) ? dim.dimParam : "\(name)[\(axis)]" }
        continue
      }
      guard extent >= 1, extent <= 1 << 24 else {
        throw GraphError(
          .shape, at: place, expected: "extents from 1 to \(1 << 24), or -1 or 0 for a free axis", got: "\(extent)")
      }
      dimensions.append(Int(extent))
    }
    guard let count = Shape(dimensions.map { $0 ?? 1 }).span, count <= limits.elements else {
      throw GraphError(
        .tooLarge, at: place, expected: "at most \(limits.elements) elements",
        got: "[\(dimensions.map { $0.map(String.init) ?? "batch" }.joined(separator: ", "))]")
    }
    return (dimensions, free)
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
}

extension Graph {
  /// The key of the noise model, as JSON, in ONNX `metadata_props`.
  public static let noiseKey = "dither.noise"
  /// The key of the names of the classes, as a JSON list.
  public static let labelsKey = "dither.labels"
}

import DitherBasics
import DitherTensor

/// A value of a graph: an input, a constant, or what a node puts out.
public struct ValueID: Hashable, Sendable {
  /// Its place in `Graph.valueNames`.
  public let index: Int
  /// The value with this index.
  public init(_ index: Int) { self.index = index }
}

/// One use of an op. An input is nil where an optional one is left out.
public struct Node: Sendable {
  /// Its name in files, errors and patterns of layers.
  public var name: String
  /// The op that it computes, with its attributes.
  public var op: any Op
  /// Its operands; nil for an optional one that is left out.
  public var inputs: [ValueID?]
  /// The values that it writes, in the op's order.
  public var outputs: [ValueID]
  /// Where its noise is drawn, if not at its place in the list.
  var number: Int?
  /// The normalization that was folded into its weights.
  var folded: FoldedNormalization?
  /// A node; nothing is checked before its graph is planned.
  public init(name: String, op: any Op, inputs: [ValueID?], outputs: [ValueID]) {
    self.name = name
    self.op = op
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The operand that is the weights of a dense layer or a convolution, constant or not; nil of every other node.
  package var weights: ValueID? {
    guard let position = op.weightInput, position < inputs.count else { return nil }
    return inputs[position]
  }
}

/// One thing that a graph takes: a name, an element type and a shape.
public struct GraphInput: Sendable, Equatable {
  /// Its name in requests and files.
  public var name: String
  /// Its elements' type.
  public var element: ElementType
  /// nil is the batch: the number of rows, chosen when the graph is planned.
  public var dimensions: [Int?]
  /// The names of axes whose extent is free as well, by axis; `dimensions` has the one that it is planned for. Axes of
  /// one name have one extent.
  public var free: [Int: String]
  /// The value that it fills.
  public var value: ValueID
  /// An input; a nil dimension is the batch.
  public init(
    name: String, element: ElementType, dimensions: [Int?], free: [Int: String] = [:], value: ValueID
  ) {
    self.name = name
    self.element = element
    self.dimensions = dimensions
    self.free = free
    self.value = value
  }
  /// Its shape in a batch of `rows`.
  public func shape(rows: Int) -> Shape { Shape(dimensions.map { $0 ?? rows }) }
}

/// One thing that a graph puts out: a name for one of its values.
public struct GraphOutput: Sendable, Equatable {
  /// Its name in answers and files.
  public var name: String
  /// The value that it shows.
  public var value: ValueID
  /// An output of this name.
  public init(name: String, value: ValueID) {
    self.name = name
    self.value = value
  }
}

/// A network: a list of nodes in an order in which they can run, each value written once. The one representation of a
/// model, whether it was trained here, uploaded, or is under attack. Shapes are worked out when it is planned.
public struct Graph: Sendable {
  /// Its name in files and errors.
  public var name = "dither"
  /// The values that it takes.
  public var inputs: [GraphInput] = []
  /// The values that it puts out.
  public var outputs: [GraphOutput] = []
  /// In an order in which they can run.
  public var nodes: [Node] = []
  /// By `ValueID.index`.
  public var valueNames: [String] = []
  /// Weights and constants.
  public var literals: [ValueID: Literal] = [:]
  /// The noise that the model was trained with and is served with.
  public var noise: NoiseModel?
  /// Words that travel in the ONNX file: label names, normalization, where the model comes from.
  public var metadata: [String: String] = [:]
  /// Bytes of constants that its file made of few numbers, for which it does not pay.
  var madeBytes = 0
  /// Conditions whose branch stands in the place of its `If`, and what they must be.
  var branches: [ValueID: Bool] = [:]
  /// Statements of its file that the reader does not follow, a sentence each.
  public var warnings: [String] = []

  /// An empty graph.
  public init() {}

  /// The float constants that training moves: those whose every use is one that a gradient reaches. A constant of rank
  /// 0 is a number of a formula, as in x² or x / √2, not a weight.
  public var parameters: [ValueID] {
    var fixed = Set<ValueID>()
    for node in nodes {
      for (position, input) in node.inputs.enumerated() {
        if let input, !node.op.trainable(position) { fixed.insert(input) }
      }
    }
    return literals.keys.filter { id in
      if case .float(let tensor) = literals[id] {
        return !fixed.contains(id) && tensor.count > 0 && tensor.shape.rank > 0
      }
      return false
    }.sorted { $0.index < $1.index }
  }

  /// A new constant.
  mutating func add(_ tensor: Tensor, as name: String) -> ValueID {
    let id = ValueID(valueNames.count)
    valueNames.append(name)
    literals[id] = .float(tensor)
    return id
  }

  /// The type of every value for a batch of `rows`, by `ValueID.index`; nil for values that no node writes.
  public func types(rows: Int) throws(GraphError) -> [TensorType?] {
    let builder = try GraphBuilder(replaying: self, rows: rows)
    return valueNames.indices.map { builder.replayed[ValueID($0)]?.type }
  }
}

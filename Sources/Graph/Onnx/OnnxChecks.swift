import DitherBasics
import DitherTensor
internal import SwiftProtobuf

extension OnnxReader {
  /// Masks and bounds may be infinite; weights may not, and no constant is NaN.
  func checkNumbers() throws(GraphError) {
    var infinite = Set<ValueID>()
    for (id, literal) in literals(of: graph) where !literal.isFinite {
      if let index = literal.elements.firstIndex(where: \.isNaN) {
        throw GraphError(
          .notFinite, at: "initializer '\(graph.valueNames[id.index].clipped())'", expected: "numbers",
          got: "NaN at element \(index)")
      }
      infinite.insert(id)
    }
    guard !infinite.isEmpty else { return }
    for node in graph.nodes where node.op.weightInput != nil || node.op.isNormalization {
      for case let input? in node.inputs where infinite.contains(input) {
        throw GraphError(
          .notFinite, at: "node '\(node.name.clipped())', initializer '\(graph.valueNames[input.index].clipped())'",
          expected: "finite weights", got: "an infinity")
      }
    }
  }

  private func literals(of graph: Graph) -> [(ValueID, Tensor)] {
    graph.literals.compactMap { id, literal in
      if case .float(let tensor) = literal { (id, tensor) } else { nil }
    }.sorted { $0.0.index < $1.0.index }
  }

  /// Works out every type, and holds them against what the file declares.
  mutating func checkTypes(_ proto: Onnx_GraphProto) throws(GraphError) {
    // A fixed first axis is the batch all the same, where that can be shown.
    let declared = graph
    if !isBatchFixed, let freed = graph.freeingBatch(), try isAlike(freed) { graph = freed }
    try graph.checkCost(graph.types(rows: 1), limits)
    var stale: [String] = []
    let types = try (declared.types(rows: 1), declared.types(rows: 2))
    for info in proto.output + proto.valueInfo {
      guard let id = values[info.name], let one = types.0[id.index], let two = types.1[id.index],
        case .tensorType(let declared)? = info.type.value
      else { continue }
      try checkElement(declared, of: info.name, against: one)
      if let shape = staleShape(declared, one.shape, two.shape) {
        stale.append("value '\(info.name.clipped())': the file declares \(shape), the nodes make \(one.shape)")
      }
    }
    let most = 20
    graph.warnings += stale.prefix(most)
    if stale.count > most { graph.warnings.append("\(stale.count - most) more values are declared with other shapes") }
  }

  /// Whether one row has the same shapes where the batch is free, for two sizes of free axes where two are known that
  /// fit: a shape that was freed may say extents of one size.
  private mutating func isAlike(_ freed: Graph) throws(GraphError) -> Bool {
    guard !graph.sizes.isEmpty else { return true }
    for sized in try sizedToFit(2) {
      guard let found = try? freed.withExtents(sized.sizes, limits).types(rows: 1) else { return false }
      let wanted = try sized.types(rows: 1)
      guard zip(wanted, found).allSatisfy({ $0?.shape == $1?.shape }) else { return false }
    }
    return true
  }

  /// Declared shapes go stale in optimizers and by hand: the nodes decide, as in onnxruntime.
  /// - Returns: the declared shape, where it is not the nodes'; an axis that grows with the batch may be declared as
  ///   any number.
  private func staleShape(_ declared: Onnx_TypeProto.Tensor, _ one: Shape, _ two: Shape) -> String? {
    guard declared.hasShape else { return nil }
    let dims = declared.shape.dim
    let fits =
      dims.count == one.rank
      && dims.enumerated().allSatisfy { axis, dim in
        guard case .dimValue(let extent)? = dim.value, extent > 0 else { return true }
        return extent == one[axis] || one[axis] != two[axis]
      }
    if fits { return nil }
    let words = dims.map { dim in
      switch dim.value {
      case .dimValue(let extent)?: "\(extent)"
      case .dimParam(let name)?: name.clipped()
      case nil: "?"
      }
    }
    return "[\(words.joined(separator: ", "))]".clipped()
  }

  /// A declared element type must be the one that the nodes give: else the file means another model.
  private func checkElement(
    _ declared: Onnx_TypeProto.Tensor, of name: String, against type: TensorType
  ) throws(GraphError) {
    let number = Int(declared.elemType), isText = number == Onnx_TensorProto.DataType.string.rawValue
    // Texts are the numbers of classes.
    guard number == 0 || ElementType(onnx: number) == type.element || isText && type.element == .int64 else {
      throw GraphError(
        .unsupportedType, at: "value '\(name.clipped())'", expected: "\(type.element), as the nodes make it",
        got: "a declaration of type number \(declared.elemType)")
    }
  }
}

extension Graph {
  /// Bounds the memory and the operations of one row's pass.
  func checkCost(_ types: [TensorType?], _ limits: OnnxLimits) throws(GraphError) {
    var bytes = 0, operations = 0.0
    let paid =
      max(literals.values.reduce(-madeBytes) { $0 + $1.type.byteCount }, 0)
      + inputs.reduce(0) { $0 + (types[$1.value.index]?.byteCount ?? 0) }
    let mostBytes = min(limits.activationBytes, limits.freeBytes + limits.bytesForByte * paid)
    for node in nodes {
      let outputs = node.outputs.compactMap { types[$0.index] }
      if let large = outputs.first(where: { $0.byteCount > limits.valueBytes }) {
        throw GraphError(
          .tooLarge, at: "node '\(node.name.clipped())'",
          expected: "at most \(limits.valueBytes) bytes of one value, for one row", got: "\(large.byteCount)")
      }
      bytes += outputs.reduce(0) { $0 + $1.byteCount }
      operations += node.op.operations(node.inputs.map { $0.flatMap { types[$0.index] } }, outputs)
      guard bytes <= mostBytes, operations <= limits.operations else {
        func whole(_ count: Double) -> Int { Int(min(count, 1e18)) }
        throw GraphError(
          .tooLarge, at: "node '\(node.name.clipped())'",
          expected: "at most \(mostBytes) bytes and \(whole(limits.operations)) operations, for one row's pass",
          got: "\(bytes) and \(whole(operations))")
      }
    }
  }
}

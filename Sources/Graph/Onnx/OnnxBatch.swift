import DitherTensor

extension Graph {
  /// The same graph with the batch free, where all inputs have one fixed first extent and it can be shown to be a
  /// batch: the shapes follow it, every value that depends on the inputs has one axis that grows with it, and no op
  /// mixes numbers along that axis. A `Reshape` to as many rows as the batch has is one to any number of rows.
  /// - Returns: nil where a batch is free already, or it cannot be shown.
  func freeingBatch() -> Graph? {
    guard let extent = inputs.first?.dimensions.first ?? nil,
      inputs.allSatisfy({ $0.dimensions.first == .some(extent) })
    else { return nil }
    var freed = self
    for i in freed.inputs.indices { freed.inputs[i].dimensions[0] = nil }
    return freed.hasRows ? freed : freed.freeingShapes(like: self, rows: extent).flatMap { $0.hasRows ? $0 : nil }
  }

  /// Whether the outputs have the inputs' rows, each made of its own row alone. One number of rows may happen to fit,
  /// three do not.
  private var hasRows: Bool {
    var types: [[TensorType?]] = []
    for rows in 1...3 {
      guard let found = try? self.types(rows: rows),
        outputs.allSatisfy({ found[$0.value.index]?.shape.dimensions.first == rows })
      else { return false }
      types.append(found)
    }
    return keepsRowsApart(types[1], types[2])
  }

  /// - Parameters:
  ///   - two: all types of a batch of two.
  ///   - three: all types of a batch of three.
  private func keepsRowsApart(_ two: [TensorType?], _ three: [TensorType?]) -> Bool {
    var axes: [ValueID: Int] = [:]
    for input in inputs { axes[input.value] = 0 }
    for node in nodes where node.inputs.contains(where: { $0.map { axes[$0] != nil } ?? false }) {
      var before: Int?
      for (position, input) in node.inputs.enumerated() {
        guard let input, let axis = axes[input], let type = two[input.index] else { continue }
        if node.op.mixes(position, along: axis, of: type.shape) { return false }
        if position == 0, node.op.isView { before = Shape(Array(type.shape.dimensions[..<axis])).count }
      }
      for output in node.outputs {
        guard let a = two[output.index], let b = three[output.index] else { continue }
        // It follows from shapes.
        if a.known != nil, b.known != nil { continue }
        let growing = zip(a.shape.dimensions, b.shape.dimensions).enumerated().filter { $1.0 != $1.1 }
        guard a.shape.rank == b.shape.rank, growing.count == 1 else { return false }
        let axis = growing[0].offset
        // A view may cut and join axes, but rows stay where they are.
        if let before, Shape(Array(a.shape.dimensions[..<axis])).count != before { return false }
        axes[output] = axis
      }
    }
    return true
  }

  /// Shapes that say the batch's extent say any instead, in nodes that keep the rows.
  private func freeingShapes(like fixed: Graph, rows: Int) -> Graph? {
    guard let types = try? fixed.types(rows: rows) else { return nil }
    var freed = self
    for (index, node) in nodes.enumerated() {
      guard let position = node.op.shapeInput, position < node.inputs.count, let given = node.inputs[position],
        types[given.index]?.known?.first == Int64(rows),
        let data = (node.inputs.first ?? nil).flatMap({ types[$0.index] })?.shape, data.dimensions.first == rows,
        let result = node.outputs.first.flatMap({ types[$0.index] })?.shape, result.dimensions.first == rows,
        result.count > 0
      else { continue }
      let shape = [-1] + result.dimensions.dropFirst().map(Int64.init), id = ValueID(freed.valueNames.count)
      freed.valueNames.append("\(node.name)_rows")
      freed.literals[id] = .int64([shape.count], shape)
      freed.nodes[index].inputs[position] = id
    }
    return freed
  }
}

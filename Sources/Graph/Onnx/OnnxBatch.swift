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
    return nodeJoiningRows(types[1], types[2]) == nil
  }

  /// The first node behind which a row may depend on the others of its batch, and its op's name in files; nil: as far
  /// as ops tell, each row of the outputs is made of its own row of the inputs.
  public func nodeJoiningRows() -> (name: String, type: String)? {
    guard let two = try? types(rows: 2), let three = try? types(rows: 3),
      let node = nodeJoiningRows(two, three)
    else { return nil }
    return (node.name, nameInFiles(of: node.op))
  }

  /// - Parameters:
  ///   - two: all types of a batch of two.
  ///   - three: all types of a batch of three.
  private func nodeJoiningRows(_ two: [TensorType?], _ three: [TensorType?]) -> Node? {
    // By value that is made of the inputs: the axis of its rows.
    var axes: [ValueID: Int] = [:]
    var uniform = Set<ValueID>()
    for input in inputs { axes[input.value] = 0 }
    for node in nodes {
      let growing = node.inputs.enumerated().compactMap { position, input in
        input.flatMap { axes[$0] }.map { (position: position, axis: $0) }
      }
      if growing.isEmpty {
        if node.op.isUniform(node.inputs.map { $0.map { two[$0.index] != three[$0.index] } ?? false }) {
          uniform.formUnion(node.outputs)
        }
        continue
      }
      let types = node.inputs.map { $0.flatMap { two[$0.index] } }
      guard !growing.contains(where: { node.op.mixes($0.position, along: $0.axis, types) }),
        node.inputs.allSatisfy({
          $0.map { axes[$0] != nil || uniform.contains($0) || isOfNoRow($0, two, three) } ?? true
        }),
        let rows = node.rows(growing, two, three)
      else { return node }
      axes.merge(rows) { $1 }
    }
    return nil
  }

  /// Whether an operand that no input reaches is the same for every row and every number of rows. Integers may follow
  /// from shapes.
  private func isOfNoRow(_ operand: ValueID, _ two: [TensorType?], _ three: [TensorType?]) -> Bool {
    guard let a = two[operand.index], let b = three[operand.index] else { return true }
    return a.shape == b.shape && a.knownFloats == b.knownFloats
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

extension Node {
  /// The axes of the rows in what a node puts out, of operands whose rows lie on the axes `growing`.
  /// - Returns: nil where a result has not the rows in their order on one axis.
  fileprivate func rows(
    _ growing: [(position: Int, axis: Int)], _ two: [TensorType?], _ three: [TensorType?]
  ) -> [ValueID: Int]? {
    var axes: [ValueID: Int] = [:]
    func extents(_ operand: (position: Int, axis: Int)) -> (Int, Int)? {
      guard let id = inputs[operand.position], let a = two[id.index], let b = three[id.index] else { return nil }
      return (a.shape[operand.axis], b.shape[operand.axis])
    }
    /// Numbers of an array that lie before the axis's.
    func before(_ shape: Shape, _ axis: Int) -> Int { Shape(Array(shape.dimensions[..<axis])).count }
    for output in outputs {
      guard let a = two[output.index], let b = three[output.index] else { continue }
      // It follows from shapes.
      if a.known != nil, b.known != nil { continue }
      let grown = a.shape.rank == b.shape.rank ? a.shape.dimensions.indices.filter { a.shape[$0] != b.shape[$0] } : []
      guard grown.count == 1, let axis = grown.first else { return nil }
      if op.isView {
        // It may cut and join axes, but rows stay where they are.
        guard let first = growing.first, first.position == 0, let id = inputs[0], let given = two[id.index],
          before(given.shape, first.axis) == before(a.shape, axis)
        else { return nil }
      } else if !growing.allSatisfy({ operand in
        extents(operand).map { $0 == (a.shape[axis], b.shape[axis]) } ?? false
      }) {
        return nil
      }
      axes[output] = axis
    }
    return axes
  }
}

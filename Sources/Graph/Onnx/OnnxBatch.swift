import DitherTensor

extension Graph {
  /// The same graph with the batch free, where all inputs have one fixed first extent and it can be shown to be a
  /// batch: the shapes follow it, every value that depends on the inputs has one axis that grows with it, and no op
  /// mixes numbers along that axis. A `Reshape` to as many rows as the batch has is one to any number of rows, and in a
  /// file of batch 1 a constant that stands beside the row stands beside each.
  /// - Returns: nil where a batch is free already, or it cannot be shown.
  func freeingBatch() -> Graph? {
    guard let extent = inputs.first?.dimensions.first ?? nil,
      inputs.allSatisfy({ $0.dimensions.first == .some(extent) })
    else { return nil }
    var freed = self
    for i in freed.inputs.indices { freed.inputs[i].dimensions[0] = nil }
    if freed.hasRows { return freed }
    guard let types = try? self.types(rows: extent) else { return nil }
    return BatchFreeing.free(freed, like: types, rows: extent).flatMap { $0.hasRows ? $0 : nil }
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
    return nodeJoiningRows(types[0], types[1], types[2]) == nil
  }

  /// The first node behind which a row may depend on the others of its batch, and its op's name in files; nil: as far
  /// as ops tell, each row of the outputs is made of its own row of the inputs.
  public func nodeJoiningRows() -> (name: String, type: String)? {
    guard let one = try? types(rows: 1), let two = try? types(rows: 2), let three = try? types(rows: 3),
      let node = nodeJoiningRows(one, two, three)
    else { return nil }
    return (node.name, nameInFiles(of: node.op))
  }

  /// - Parameters:
  ///   - one: all types of a batch of one.
  ///   - two: of two.
  ///   - three: of three.
  private func nodeJoiningRows(_ one: [TensorType?], _ two: [TensorType?], _ three: [TensorType?]) -> Node? {
    var trace = RowTrace(inputs)
    let joining = nodes.first { node in
      // One row alone is not to be a case of its own.
      let isAlike = node.outputs.allSatisfy {
        two[$0.index] != three[$0.index] || one[$0.index] == two[$0.index]
      }
      return !isAlike || !trace.follow(node, two, three)
    }
    let results = Set(outputs.map(\.value))
    return joining ?? nodes.first { $0.outputs.contains { results.contains($0) && trace.counts($0, two, three) } }
  }
}

/// Where the rows of a batch lie in each value that is made of the inputs, as far as ops tell.
struct RowTrace {
  /// The axis that grows with the batch. Along it all rows may stand several times, one whole batch after the other,
  /// where a view has joined the batch's axis with one before it.
  struct Place: Equatable {
    var axis: Int
    var batches = 1
  }
  private(set) var places: [ValueID: Place] = [:]
  /// Values that have as many rows as the batch, all alike.
  private var uniform = Set<ValueID>()
  /// Values that no input reaches, with numbers that may depend on the number of rows where types do not tell.
  private var counted = Set<ValueID>()

  /// Whether a value that no input reaches has numbers that may follow the number of rows.
  func counts(_ value: ValueID, _ two: [TensorType?], _ three: [TensorType?]) -> Bool {
    guard places[value] == nil, !uniform.contains(value) else { return false }
    if counted.contains(value) { return true }
    guard let a = two[value.index], let b = three[value.index] else { return false }
    return Self.onlyRow(a.knownFloats, of: a.shape) != Self.onlyRow(b.knownFloats, of: b.shape)
      || Self.onlyRow(a.known, of: a.shape) != Self.onlyRow(b.known, of: b.shape)
  }

  /// The numbers of each row, where all have the same; else all numbers.
  private static func onlyRow<Number: Equatable>(_ numbers: [Number]?, of shape: Shape) -> [Number]? {
    guard let numbers, shape.rank > 0, shape[0] > 0, numbers.count % shape[0] == 0 else { return numbers }
    let first = numbers.prefix(numbers.count / shape[0])
    return numbers.indices.allSatisfy { numbers[$0] == first[$0 % max(first.count, 1)] } ? Array(first) : numbers
  }

  init(_ inputs: [GraphInput]) {
    for input in inputs { places[input.value] = Place(axis: 0) }
  }

  /// - Parameters:
  ///   - two: types of a batch of two, by `ValueID.index`.
  ///   - three: those of a batch of three.
  /// - Returns: whether the node keeps rows apart; then it knows where they lie in what the node puts out.
  mutating func follow(_ node: Node, _ two: [TensorType?], _ three: [TensorType?]) -> Bool {
    let growing = node.inputs.enumerated().compactMap { position, input in
      input.flatMap { places[$0] }.map { (position: position, place: $0) }
    }
    if growing.isEmpty {
      let varies = node.inputs.map { $0.map { counted.contains($0) || two[$0.index] != three[$0.index] } ?? false }
      if node.op.isUniform(varies) { uniform.formUnion(node.outputs) }
      if varies.contains(true) {
        counted.formUnion(node.outputs.filter { two[$0.index]?.known == nil && two[$0.index]?.knownFloats == nil })
      }
      return true
    }
    let types = node.inputs.map { $0.flatMap { two[$0.index] } }
    guard !growing.contains(where: { node.op.mixes($0.position, along: $0.place.axis, types) }),
      node.inputs.enumerated().allSatisfy({ position, input in
        input.map {
          places[$0] != nil || isOfAllRows($0, two, three)
            || isOfNoRow($0, saysExtents: node.op.saysExtents(position), two, three)
        } ?? true
      }),
      let rows = outputs(of: node, growing, two, three)
    else { return false }
    places.merge(rows) { $1 }
    return true
  }

  /// Whether an operand has the rows, all alike, on one axis.
  private func isOfAllRows(_ operand: ValueID, _ two: [TensorType?], _ three: [TensorType?]) -> Bool {
    guard uniform.contains(operand), let a = two[operand.index]?.shape, let b = three[operand.index]?.shape else {
      return false
    }
    return a.rank == b.rank && a.dimensions.indices.count { a[$0] != b[$0] } == 1
  }

  /// Whether an operand that no input reaches is the same for every row and every number of rows, but for numbers that
  /// say extents.
  private func isOfNoRow(
    _ operand: ValueID, saysExtents: Bool, _ two: [TensorType?], _ three: [TensorType?]
  ) -> Bool {
    guard let a = two[operand.index], let b = three[operand.index] else { return true }
    guard !counted.contains(operand) else { return false }
    return a.shape == b.shape && a.knownFloats == b.knownFloats && (saysExtents || a.known == b.known)
  }

  /// Whole batches that stand one after the other in an array.
  static func batches(of shape: Shape, before axis: Int) -> Int { Shape(Array(shape.dimensions[..<axis])).count }

  /// - Returns: nil where a result has not the rows in their order on one axis.
  private func outputs(
    of node: Node, _ growing: [(position: Int, place: Place)], _ two: [TensorType?], _ three: [TensorType?]
  ) -> [ValueID: Place]? {
    guard let first = growing.first else { return nil }
    var places: [ValueID: Place] = [:]
    func extents(_ operand: (position: Int, place: Place)) -> (Int, Int)? {
      guard let id = node.inputs[operand.position], let a = two[id.index], let b = three[id.index] else { return nil }
      return (a.shape[operand.place.axis], b.shape[operand.place.axis])
    }
    for output in node.outputs {
      guard let a = two[output.index], let b = three[output.index] else { continue }
      // It follows from shapes.
      if a.known != nil, b.known != nil { continue }
      let grown = a.shape.rank == b.shape.rank ? a.shape.dimensions.indices.filter { a.shape[$0] != b.shape[$0] } : []
      guard grown.count == 1, let axis = grown.first else { return nil }
      var place = Place(axis: axis, batches: first.place.batches)
      if node.op.isView {
        // It may cut and join axes, but rows stay where they are.
        guard first.position == 0, let id = node.inputs[0], let given = two[id.index] else { return nil }
        let all = Self.batches(of: given.shape, before: first.place.axis) * first.place.batches
        let outside = Self.batches(of: a.shape, before: axis)
        guard outside > 0, all >= outside, all.isMultiple(of: outside) else { return nil }
        place.batches = all / outside
        guard a.shape[axis].isMultiple(of: 2 * place.batches), b.shape[axis].isMultiple(of: 3 * place.batches) else {
          return nil
        }
      } else if !growing.allSatisfy({ operand in
        operand.place.batches == place.batches
          && extents(operand).map { $0 == (a.shape[axis], b.shape[axis]) } ?? false
      }) {
        return nil
      }
      places[output] = place
    }
    return places
  }
}

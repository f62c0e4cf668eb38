import DitherBasics
import DitherTensor

/// Which blocks of an array indices name: what gathers read and scatters write.
struct Places: Sendable {
  enum Kind: Sendable {
    /// Each index is a coordinate along this axis; the others are those of its own place.
    case along(Int)
    /// Each row of indices holds the coordinates behind so many leading axes, which both share.
    case leading(Int)
    /// Each index is a coordinate along this axis, of a slice of all behind it; the same for all before it.
    case slices(Int)
  }
  let data: Shape
  let indices: Shape
  let kind: Kind

  /// - Throws: `GraphFault.shape`, where the indices' shape does not fit the data's.
  init(_ kind: Kind, data: Shape, indices: Shape) throws(GraphError) {
    self.kind = kind
    self.data = data
    self.indices = indices
    let isList = if case .slices = kind { true } else { false }
    guard (1...8).contains(data.rank), (isList ? 0...8 : 1...8).contains(indices.rank) else {
      throw GraphError(.shape, at: "inputs", expected: "rank 1 to 8", got: "\(data) and \(indices)")
    }
    switch kind {
    case .slices:
      guard data.rank - 1 + indices.rank <= 8 else {
        throw GraphError(.shape, at: "inputs", expected: "rank at most 8", got: "\(picked)")
      }
    case .along(let axis):
      let fits =
        indices.rank == data.rank
        && data.dimensions.indices.allSatisfy { $0 == axis || indices[$0] <= data[$0] }
      guard fits else {
        throw GraphError(
          .shape, at: "input 'indices'", expected: "extents as those of \(data), or less, but on axis \(axis)",
          got: "\(indices)")
      }
    case .leading(let shared):
      guard (0..<min(data.rank, indices.rank)).contains(shared) else {
        throw GraphError(
          .attribute, at: "attribute 'batch_dims'", expected: "0 to \(min(data.rank, indices.rank) - 1)",
          got: "\(shared)")
      }
      let depth = indices[indices.rank - 1]
      guard (1...data.rank - shared).contains(depth), (0..<shared).allSatisfy({ indices[$0] == data[$0] }) else {
        throw GraphError(
          .shape, at: "input 'indices'",
          expected: "\(shared) leading axes as those of \(data), then rows of 1 to \(data.rank - shared) coordinates",
          got: "\(indices)")
      }
    }
  }

  /// The shape of the blocks that are picked.
  var picked: Shape {
    switch kind {
    case .along: indices
    case .slices(let axis):
      Shape(Array(data.dimensions[..<axis]) + indices.dimensions + Array(data.dimensions[(axis + 1)...]))
    case .leading(let shared):
      Shape(
        Array(indices.dimensions.dropLast())
          + Array(data.dimensions[(shared + indices[indices.rank - 1])...]))
    }
  }

  /// Numbers of one block, which lie side by side.
  var block: Int {
    switch kind {
    case .along: 1
    case .slices(let axis): Shape(Array(data.dimensions[(axis + 1)...])).count
    case .leading(let shared): Shape(Array(data.dimensions[(shared + indices[indices.rank - 1])...])).count
    }
  }

  /// - Throws: `GraphFault.shape`, where a known index lies outside.
  func check(_ known: [Int64]?) throws(GraphError) {
    guard let known else { return }
    var outside: Int64?
    walk { place, extent in
      if known[place] < -Int64(extent) || known[place] >= Int64(extent) { outside = outside ?? known[place] }
    }
    if let outside {
      throw GraphError(.shape, at: "input 'indices'", expected: "places in \(data)", got: "\(outside)")
    }
  }

  private func walk(_ body: (Int, Int) -> Void) {
    switch kind {
    case .along(let axis), .slices(let axis): for place in 0..<indices.count { body(place, data[axis]) }
    case .leading(let shared):
      let depth = indices[indices.rank - 1]
      for place in 0..<indices.count { body(place, data[shared + place % depth]) }
    }
  }

  /// `body` gets each block's offset in the data, nil where an index lies outside, and in what is picked.
  func each(_ values: UnsafePointer<Int64>, _ body: (Int?, Int) -> Void) {
    let strides = data.strides
    func inside(_ value: Int64, _ extent: Int) -> Int? {
      let value = value < 0 ? value &+ Int64(extent) : value
      return value >= 0 && value < Int64(extent) ? Int(value) : nil
    }
    switch kind {
    case .along(let axis):
      var own = [Int](repeating: 0, count: indices.rank)
      for place in 0..<indices.count {
        var offset = 0
        for i in own.indices where i != axis { offset += own[i] * strides[i] }
        body(inside(values[place], data[axis]).map { offset + $0 * strides[axis] }, place)
        var i = own.count - 1
        while i >= 0 {
          own[i] += 1
          if own[i] < indices[i] { break }
          own[i] = 0
          i -= 1
        }
      }
    case .slices(let axis):
      let outer = Shape(Array(data.dimensions[..<axis])).count, extent = data[axis], inner = block
      let count = indices.count
      for o in 0..<outer {
        for i in 0..<count {
          body(inside(values[i], extent).map { (o * extent + $0) * inner }, (o * count + i) * inner)
        }
      }
    case .leading(let shared):
      let depth = indices[indices.rank - 1], rows = indices.count / depth, block = block
      let groups = Shape(Array(data.dimensions[..<shared])).count, whole = groups == 0 ? 0 : data.count / groups
      let each = groups == 0 ? 0 : rows / groups
      for row in 0..<rows {
        var offset: Int? = row / max(each, 1) * whole
        for k in 0..<depth {
          guard let start = offset, let at = inside(values[row * depth + k], data[shared + k]) else {
            offset = nil
            break
          }
          offset = start + at * strides[shared + k]
        }
        body(offset, row * block)
      }
    }
  }
}

extension Places.Kind {
  /// For operands whose shapes are known.
  func places(_ inputs: [TensorType?]) throws(GraphError) -> Places {
    let data = try inputs.required(0, "data"), indices = try inputs.required(1, "indices")
    guard indices.element == .int64 else {
      throw GraphError(.unsupportedType, at: "input 'indices'", expected: "int64", got: "\(indices.element)")
    }
    let places = try Places(self, data: data.shape, indices: indices.shape)
    try places.check(indices.known)
    return places
  }
}

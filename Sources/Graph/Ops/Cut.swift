import DitherBasics
import DitherTensor

/// Evenly spaced slices along each axis.
struct Region: Sendable {
  var starts: [Int]
  var steps: [Int]
  var counts: [Int]

  /// The whole of `shape`.
  init(_ shape: Shape) {
    starts = [Int](repeating: 0, count: shape.rank)
    steps = [Int](repeating: 1, count: shape.rank)
    counts = shape.dimensions
  }
  var shape: Shape { Shape(counts) }

  func fits(_ whole: Shape) -> Bool {
    counts.count == whole.rank
      && whole.dimensions.indices.allSatisfy { axis in
        let extent = 0..<whole[axis], last = starts[axis] + (counts[axis] - 1) * steps[axis]
        return counts[axis] == 0 || (extent.contains(starts[axis]) && extent.contains(last))
      }
  }

  /// Which elements of an array of shape `whole` these are.
  func indices(_ whole: Shape) -> [Int] {
    let (strides, offset) = walk(whole)
    return shape.indices(strides: strides.map(Int.init)).map { $0 + offset }
  }

  /// How to walk the region inside an array of shape `whole`, in elements.
  func walk(_ whole: Shape) -> (strides: [Int64], offset: Int) {
    let own = whole.strides
    return (zip(own, steps).map { Int64($0 * $1) }, zip(own, starts).reduce(0) { $0 + $1.0 * $1.1 })
  }
}

/// A region of its input: what slices are made of.
struct Cut: Op {
  let region: Region
  var takesEmpty: Bool { true }
  init(_ region: Region) { self.region = region }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let data = try inputs.required(0, "data")
    guard region.fits(data.shape) else {
      throw GraphError(.shape, at: "input 'data'", expected: "a shape that holds \(region.counts)", got: "\(data)")
    }
    return [data.rearranged(region.shape) { region.indices(data.shape) }]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.apply(Paste(region: region, shape: call.inputs[0].shape))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    plan.cut(region, from: call.inputs[0], to: call.outputs[0])
  }
}

/// Zeros of `shape` with the input in one region: the gradient of a cut.
struct Paste: Op {
  let region: Region
  let shape: Shape
  var takesEmpty: Bool { true }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [upstream.apply(Cut(region))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    plan.paste(call.inputs[0], into: region, of: call.outputs[0]) { _ in 0 }
  }
}

extension PlanBuilder {
  mutating func cut(_ region: Region, from x: Value, to y: Value) {
    let dims = region.counts.map(Int64.init), (strides, offset) = region.walk(x.shape)
    let size = y.type.element.byteCount, isEmpty = y.shape.count == 0
    step([x, y]) { memory in
      let from = memory.raw(x) + offset * size, to = memory.raw(y)
      return { if !isEmpty { Kernels.copy(to, from, dims, strides, size: size) } }
    }
  }

  /// `y` is x inside the region, `filler` elsewhere. `others`: values that `filler` reads.
  mutating func paste(
    _ x: Value, into region: Region, of y: Value, others: [Value?] = [], filler: @escaping (Memory) -> Float
  ) {
    let dims = region.counts.map(Int64.init), (strides, offset) = region.walk(y.shape), count = y.shape.count
    let isEmpty = x.shape.count == 0
    step([x, y] + others) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return {
        to.update(repeating: filler(memory), count: count)
        if !isEmpty { Kernels.scatter(to + offset, from, dims, strides) }
      }
    }
  }
}

import CKernels
import DitherTensor

/// Every `step`-th slice along one axis, from `start`: what slices and splits are made of.
struct Cut: Op {
  let axis: Int
  let start: Int
  let step: Int
  let count: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    var shape = try inputs.float(0, "data", rank: 1...8)
    precondition(count == 0 || (0..<shape[axis]).contains(start + (count - 1) * step), "a cut within its axis")
    shape[axis] = count
    return [TensorType(shape)]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    [upstream.apply(Paste(cut: self, shape: call.inputs[0].shape))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], dims = y.shape.dimensions.map(Int64.init)
    let (strides, offset) = walk(x.shape)
    plan.step([x, y]) { memory in
      let from = memory.floats(x) + offset, to = memory.floats(y)
      return { dk_copy_strided(to, from, Int32(dims.count), dims, strides, 4) }
    }
  }
  func walk(_ shape: Shape) -> (strides: [Int64], offset: Int) {
    var strides = shape.strides
    let offset = start * strides[axis]
    strides[axis] *= step
    return (strides.map(Int64.init), offset)
  }
}

/// Zeros of `shape` with a cut put back in its place: the gradient of a cut.
struct Paste: Op {
  let cut: Cut
  let shape: Shape
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [upstream.apply(cut)] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], dims = x.shape.dimensions.map(Int64.init), bytes = y.type.byteCount
    let (strides, offset) = cut.walk(shape)
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return {
        UnsafeMutableRawPointer(to).initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        dk_scatter_strided(to + offset, from, Int32(dims.count), dims, strides)
      }
    }
  }
}

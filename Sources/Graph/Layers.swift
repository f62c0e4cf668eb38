import DitherTensor

/// The layers that networks of our own are built from: each appends the op of ONNX that says the same.
extension GraphBuilder {
  /// x Wᵀ + b: x [batch, in], weight [out, in], bias [out].
  public func dense(_ x: Value, _ weight: Value, _ bias: Value?, name: String? = nil) throws(GraphError) -> Value {
    try apply(Gemm(transposeB: true), [x, weight, bias], name: name)[0]
  }

  /// x [batch, in, H, W], weight [out, in, kH, kW], bias [out].
  public func convolution(
    _ x: Value, _ weight: Value, _ bias: Value?, padding: Int = 0, stride: Int = 1, name: String? = nil
  ) throws(GraphError) -> Value {
    try apply(Conv(pads: padding, stride: stride), [x, weight, bias], name: name)[0]
  }

  /// max(x, 0), element by element.
  public func relu(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Relu(), [x], name: name)[0]
  }
  /// tanh x, element by element.
  public func tanh(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Tanh(), [x], name: name)[0]
  }
  /// 1 / (1 + e⁻ˣ), element by element.
  public func sigmoid(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Sigmoid(), [x], name: name)[0]
  }
  /// x · Φ(x), by the error function.
  public func gelu(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Gelu(), [x], name: name)[0]
  }
  /// Softmax along the last axis.
  public func softmax(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Softmax(), [x], name: name)[0]
  }
  /// Max-pooling over squares of `size` × `size` pixels that do not overlap.
  public func maxPool(_ x: Value, _ size: Int, name: String? = nil) throws(GraphError) -> Value {
    try apply(MaxPool(size), [x], name: name)[0]
  }
  /// [batch, …] as [batch, features].
  public func flatten(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Flatten(), [x], name: name)[0]
  }
  /// a − b, broadcast.
  public func subtract(_ a: Value, _ b: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Sub(), [a, b], name: name)[0]
  }
  /// a / b, broadcast.
  public func divide(_ a: Value, _ b: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Div(), [a, b], name: name)[0]
  }
  /// a · b, broadcast.
  public func multiply(_ a: Value, _ b: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Mul(), [a, b], name: name)[0]
  }
  /// a + b, broadcast.
  public func add(_ a: Value, _ b: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Add(), [a, b], name: name)[0]
  }
  /// The mean of each channel: [batch, C, H, W] to [batch, C, 1, 1].
  public func globalAveragePool(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(GlobalAveragePool(), [x], name: name)[0]
  }
  /// The largest value of each channel: [batch, C, H, W] to [batch, C, 1, 1].
  public func globalMaxPool(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(ReduceMax(ReducedAxes([2, 3])), [x], name: name)[0]
  }
  /// ln x, element by element.
  public func log(_ x: Value, name: String? = nil) throws(GraphError) -> Value {
    try apply(Log(), [x], name: name)[0]
  }
  /// The mean of the rows of `values` [N, M] at the `k` largest of each row of `scores` [batch, N]: [batch, M].
  public func meanOfLargest(_ k: Int, of scores: Value, among values: Value, name: String) throws(GraphError) -> Value {
    let indices = try apply(TopK(k), [scores], name: "\(name).largest")[1]
    let rows = try apply(Gather(axis: 0), [values, indices], name: "\(name).rows")[0]
    return try flatten(apply(ReduceMean(ReducedAxes([1])), [rows], name: name)[0])
  }
  /// The entries of an axis at these places, in their order; the value itself where they are all of it.
  public func picked(_ x: Value, _ places: [Int], along axis: Int, name: String) throws(GraphError) -> Value {
    guard places != Array(0..<x.shape[axis]) else { return x }
    let indices = constant(.int64([places.count], places.map(Int64.init)), "\(name).indices")
    return try apply(Gather(axis: axis), [x, indices], name: name)[0]
  }
  /// Normalization by channel, which begins with scale 1, shift 0, mean 0 and variance 1.
  public func batchNormalization(_ x: Value, channels: Int, name: String) throws(GraphError) -> Value {
    let ones = Tensor([channels], repeating: 1), zeros = Tensor(zeros: [channels])
    let constants = [("scale", ones), ("shift", zeros), ("mean", zeros), ("variance", ones)].map { part, tensor in
      parameter("\(name).\(part)", tensor)
    }
    return try apply(BatchNormalization(), [x] + constants, name: name)[0]
  }
}

import DitherBasics
import DitherTensor

/// One meaning of inputs, for every command and wire: floats are in the units of the data, before the model's
/// normalization; bytes are divided by 255.
extension ModelSignature {
  /// Inputs as the graph takes them.
  /// - Parameter x: [B, …] in the units of the data.
  public func normalized(_ x: Tensor) -> Tensor { normalization.isIdentity ? x : scaled(x) { ($0 - $1) / $2 } }

  /// The derivatives for inputs in the units of the data, from those for what the graph takes.
  public func gradientForPixels(_ gradient: Tensor) -> Tensor {
    normalization.isIdentity ? gradient : scaled(gradient) { value, _, deviation in value / deviation }
  }

  /// Numbers that stand for channels, one for each element of an example: to be put into a graph.
  package func spread(_ values: [Float]) -> [Float] {
    let stride = channelStride(values.count) ?? 1
    return (0..<inputShape.count).map { values[$0 / stride % values.count] }
  }

  /// How many elements lie between two channels, where there are so many: the first axis of that extent has them, or a
  /// third of a flat example. nil: there are not.
  func channelStride(_ count: Int) -> Int? {
    if count == 1 { return 1 }
    let dimensions = inputShape.dimensions
    if dimensions.count == 1 { return dimensions[0] % count == 0 ? dimensions[0] / count : nil }
    return dimensions.firstIndex(of: count).map { dimensions[($0 + 1)...].reduce(1, *) }
  }

  private func scaled(_ x: Tensor, _ change: (Float, _ mean: Float, _ deviation: Float) -> Float) -> Tensor {
    let mean = spread(normalization.mean), deviation = spread(normalization.deviation), length = inputShape.count
    return Tensor(x.shape) { out in
      x.elements.withUnsafeBufferPointer { x in
        for i in out.indices {
          let place = i % length
          out[i] = change(x[i], mean[place], deviation[place])
        }
      }
    }
  }
}

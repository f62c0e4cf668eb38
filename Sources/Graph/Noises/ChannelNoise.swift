import DitherTensor

/// One draw of N(0, 1) for each channel: each output of a layer's weights [outputs, …], each channel of a picture
/// [channels, H, W]. Weights of an output then move together.
struct ChannelNoise: AddedNoise {
  static let name = "channel"
  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    let channels = shape.rank > 1 ? max(shape[0], 1) : 1, length = out.count / channels
    withUnsafeTemporaryAllocation(of: Float.self, capacity: channels) { draws in
      address.normals(draws)
      for i in 0..<channels * length { out[i] = draws[i / length] }
    }
  }
}

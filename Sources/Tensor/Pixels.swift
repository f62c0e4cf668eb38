extension Tensor {
  /// Bytes as numbers in the units of the data: pixels, divided by 255.
  /// - Parameter shape: of as many elements as there are bytes.
  public init(pixels bytes: some Collection<UInt8>, _ shape: Shape) {
    self.init(shape, Self.pixels(bytes))
  }

  /// Bytes as numbers in [0, 1]: the one place where a byte becomes a number.
  public static func pixels(_ bytes: some Collection<UInt8>) -> [Float] {
    [Float](unsafeUninitializedCapacity: bytes.count) { out, filled in
      for byte in bytes {
        out[filled] = Float(byte) / 255
        filled += 1
      }
    }
  }
}

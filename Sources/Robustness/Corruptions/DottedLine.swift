import DitherTensor
import Foundation

/// A bright dotted line from the left side to the right, at every severity. In the manner of MNIST-C.
public struct DottedLine: Corruption {
  public static let name = "dotted_line"
  public static let summary = "a dotted line across"
  public static let group = CorruptionGroup.shape
  public static let protocols: Set<CorruptionConstants> = [.mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    [:]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    var picture = Picture(pixels, image)
    let ends = address.uniforms(2).map { Double(image.height - 1) * Double($0) }
    picture.draw(from: (ends[0], 0), to: (ends[1], Double(image.width - 1)), gap: 2)
    picture.write(to: pixels)
  }
}

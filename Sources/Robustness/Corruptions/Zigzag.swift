import DitherTensor
import Foundation

/// A bright zigzag of eight strokes from the left side to the right, at every severity. In the manner of MNIST-C.
public struct Zigzag: Corruption {
  public static let name = "zigzag"
  public static let summary = "a zigzag across"
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
    let chance = address.uniforms(2).map(Double.init), middle = Double(image.height - 1) * (0.25 + 0.5 * chance[0])
    let reach = Double(image.height) * (0.08 + 0.08 * chance[1]), step = Double(image.width - 1) / 8
    for stroke in 0..<8 {
      let up = stroke % 2 == 0 ? -reach : reach
      picture.draw(
        from: (middle + up, Double(stroke) * step), to: (middle - up, Double(stroke + 1) * step))
    }
    picture.write(to: pixels)
  }
}

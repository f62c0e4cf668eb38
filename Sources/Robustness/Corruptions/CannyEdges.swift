import DitherTensor
import Foundation

/// White edges on black, at every severity. Canny 1986, IEEE PAMI 8: σ = 1, thresholds 0.1 and 0.2 of the slope.
public struct CannyEdges: Corruption {
  public static let name = "canny_edges"
  public static let summary = "edges only"
  public static let group = CorruptionGroup.shape
  public static let protocols: Set<CorruptionConstants> = [.mnistc]
  public init() {}

  public func strength(severity: Int, of image: ImageShape) -> [String: Double] {
    [:]
  }

  public func corrupt(
    _ pixels: UnsafeMutableBufferPointer<Float>, of image: ImageShape, severity: Int, at address: NoiseAddress
  ) {
    let edges = Edges.canny(Picture(pixels, image).gray, image.height, image.width)
    for i in pixels.indices { pixels[i] = edges[i % edges.count] ? 1 : 0 }
  }
}

import Foundation

/// An example before and after, as bytes of a planar image.
public struct Illustration: Codable, Sendable, Equatable {
  public var index: Int
  public var channels: Int
  public var height: Int
  public var width: Int
  public var before: Data
  public var after: Data
  public var label: Int
  public var labelAfter: Int

  init(
    _ index: UInt64, _ image: ImageShape, before: ArraySlice<Float>, after: ArraySlice<Float>, label: Int,
    labelAfter: Int
  ) {
    func bytes(_ values: ArraySlice<Float>) -> Data {
      var planes = Array(values)
      planes.withUnsafeMutableBufferPointer { image.turn($0, .toPlanes) }
      return Data(planes.map { UInt8(min(max(($0 * 255).rounded(), 0), 255)) })
    }
    self.index = Int(index)
    (channels, height, width) = (image.channels, image.height, image.width)
    self.before = bytes(before)
    self.after = bytes(after)
    self.label = label
    self.labelAfter = labelAfter
  }

  static let perProbe = 4
}

import Foundation

/// An example before and after, as bytes of a planar image.
public struct Illustration: Codable, Sendable, Equatable {
  /// The example's number in the data.
  public var index: Int
  /// 1 or 3.
  public var channels: Int
  /// Rows.
  public var height: Int
  /// Columns.
  public var width: Int
  /// [C, H, W]: the example as it is.
  public var before: Data
  /// [C, H, W]: under the probe's condition.
  public var after: Data
  /// The deployed predictor's answer to the example as it is.
  public var label: Int
  /// The deployed predictor's answer under the condition.
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

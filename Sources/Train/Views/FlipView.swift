import DitherBasics

/// The picture and its mirror image, half each. Source: Krizhevsky et al. 2012, "ImageNet Classification with Deep
/// Convolutional Neural Networks", 4.1, whose tests are on crops and their reflections.
public struct FlipView: PictureView {
  public static let name = "flip"
  public init() {}

  public func looks(rows: Int, columns: Int) -> [Look] {
    let all = Array(0..<rows), across = Array(0..<columns)
    return [Look(share: 0.5, rows: all, columns: across), Look(share: 0.5, rows: all, columns: across.reversed())]
  }
}

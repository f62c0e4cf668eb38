import DitherBasics
import Foundation

/// Slow weights that go a share of the way to where some steps have led, from where the steps then go on. Source: Zhang
/// et al. 2019, arXiv 1907.08610, algorithm 1; the share that falls from 1 with the progress is that of Jordan 2024,
/// arXiv 2404.00498.
public struct Lookahead: Average {
  public static let name = "lookahead"
  /// Steps between, from 1.
  public var every = 5
  /// The share of the way, above 0 to 1.
  public var share = 0.5
  /// Above 0 the share begins at 1 and comes to `share` as progress^power; 0: it is the same throughout.
  public var power = 0.0
  public init() {}

  public func check() throws(CatalogError) {
    try require((1...1_000_000).contains(every), "every", "1 to 1000000", every)
    try require(share > 0 && share <= 1, "share", "above 0, to 1", share)
    try require((0...100).contains(power), "power", "0 to 100", power)
  }

  public func take(
    _ values: UnsafeMutableBufferPointer<Float>, number: Int, progress: Double,
    into mean: UnsafeMutableBufferPointer<Float>
  ) {
    guard number % every == 0 else { return }
    mix(1 - (1 - share) * pow(progress, power), of: values, into: mean)
    _ = values.update(fromContentsOf: mean)
  }
}

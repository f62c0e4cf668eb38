import DitherBasics
import DitherTensor

/// The way in which a draw of noise acts on the value that it meets.
public enum NoiseCombination: Sendable, Hashable, CaseIterable {
  /// value + sigma · scale · draw. Draws have mean 0 and standard deviation 1.
  case adds
  /// value · draw.
  case multiplies
  /// draw in place of the value; a draw of NaN leaves the value as it is.
  case replaces
}

/// A distribution to draw noise from. Its properties are its parameters: keys of a term of noise, in recipes and model
/// files.
public protocol Noise: Codable, Sendable {
  /// Its name in recipes, model files and reports, as the field writes it.
  static var name: String { get }
  /// The way in which its draws act on the value.
  static var combination: NoiseCombination { get }
  init()
  /// Whether it does anything.
  var isActive: Bool { get }
  /// The probability of the rarer of two things that a noise may do to a number: so many draws may pass without it. nil
  /// of a noise whose every draw differs a little.
  var rarerProbability: Double? { get }
  /// The same noise, `strength` times as strong: what schedules ask of noises that do not add. `strength` is 0 or more;
  /// at 0 nothing is left.
  func scaled(by strength: Float) -> Self
  /// - Throws: `GraphFault.noise` when a parameter is out of its range.
  func validate() throws(GraphError)
  /// Draws for one row.
  /// - Parameters:
  ///   - out: as many numbers as `shape` has.
  ///   - shape: of one row of the value, or of a layer's weights: structured noises see channels there.
  ///   - address: which draws; the same address gives the same numbers.
  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress)
}

extension Noise {
  public var isActive: Bool { true }
  public var rarerProbability: Double? { nil }
  public func validate() throws(GraphError) {}
}

/// A noise that adds draws of mean 0 and standard deviation 1, of which −draw is as likely as draw. The term says how
/// strong it is.
public protocol AddedNoise: Noise {
  /// Whether the draws for a layer's weights are as likely with the signs of any rows and any columns turned: then the
  /// examples of a batch can share one draw, each with signs of its own.
  static var hasFreeSigns: Bool { get }
  /// The root mean square of all draws for a row of a shape, where the field defines a noise by another than 1.
  func deviation(of shape: Shape) -> Double
}

extension AddedNoise {
  public static var combination: NoiseCombination { .adds }
  public static var hasFreeSigns: Bool { false }
  public func deviation(of shape: Shape) -> Double { 1 }
  public func scaled(by strength: Float) -> Self { self }
}

/// A noise whose strength is a probability, below 1 or up to 1.
protocol RatedNoise: Noise {
  var rate: Float { get set }
  /// The values that `rate` may have.
  static var rates: (range: ClosedRange<Float>, inWords: String) { get }
}

extension RatedNoise {
  public var isActive: Bool { rate > 0 }
  public var rarerProbability: Double? { rate > 0 && rate < 1 ? Double(min(rate, 1 - rate)) : nil }
  public func scaled(by strength: Float) -> Self {
    var scaled = self
    scaled.rate = min(rate * strength, Self.rates.range.upperBound)
    return scaled
  }
  public func validate() throws(GraphError) {
    guard Self.rates.range.contains(rate) else {
      throw GraphError(.noise, at: "noise '\(Self.name)'", expected: "a rate \(Self.rates.inWords)", got: "\(rate)")
    }
  }
}

extension Catalog where Entry == any Noise.Type {
  /// Every distribution of noise, by its name.
  public static let noises = Catalog(
    "noise",
    [
      GaussianNoise.self, UniformNoise.self, LaplaceNoise.self, CorrelatedNoise.self, PatchGaussianNoise.self,
      ChannelNoise.self, LowRankNoise.self, FactorizedNoise.self, DropoutNoise.self, GaussianDropoutNoise.self,
      DropBlockNoise.self, PixelMaskNoise.self, BlockMaskNoise.self, SaltAndPepperNoise.self,
    ], name: { $0.name })
}

import CKernels
import DitherBasics
import DitherTensor

/// A distribution of mean 0 and standard deviation 1 to draw noise from.
public protocol Noise: Sendable {
  /// Its name in recipes, model files and reports.
  static var name: String { get }
  /// Whether −draw is as likely as draw. Where it is not, relative noise is the value times the draw, sign and all.
  static var isSymmetric: Bool { get }
  init()
  /// - Parameter sigma: what the draws will be multiplied by, for distributions whose form depends on it.
  init(sigma: Float)
  func fill(_ out: UnsafeMutableBufferPointer<Float>, at address: NoiseAddress)
}

extension Noise {
  public static var isSymmetric: Bool { true }
  public init(sigma: Float) { self.init() }
}

extension Catalog where Entry == any Noise.Type {
  public static let noises = Catalog(
    "noise", [GaussianNoise.self, UniformNoise.self, LaplaceNoise.self, DropoutNoise.self], name: { $0.name })
}

/// What noise, and where: in training and in serving the same. It travels in the model's file.
public struct NoiseModel: Codable, Sendable, Equatable {
  public var terms: [Term]
  public init(_ terms: [Term]) { self.terms = terms }

  /// Whether a draw's negative is as likely as the draw.
  public var isSymmetric: Bool {
    terms.allSatisfy { term in (try? type(of: term.noise).isSymmetric) == true }
  }

  public enum Site: String, Codable, Sendable, CaseIterable {
    /// On the graph's float inputs.
    case input
    /// On the weights of every dense layer and convolution; biases stay as they are.
    case weights
    /// Behind every activation function.
    case activations
    /// Behind every normalisation.
    case afterNormalisation = "after_normalisation"
    /// On the gradients, in training only.
    case gradients
  }

  public enum Scale: String, Codable, Sendable, CaseIterable {
    /// sigma is the standard deviation.
    case absolute
    /// The standard deviation is sigma · |value|, element by element.
    case relative
    /// The standard deviation is sigma times that of the layer's weights. Weights only.
    case relativeToLayer = "relative_to_layer"
  }

  public struct Term: Codable, Sendable, Equatable {
    public var site: Site
    /// Of `Catalog.noises`.
    public var distribution: String
    public var sigma: Float
    public var scale: Scale

    public init(_ site: Site, sigma: Float, scale: Scale = .absolute, distribution: String = "gaussian") {
      self.site = site
      self.distribution = distribution
      self.sigma = sigma
      self.scale = scale
    }

    /// - Parameter rate: the probability, below 1, that a value becomes 0.
    public static func dropout(_ site: Site, rate: Float) -> Term {
      Term(site, sigma: DropoutNoise.sigma(rate: rate), scale: .relative, distribution: DropoutNoise.name)
    }

    private enum CodingKeys: String, CodingKey { case site, distribution, sigma, scale }
    public init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      site = try container.decode(Site.self, forKey: .site)
      distribution = try container.decodeIfPresent(String.self, forKey: .distribution) ?? "gaussian"
      sigma = try container.decode(Float.self, forKey: .sigma)
      scale = try container.decodeIfPresent(Scale.self, forKey: .scale) ?? .absolute
    }
  }

  /// - Throws: when a sigma is not a finite number ≥ 0, a distribution is unknown, or a scale does not go with its site.
  public func validate() throws(GraphError) {
    guard terms.count <= 16 else {
      throw GraphError(.noise, at: "noise", expected: "at most 16 terms", got: "\(terms.count)")
    }
    for term in terms {
      guard term.sigma.isFinite, term.sigma >= 0, term.sigma <= 1e6 else {
        throw GraphError(
          .noise, at: "noise on \(term.site.rawValue)", expected: "a sigma from 0 to 1e6", got: "\(term.sigma)")
      }
      guard term.scale != .relativeToLayer || term.site == .weights else {
        throw GraphError(
          .noise, at: "noise on \(term.site.rawValue)", expected: "scale absolute or relative", got: "relative_to_layer"
        )
      }
      guard
        type(of: try term.noise).isSymmetric || term.scale == .relative && ![.weights, .gradients].contains(term.site)
      else {
        throw GraphError(
          .noise, at: "noise '\(term.distribution)' on \(term.site.rawValue)",
          expected: "scale relative, on input, activations or after_normalisation", got: "scale \(term.scale.rawValue)")
      }
    }
  }

  /// The same noise, `factor` times as strong.
  public func scaled(by factor: Float) -> NoiseModel {
    var scaled = self
    for i in scaled.terms.indices { scaled.terms[i].sigma *= factor }
    return scaled
  }
}

/// A term and which of those at its site it is, from 0: draws are addressed by it, so they do not depend on terms of other sites.
typealias NumberedTerm = (number: Int, term: NoiseModel.Term)

extension NoiseModel {
  /// The terms that do something.
  var numberedTerms: [NumberedTerm] {
    var counts: [Site: Int] = [:], numbered: [NumberedTerm] = []
    for term in terms {
      let number = counts[term.site, default: 0]
      counts[term.site] = number + 1
      if term.sigma > 0 { numbered.append((number, term)) }
    }
    return numbered
  }
}

extension NoiseModel.Term {
  var noise: any Noise {
    get throws(GraphError) {
      do {
        return try Catalog.noises.entry(named: distribution).init(sigma: sigma)
      } catch {
        throw GraphError(.noise, at: error.place, expected: error.expected, got: error.got, advice: error.advice)
      }
    }
  }
  var isGaussian: Bool { distribution == GaussianNoise.name }
}

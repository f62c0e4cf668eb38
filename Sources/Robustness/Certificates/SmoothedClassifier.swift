import DitherBasics
import DitherInference
import DitherTensor

/// g(x) = the class c of largest P(f(x + N(0, σ²I)) = c): a classifier whose answers come with an L2 radius. Cohen,
/// Rosenfeld and Kolter 2019, arXiv 1902.02918.
///
/// f is the model's label: the first class of largest output, in the deterministic pass; a copy without an answer is no
/// class's, and speaks against each. Of a model with noise every noisy copy
/// has one fresh draw of that noise, and f is a random function. The theorem holds for it as well: the lemma of Neyman
/// and Pearson is about the pair of the Gaussian input noise and the model's own, and the latter, being drawn
/// independently, has the same distribution around x as around any x + δ. It is the Gaussian on the input that gives a
/// radius, and nothing else: noise on weights alone gives none.
///
/// Copies are made where a plan reads them and only counts are kept, so memory does not grow with the number of draws.
/// A copy's noise is a function of (seed, example, stage, number): neither batches nor threads change a result. As in
/// the paper copies may leave [0, 1].
public struct SmoothedClassifier: Sendable {
  /// The model that is smoothed.
  public let model: Model
  /// The standard deviation of the noise on inputs in [0, 1].
  public let sigma: Double
  private let isRandom: Bool
  private let seed: UInt64

  /// - Parameters:
  ///   - random: whether a model with noise answers with it; otherwise its mean weights do.
  ///   - seed: of all noise.
  /// - Throws: for a sigma that is not above 0.
  public init(_ model: Model, sigma: Double, random: Bool = true, seed: UInt64) throws(RobustnessError) {
    try Self.check(sigma: sigma)
    self.model = model
    self.sigma = sigma
    isRandom = random && model.noise != nil
    self.seed = mixSeed(seed, 0x736D_6F6F_7468)
  }

  static func check(sigma: Double) throws(RobustnessError) {
    guard sigma > 0, sigma <= 1e3 else {
      throw RobustnessError(
        .parameter, at: "sigma", expected: "above 0, at most 1000", got: "\(sigma)",
        advice: sigma == 0
          ? "the theorem is about Gaussian noise on the input: without it, noise on weights gives no L2 radius" : nil)
    }
  }

  /// How certificates are looked for.
  public struct Budget: Sendable, Equatable {
    /// Copies that choose the class.
    public var n0 = 100
    /// Copies, of their own, that bound its probability.
    public var n = 10_000
    /// The probability, at most, that a certificate is wrong.
    public var alpha = 0.001
    /// Looks while copies come in and stops as soon as it may (`SpentBound`). Without, it is CERTIFY as published.
    public var early = false
    /// The radius that is wanted; nil: as large as can be.
    public var target: Double?
    public init() {}
  }

  private enum Stage: UInt32 { case selection, estimation, prediction }

  /// CERTIFY: the class that the first n0 copies favor, and the radius σ Φ⁻¹(p) from a lower bound p on its
  /// probability.
  /// - Parameters:
  ///   - x: one example, as a batch of one, in [0, 1].
  ///   - identity: which example of the data it is.
  ///   - threads: that copies are spread over.
  ///   - proceed: called between batches; what it throws ends the work.
  /// - Returns: a certificate that knows no true label (`correct` is false), and how many copies were drawn.
  public func certify(
    _ x: Tensor, identity: UInt64, budget: Budget, threads: Int = 1, proceed: @Sendable () throws -> Void = {}
  ) throws -> (certificate: Certificate, copies: Int) {
    let base = try base(x)
    func counts(_ stage: Stage, _ range: Range<Int>) throws -> [Int] {
      try labels(base, identity, stage, range, threads, proceed)
    }
    let votes = try counts(.selection, 0..<budget.n0), chosen = votes.firstMaximum
    let spent = SpentBound(n: budget.n, alpha: budget.alpha, early: budget.early)
    let needed = budget.early ? budget.target.map { Statistics.normalDistribution($0 / sigma) } : nil
    var drawn = 0, successes = 0, bound = 0.0
    for (look, most) in spent.looks.enumerated() {
      successes += try counts(.estimation, drawn..<most)[chosen]
      drawn = most
      bound = max(bound, Statistics.lowerBound(successes, of: drawn, alpha: spent.alphas[look]))
      if spent.verdict(look: look, successes: successes, bound: bound, needed: needed) != .goOn { break }
    }
    let abstains = bound < 0.5
    return (
      Certificate(
        label: votes[chosen] == 0 ? Label.none : chosen, correct: false,
        radius: abstains ? 0 : sigma * Statistics.normalQuantile(bound), n: drawn,
        alpha: budget.alpha, abstained: abstains), budget.n0 + drawn
    )
  }

  /// PREDICT: the class that most copies have, unless a fair coin between the first two explains their counts at
  /// `alpha`. The answer is g's with probability 1 − alpha at least.
  public func predict(
    _ x: Tensor, identity: UInt64, n: Int, alpha: Double, threads: Int = 1, proceed: @Sendable () throws -> Void = {}
  ) throws -> Certificate {
    let counts = try labels(base(x), identity, .prediction, 0..<n, threads, proceed), first = counts.firstMaximum
    // No answer is an answer of its own, and where most copies give it there is no class to name.
    let none = n - counts.reduce(0, +), hasAnswer = none <= counts[first]
    let second = counts.indices.filter { $0 != first }.map { counts[$0] }.max() ?? 0
    return Certificate(
      label: hasAnswer ? first : Label.none, correct: false, radius: 0, n: n, alpha: alpha,
      abstained: !hasAnswer || Statistics.fairCoinTest(counts[first], max(second, none)) > alpha)
  }

  /// The example as the model takes it, and the standard deviation of each stretch of its numbers that has one of its
  /// own.
  private struct Base: Sendable {
    var numbers: [Float]
    var deviations: [(range: Range<Int>, sigma: Float)]
    /// Where channels alternate: what the numbers, and the one deviation of 1, are multiplied with.
    var factors: [Float]?
  }

  private func base(_ x: Tensor) throws -> Base {
    precondition(x.rowCount == 1, "one example")
    let normalized = try model.signature.checked(model.signature.normalized(x)).tensor
    // As the images are normalized: by channel, where there are channels.
    let sigmas = model.signature.spread(model.signature.normalization.deviation).map { Float(sigma) / $0 }
    var deviations: [(range: Range<Int>, sigma: Float)] = []
    for (i, sigma) in sigmas.enumerated() {
      if let last = deviations.last, last.sigma == sigma {
        deviations[deviations.count - 1].range = last.range.lowerBound..<i + 1
      } else {
        deviations.append((i..<i + 1, sigma))
      }
    }
    guard deviations.count > 16 else { return Base(numbers: normalized.elements, deviations: deviations) }
    return Base(
      numbers: zip(normalized.elements, sigmas).map { $0 / $1 }, deviations: [(0..<sigmas.count, 1)], factors: sigmas)
  }

  private func labels(
    _ base: Base, _ identity: UInt64, _ stage: Stage, _ copies: Range<Int>, _ threads: Int,
    _ proceed: @Sendable () throws -> Void
  ) throws -> [Int] {
    let own = mixSeed(seed, identity), draws = mixSeed(own, 0x6472_6177, UInt64(stage.rawValue))
    let drawSeed: @Sendable (Int) -> UInt64 = { mixSeed(draws, UInt64($0)) }
    return try model.labelCounts(
      rows: copies, drawSeed: isRandom ? drawSeed : nil, threads: threads, proceed: proceed
    ) { row, number in
      let address = NoiseAddress(seed: own, site: stage.rawValue, sample: UInt32(truncatingIfNeeded: number))
      base.numbers.withUnsafeBufferPointer { (numbers: UnsafeBufferPointer<Float>) in
        guard let start = numbers.baseAddress else { return }
        for (range, sigma) in base.deviations {
          address.addNormals(
            times: sigma, to: start + range.lowerBound, into: UnsafeMutableBufferPointer(rebasing: row[range]),
            from: range.lowerBound)
        }
        if let factors = base.factors { for i in row.indices { row[i] *= factors[i] } }
      }
    }
  }
}

extension [Int] {
  fileprivate var firstMaximum: Int { indices.reduce(0) { self[$1] > self[$0] ? $1 : $0 } }
}

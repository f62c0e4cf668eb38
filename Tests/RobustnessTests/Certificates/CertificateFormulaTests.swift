import DitherGraph
import DitherInference
import DitherRobustness
import DitherTensor
import DitherTestSupport
import Testing

/// CERTIFY's numbers: σ Φ⁻¹ of Clopper and Pearson's lower bound, and nothing where that is at most one half.
@Suite("Formula of certificates")
struct CertificateFormulaTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let successes: Int, n: Int, alpha: Double, bound: Double, radius: Double
    var testDescription: String { "\(successes) of \(n) at \(alpha)" }
    init(_ successes: Int, _ n: Int, _ alpha: Double, _ bound: Double, _ radius: Double) {
      (self.successes, self.n, self.alpha, self.bound, self.radius) = (successes, n, alpha, bound, radius)
    }
  }

  /// SciPy 1.17.1: `beta.ppf(alpha, k, n - k + 1)`, of a perfect record `alpha ** (1 / n)`; `0.25 * norm.ppf(bound)`.
  static let rows = [
    Row(100, 100, 0.001, 0.933254300796991, 0.3751187560301591),
    Row(1000, 1000, 0.001, 0.9931160484209338, 0.6158156536952029),
    Row(10000, 10000, 0.001, 0.9993094630025899, 0.7996443786845846),
    Row(51, 100, 0.001, 0.3541501986578039, 0), Row(70, 100, 0.001, 0.5434438503415362, 0.027278427970700438),
    Row(99, 100, 0.001, 0.9113731112960424, 0.33731475970259756),
    Row(999, 1000, 0.001, 0.9908045023646124, 0.5894126426487887), Row(5000, 10000, 0.001, 0.484502946113578, 0),
    Row(5155, 10000, 0.001, 0.49999993940747184, 0),
    Row(5200, 10000, 0.001, 0.5045018488791799, 0.0028211752978740175),
    Row(9990, 10000, 0.001, 0.9975883080325683, 0.7046495750995613),
    Row(990, 1000, 0.05, 0.9830968248794375, 0.5305934807068556),
    Row(60, 64, 0.1, 0.878967668432471, 0.2924604348223623), Row(1, 10, 0.05, 0.005116196891823701, 0),
  ]

  private static func radius(_ bound: Double, sigma: Double) -> Double {
    bound < 0.5 ? 0 : sigma * Statistics.normalQuantile(bound)
  }

  @Test("bounds and radii are SciPy's", arguments: rows)
  func reference(_ row: Row) {
    let bound = Statistics.lowerBound(row.successes, of: row.n, alpha: row.alpha)
    #expect(abs(bound - row.bound) < 1e-12, "\(bound)")
    #expect(abs(Self.radius(bound, sigma: 0.25) - row.radius) < 1e-11)
  }

  /// SciPy 1.17.1: `binomtest(a, a + b, 0.5).pvalue`.
  @Test(
    "the test of PREDICT is SciPy's",
    arguments: [
      (60, 40, 0.05688793364098089), (90, 10, 3.0632901754379845e-17), (50, 50, 1), (7, 0, 0.015625),
      (1000, 900, 0.023108845108901193),
    ] as [(Int, Int, Double)])
  func coin(_ a: Int, _ b: Int, _ p: Double) {
    #expect(abs(Statistics.fairCoinTest(a, b) - p) <= 1e-9 * p)
    #expect(Statistics.fairCoinTest(b, a) == Statistics.fairCoinTest(a, b))
  }

  @Test("more successes, a laxer level or more draws of the same share never prove less", arguments: [10, 100, 1000])
  func monotone(_ n: Int) {
    var last = -1.0
    for successes in stride(from: 0, through: n, by: max(n / 100, 1)) {
      let bound = Statistics.lowerBound(successes, of: n, alpha: 0.001)
      #expect(bound > last && bound <= Double(successes) / Double(n))
      #expect(bound <= Statistics.lowerBound(successes, of: n, alpha: 0.01))
      #expect(bound <= Statistics.lowerBound(10 * successes, of: 10 * n, alpha: 0.001))
      // Half of the draws or fewer prove nothing, at any level of less than a half.
      if 2 * successes <= n {
        for alpha in [1e-6, 0.001, 0.1, 0.49] {
          #expect(Self.radius(Statistics.lowerBound(successes, of: n, alpha: alpha), sigma: 1) == 0)
        }
      }
      last = bound
    }
  }

  /// Class 1 where the first of 16 numbers is above 0.5.
  private static func threshold() throws -> Model {
    let builder = GraphBuilder(name: "threshold"), x = builder.input("x", [1, 4, 4])
    let rows = [Float](repeating: 0, count: 16) + [1] + [Float](repeating: 0, count: 15)
    return try Model(
      builder.finish(outputs: [
        (
          "logits",
          builder.dense(
            builder.flatten(x), builder.parameter("w", Tensor([2, 16], rows)),
            builder.parameter("b", Tensor([2], [0, -0.5])))
        )
      ]))
  }

  private func certified(at first: Float, n: Int = 1000, sigma: Double = 0.25) throws -> Certificate {
    let smoothed = try SmoothedClassifier(Self.threshold(), sigma: sigma, seed: 5)
    var budget = SmoothedClassifier.Budget()
    budget.n = n
    let x = Tensor([1, 1, 4, 4], [first] + [Float](repeating: 0.5, count: 15))
    // One identity: every point is asked with the same copies.
    return try smoothed.certify(x, identity: 3, budget: budget).certificate
  }

  @Test("with the same copies the radius grows with the distance from the border, up to that of a perfect record")
  func rises() throws {
    var last = 0.0, seen = Set<Double>()
    for step in 1...30 {
      let found = try certified(at: 0.5 + 0.05 * Float(step))
      #expect(found.abstained ? found.radius == 0 : found.label == 1)
      #expect(found.radius >= last && found.radius <= 0.05 * Double(step) + 1e-6, "step \(step)")
      last = found.radius
      seen.insert(last)
    }
    // SciPy 1.17.1: 0.25 * norm.ppf(0.001 ** (1 / 1000)).
    #expect(abs(last - 0.6158156536952029) < 1e-11 && seen.count > 8)
  }

  @Test("on the border, where both classes have one half, nothing is certified")
  func border() throws {
    for n in [100, 1000, 10_000] {
      let found = try certified(at: 0.5, n: n)
      #expect(found.abstained && found.radius == 0 && !found.holds(at: 0))
    }
  }

  @Test("sigma and the image scaled together scale the radius", arguments: [0.125, 0.5, 2])
  func scales(_ factor: Double) throws {
    let one = try certified(at: 0.5 + 0.25), other = try certified(at: 0.5 + Float(0.25 * factor), sigma: 0.25 * factor)
    #expect(one.radius > 0 && abs(other.radius - factor * one.radius) < 1e-9 * factor)
  }

  @Test("certified accuracy falls with the radius, and its mean is at most the radii's")
  func curve() {
    var all: [Certificate] = []
    for at in 0..<40 {
      let abstained = at % 5 == 0, radius: Double = abstained ? 0 : Double(at) / 50
      all.append(
        Certificate(
          label: at % 3, correct: at % 4 != 0, radius: radius, n: 100, alpha: 0.001, abstained: abstained))
    }
    let radii: [Double] = (0...10).map { Double($0) / 10 }
    let found = Certified(all, norm: .l2, radii: radii)
    #expect(zip(found.curve, found.curve.dropFirst()).allSatisfy { $0.accuracy >= $1.accuracy })
    #expect(found.curve.allSatisfy { $0.interval.low <= $0.accuracy && $0.accuracy <= $0.interval.high })
    #expect(found.curve.last?.accuracy == 0 && found.abstain == 8.0 / 40)
    let largest: Double = all.map { $0.radius }.max() ?? 0
    #expect(found.acr > 0 && found.acr <= largest)
    // The order of the examples is nothing to it.
    let turned = Certified(all.reversed(), norm: .l2, radii: radii)
    #expect(turned.curve == found.curve && abs(turned.acr - found.acr) < 1e-12)
  }
}

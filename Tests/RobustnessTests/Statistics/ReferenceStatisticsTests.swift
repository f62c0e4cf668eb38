import DitherRobustness
import DitherTestSupport
import Foundation
import Testing

/// Against SciPy 1.17.1 and statsmodels 0.15.0, every row of their tables.
@Suite("Statistics against SciPy", .enabled(if: Golden.exists("certify/certify.tsv"), "reference vectors absent"))
struct ReferenceStatisticsTests {
  /// Rows by column name.
  private func table(_ name: String) throws -> [[String: String]] {
    let lines = String(decoding: try Golden.bytes("certify/\(name).tsv"), as: UTF8.self).split(separator: "\n")
    let heads = try #require(lines.first).split(separator: "\t").map(String.init)
    let rows = lines.dropFirst().map { line in
      Dictionary(
        uniqueKeysWithValues: zip(heads, line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init))
      )
    }
    #expect(!rows.isEmpty)
    return rows
  }

  private func numbers(_ name: String) throws -> [[String: Double]] {
    try table(name).map { $0.compactMapValues(Double.init) }
  }

  private func isClose(_ a: Double, _ b: Double, relative: Double) -> Bool {
    a == b || abs(a - b) <= relative * abs(b)
  }

  @Test("Clopper and Pearson's lower bound, abstentions and radii of CERTIFY")
  func certify() throws {
    for row in try numbers("certify") {
      let successes = Int(try #require(row["nA"])), n = Int(try #require(row["n"]))
      let alpha = try #require(row["alpha"]), sigma = try #require(row["sigma"])
      let bound = Statistics.lowerBound(successes, of: n, alpha: alpha)
      #expect(abs(bound - (try #require(row["lower_bound"]))) <= (alpha < 1e-8 ? 1e-8 : 1e-10), "\(row)")
      #expect((bound < 0.5) == (row["abstain"] == 1), "\(row)")
      let radius = bound < 0.5 ? 0 : sigma * Statistics.normalQuantile(bound)
      #expect(abs(radius - (try #require(row["radius_l2"]))) <= 1e-9 * max(1, sigma), "\(row)")
    }
  }

  @Test("the two-sided test of PREDICT")
  func predict() throws {
    for row in try numbers("predict") {
      let p = Statistics.fairCoinTest(Int(try #require(row["count1"])), Int(try #require(row["count2"])))
      #expect(isClose(p, try #require(row["p_value"]), relative: 1e-9), "\(row), \(p)")
      #expect((p > (try #require(row["alpha"]))) == (row["abstain"] == 1), "\(row)")
    }
  }

  @Test("radii from two bounds")
  func twoSided() throws {
    for row in try numbers("two_sided") {
      let a = try #require(row["lower_pA"]), b = try #require(row["upper_pB"]), sigma = try #require(row["sigma"])
      let radius = sigma / 2 * (Statistics.normalQuantile(a) - Statistics.normalQuantile(b))
      #expect(abs(radius - (try #require(row["radius_two_sided"]))) <= 1e-9 * max(1, sigma), "\(row)")
    }
  }

  @Test("quantiles of the normal distribution, and back")
  func quantiles() throws {
    for row in try numbers("normal_quantile") {
      let p = try #require(row["p"]), z = try #require(row["z"]), found = Statistics.normalQuantile(p)
      #expect(isClose(found, z, relative: abs(z) > 8 ? 1e-8 : 1e-10), "\(row), \(found)")
      #expect(isClose(Statistics.normalDistribution(found), p, relative: 1e-11), "\(row)")
    }
    #expect(Statistics.normalQuantile(0) == -.infinity && Statistics.normalQuantile(1) == .infinity)
    // Next to the middle the quantile keeps its digits.
    let tiny = Statistics.normalQuantile(0.5 + 0x1p-40)
    #expect(isClose(tiny, 0x1p-40 * (2 * Double.pi).squareRoot(), relative: 1e-12))
  }

  @Test("the regularized incomplete beta function and its inverse")
  func incompleteBeta() throws {
    for row in try numbers("incomplete_beta") {
      let a = try #require(row["a"]), b = try #require(row["b"]), x = try #require(row["x"])
      let value = Statistics.incompleteBeta(a, b, x)
      #expect(isClose(value, try #require(row["I_x(a,b)"]), relative: 1e-9), "\(row), \(value)")
      let inverse = Statistics.inverseIncompleteBeta(a, b, try #require(row["q"]))
      #expect(isClose(inverse, try #require(row["inverse_at_q"]), relative: 1e-9), "\(row), \(inverse)")
    }
  }
}

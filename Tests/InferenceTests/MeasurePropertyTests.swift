import DitherBasics
import DitherInference
import DitherTensor
import Foundation
import Testing

/// What holds of every measure, whatever the draws.
@Suite("Measures")
struct MeasurePropertyTests {
  static let measures = Catalog<any Measure.Type>.measures.entries

  /// Probabilities of softmax of normals of a width of their own.
  private static func draws(_ samples: Int, _ classes: Int, seed: UInt64) -> [[Double]] {
    let width = exp(3 * Double(NoiseAddress(seed: seed, site: 1).uniform(0)) - 1)
    let z = NoiseAddress(seed: seed).normals(samples * classes).map { width * Double($0) }
    return (0..<samples).map { s in
      let e = z[s * classes..<(s + 1) * classes].map { exp($0) }, total = e.reduce(0, +)
      return e.map { $0 / total }
    }
  }

  private static func draws(_ p: [[Double]], antithetic: Bool = false) -> Draws {
    Draws(probabilities: p.flatMap { $0 }, classes: p[0].count, antithetic: antithetic)
  }

  @Test("finite, not negative, and in bounds", arguments: measures, [2, 3, 10])
  func bounds(_ measure: any Measure.Type, _ classes: Int) {
    for samples in [1, 2, 7, 64] {
      for seed in 0..<20 {
        for pairs in [false, true] {
          let draws = Self.draws(Self.draws(samples, classes, seed: UInt64(seed)), antithetic: pairs)
          guard let values = measure.values(draws) else { continue }
          #expect(values.count == 1 || values.count == classes)
          // Entropies go up to ln K, all else to 1.
          let most = max(log(Double(classes)), 1) + 1e-12
          #expect(values.allSatisfy { $0 >= 0 && $0 <= most }, "\(values)")
        }
      }
    }
  }

  @Test("the order of independent draws is nothing to it", arguments: measures)
  func order(_ measure: any Measure.Type) throws {
    for seed in 0..<20 {
      let p = Self.draws(16, 4, seed: UInt64(seed)), one = measure.values(Self.draws(p))
      let other = measure.values(Self.draws(Array(p[5...].reversed() + p[..<5])))
      #expect(zip(try #require(one), try #require(other)).allSatisfy { abs($0 - $1) < 1e-12 })
    }
  }

  @Test("draws that agree differ by nothing", arguments: measures, [false, true])
  func agreement(_ measure: any Measure.Type, _ pairs: Bool) throws {
    let p = [[Double]](repeating: [0.125, 0.625, 0.25], count: 12)
    let found = measure.values(Self.draws(p, antithetic: pairs)), values = try #require(found)
    let disagreements = ["std", "mutual_information", "variation_ratio", "standard_error"]
    if disagreements.contains(measure.name) { #expect(values.allSatisfy { abs($0) < 1e-12 }) }
  }

  @Test("one draw knows its total and its margin alone", arguments: measures)
  func absence(_ measure: any Measure.Type) {
    let values = measure.values(Self.draws([[0.1, 0.7, 0.2]]))
    let name = measure.name
    #expect((values != nil) == ["predictive_entropy", "margin"].contains(name))
  }

  @Test("the total is the sum of its parts")
  func parts() throws {
    for seed in 0..<20 {
      let draws = Self.draws(Self.draws(9, 5, seed: UInt64(seed)))
      let total = try #require(PredictiveEntropy.value(draws))
      let aleatoric = try #require(ExpectedEntropy.value(draws)),
        epistemic = try #require(MutualInformation.value(draws))
      #expect(abs(total - aleatoric - epistemic) < 1e-12)
    }
  }

  @Test("an answer has the measures that it is asked for, in their order, without those that were not measured")
  func asked() throws {
    let catalog = Catalog<any Measure.Type>.measures, p = Self.draws(4, 3, seed: 1)
    #expect(
      Prediction(Self.draws(p)).measurements.map(\.name) == catalog.entries.filter { $0.isStandard }.map { $0.name })
    let named = try catalog.named(["margin", "std"])
    #expect(Prediction(Self.draws(p), measures: named).measurements.map(\.name) == ["margin", "std"])
    #expect(Prediction(Self.draws([p[0]]), measures: named).measurements.map(\.name) == ["margin"])
    #expect { try catalog.named(["margins"]) } throws: { "\($0)".contains("did you mean 'margin'") }
  }
}

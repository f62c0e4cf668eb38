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
  static func draws(_ samples: Int, _ classes: Int, seed: UInt64) -> [[Double]] {
    let width = exp(3 * Double(NoiseAddress(seed: seed, site: 1).uniform(0)) - 1)
    let z = NoiseAddress(seed: seed).normals(samples * classes).map { width * Double($0) }
    return (0..<samples).map { s in
      let e = z[s * classes..<(s + 1) * classes].map { exp($0) }, total = e.reduce(0, +)
      return e.map { $0 / total }
    }
  }

  static func draws(_ p: [[Double]], antithetic: Bool = false) -> Draws {
    Draws(probabilities: p.flatMap { $0 }, classes: p[0].count, antithetic: antithetic)
  }

  /// Draws of a kind of answer.
  enum Subject: CaseIterable, Sendable {
    case classes, values, gaussian

    var isRegression: Bool { self != .classes }

    /// Raw rows: probabilities, values, or values and then variances.
    func rows(_ samples: Int, _ width: Int, seed: UInt64) -> [[Double]] {
      if self == .classes { return MeasurePropertyTests.draws(samples, width, seed: seed) }
      let z = NoiseAddress(seed: seed).normals(samples * width * 2).map(Double.init)
      return (0..<samples).map { s in
        let mean = (0..<width).map { 3 + Double($0) + 0.7 * z[s * width + $0] }
        guard self == .gaussian else { return mean }
        return mean + (0..<width).map { exp(0.5 * z[(samples + s) * width + $0] - 1) }
      }
    }

    func draws(_ rows: [[Double]], antithetic: Bool = false) -> Draws {
      guard self != .classes else { return MeasurePropertyTests.draws(rows, antithetic: antithetic) }
      let width = self == .gaussian ? rows[0].count / 2 : rows[0].count
      return Draws(
        values: rows.flatMap { $0[..<width] }, variances: self == .gaussian ? rows.flatMap { $0[width...] } : nil,
        width: width, antithetic: antithetic)
    }

    func has(_ measure: any Measure.Type) -> Bool {
      measure.applies(toRegression: isRegression) && (self == .gaussian || measure != AleatoricVariance.self)
    }
  }

  /// Each measure of raw rows, written out from its definition; a new measure gets its line.
  static func references() -> [String: ([[Double]], Subject) -> [Double]] {
    func column(_ rows: [[Double]], _ c: Int) -> [Double] { rows.map { $0[c] } }
    func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
    func variance(_ x: [Double]) -> Double { x.reduce(0) { $0 + pow($1 - mean(x), 2) } / Double(x.count - 1) }
    func entropy(_ p: [Double]) -> Double { -p.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) } }
    func width(_ rows: [[Double]], _ subject: Subject) -> Int {
      subject == .gaussian ? rows[0].count / 2 : rows[0].count
    }
    func means(_ rows: [[Double]]) -> [Double] { rows[0].indices.map { mean(column(rows, $0)) } }
    func quantile(_ rows: [[Double]], _ subject: Subject, _ level: Double) -> [Double] {
      (0..<width(rows, subject)).map { c in
        let x = column(rows, c)
        guard subject == .gaussian else {
          let sorted = x.sorted(), at = level * Double(x.count - 1), low = Int(at), high = min(low + 1, x.count - 1)
          return sorted[low] + (at - Double(low)) * (sorted[high] - sorted[low])
        }
        // The root of the mixture's distribution function, by Newton's method from the moments' normal.
        let v = column(rows, width(rows, subject) + c), all = mean(v) + (x.count > 1 ? variance(x) : 0)
        var q = mean(x) + (level < 0.5 ? -1.96 : 1.96) * all.squareRoot()
        for _ in 0..<200 {
          let below = mean(zip(x, v).map { erfc(($0 - q) / (2 * $1).squareRoot()) / 2 })
          let density = mean(zip(x, v).map { exp(-pow(q - $0, 2) / (2 * $1)) / (2 * .pi * $1).squareRoot() })
          q -= max(min((below - level) / density, 0.3), -0.3)
        }
        return q
      }
    }
    return [
      "std": { rows, subject in (0..<width(rows, subject)).map { variance(column(rows, $0)).squareRoot() } },
      "predictive_entropy": { rows, _ in [entropy(means(rows))] },
      "expected_entropy": { rows, _ in [mean(rows.map(entropy))] },
      "mutual_information": { rows, _ in [entropy(means(rows)) - mean(rows.map(entropy))] },
      "variation_ratio": { rows, _ in
        let votes = rows.map { row in row.indices.first { row[$0] == row.max() } ?? -1 }
        let most = rows[0].indices.map { c in votes.count { $0 == c } }.max() ?? 0
        return [1 - Double(most) / Double(rows.count)]
      },
      "margin": { rows, _ in
        let sorted = means(rows).sorted(by: >)
        return [sorted[0] - sorted[1]]
      },
      "epistemic_variance": { rows, subject in (0..<width(rows, subject)).map { variance(column(rows, $0)) } },
      "aleatoric_variance": { rows, subject in
        (0..<width(rows, subject)).map { mean(column(rows, width(rows, subject) + $0)) }
      },
      "interval_lower": { rows, subject in quantile(rows, subject, 0.025) },
      "interval_upper": { rows, subject in quantile(rows, subject, 0.975) },
      "standard_error": { rows, subject in
        let errors = (0..<width(rows, subject)).map { (variance(column(rows, $0)) / Double(rows.count)).squareRoot() }
        return [errors.max() ?? 0]
      },
    ]
  }

  @Test("is what its definition says, of draws of every kind", arguments: measures, Subject.allCases)
  func reference(_ measure: any Measure.Type, _ subject: Subject) throws {
    let reference = try #require(Self.references()[measure.name], "a measure has its reference")
    for samples in [2, 7, 40] {
      for seed in 0..<10 {
        let rows = subject.rows(samples, 4, seed: UInt64(seed)), found = measure.values(subject.draws(rows))
        guard subject.has(measure) else {
          #expect(found == nil)
          continue
        }
        let values = try #require(found), expected = reference(rows, subject)
        #expect(values.count == expected.count)
        #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(values) \(expected)")
      }
    }
  }

  @Test("finite, and of probabilities not negative and in bounds", arguments: measures, [2, 3, 10])
  func bounds(_ measure: any Measure.Type, _ width: Int) {
    for subject in Subject.allCases {
      for samples in [1, 2, 7, 64] {
        for seed in 0..<10 {
          for pairs in [false, true] {
            let draws = subject.draws(subject.rows(samples, width, seed: UInt64(seed)), antithetic: pairs)
            guard let values = measure.values(draws) else { continue }
            #expect(values.count == (measure.isByClass ? width : 1) && values.allSatisfy(\.isFinite))
            guard !subject.isRegression else { continue }
            // Entropies go up to ln K, all else to 1.
            let most = max(log(Double(width)), 1) + 1e-12
            #expect(values.allSatisfy { $0 >= 0 && $0 <= most }, "\(values)")
          }
        }
      }
    }
  }

  @Test("the order of independent draws is nothing to it", arguments: measures, Subject.allCases)
  func order(_ measure: any Measure.Type, _ subject: Subject) throws {
    for seed in 0..<20 where subject.has(measure) {
      let p = subject.rows(16, 4, seed: UInt64(seed)), one = measure.values(subject.draws(p))
      let other = measure.values(subject.draws(Array(p[5...].reversed() + p[..<5])))
      #expect(zip(try #require(one), try #require(other)).allSatisfy { abs($0 - $1) < 1e-12 })
    }
  }

  @Test("the order of the classes, or of the values, is nothing to it", arguments: measures, Subject.allCases)
  func relabeled(_ measure: any Measure.Type, _ subject: Subject) throws {
    let order = [2, 0, 3, 1]
    for seed in 0..<20 where subject.has(measure) {
      let rows = subject.rows(9, 4, seed: UInt64(seed))
      // Of a gaussian the variances go with their values.
      let moved = rows.map { row in
        stride(from: 0, to: row.count, by: 4).flatMap { start in order.map { row[start + $0] } }
      }
      let found = [rows, moved].compactMap { measure.values(subject.draws($0)) }
      try #require(found.count == 2)
      let one = found[0], other = found[1]
      let expected = measure.isByClass ? order.map { one[$0] } : one
      #expect(zip(other, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(other) \(expected)")
    }
  }

  @Test("in another unit a regression's measures are in that unit, or its square", arguments: measures)
  func units(_ measure: any Measure.Type) throws {
    for subject in [Subject.values, .gaussian] where subject.has(measure) {
      let rows = subject.rows(9, 3, seed: 4)
      let scaled = rows.map { row in row.enumerated().map { $0.offset < 3 ? 10 * $0.element : 100 * $0.element } }
      let found = [rows, scaled].compactMap { measure.values(subject.draws($0)) }
      try #require(found.count == 2)
      let one = found[0], other = found[1]
      let factor = measure.name.hasSuffix("variance") ? 100.0 : 10
      #expect(zip(other, one).allSatisfy { abs($0 - factor * $1) < 1e-7 * max(1, abs($0)) }, "\(one) \(other)")
    }
  }

  @Test("measures agree with each other")
  func consistency() throws {
    for seed in 0..<20 {
      let draws = Self.draws(Self.draws(16, 5, seed: UInt64(seed)))
      let deviation = try #require(StandardDeviation.values(draws))
      let error = try #require(LargestStandardError.values(draws))[0]
      #expect(abs(error - (deviation.max() ?? 0) / 4) < 1e-12)
      let margin = try #require(Margin.value(draws)), top = draws.mean.max() ?? 0
      #expect(margin >= 2 * top - 1 - 1e-12 && margin <= top)
      // No distribution over five classes whose largest share is `top` has less entropy than −ln of it.
      #expect(try #require(PredictiveEntropy.value(draws)) >= -log(top) - 1e-12)
      for subject in [Subject.values, .gaussian] {
        let draws = subject.draws(subject.rows(16, 3, seed: UInt64(seed)))
        let variance = try #require(EpistemicVariance.values(draws)), deviation = try #require(draws.deviation)
        #expect(zip(variance, deviation).allSatisfy { abs($0 - $1 * $1) < 1e-12 })
        let low = try #require(IntervalLower.values(draws)), high = try #require(IntervalUpper.values(draws))
        #expect((0..<3).allSatisfy { low[$0] < draws.mean[$0] && draws.mean[$0] < high[$0] })
      }
    }
  }

  @Test("draws that agree differ by nothing", arguments: measures, [false, true])
  func agreement(_ measure: any Measure.Type, _ pairs: Bool) throws {
    let disagreements = ["std", "mutual_information", "variation_ratio", "standard_error", "epistemic_variance"]
    for subject in Subject.allCases where subject.has(measure) {
      let row = subject == .classes ? [0.125, 0.625, 0.25] : [0.125, 0.625, 0.25, 0.5]
      let found = measure.values(subject.draws([[Double]](repeating: row, count: 12), antithetic: pairs))
      let values = try #require(found)
      if disagreements.contains(measure.name) { #expect(values.allSatisfy { abs($0) < 1e-12 }) }
    }
  }

  @Test("one draw knows no disagreement", arguments: measures)
  func absence(_ measure: any Measure.Type) {
    let known: [Subject: Set] = [
      .classes: ["predictive_entropy", "margin"], .values: [],
      .gaussian: ["aleatoric_variance", "interval_lower", "interval_upper"],
    ]
    for subject in Subject.allCases {
      let values = measure.values(subject.draws(subject.rows(1, 4, seed: 1))), name = measure.name
      #expect((values != nil) == known[subject]?.contains(name), "\(subject)")
    }
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
      Prediction(Self.draws(p)).measurements.map(\.name)
        == catalog.entries.filter { $0.isStandard && $0.isOfClasses }.map { $0.name })
    let named = try catalog.named(["margin", "std"])
    #expect(Prediction(Self.draws(p), measures: named).measurements.map(\.name) == ["margin", "std"])
    #expect(Prediction(Self.draws([p[0]]), measures: named).measurements.map(\.name) == ["margin"])
    #expect { try catalog.named(["margins"]) } throws: { "\($0)".contains("did you mean 'margin'") }
  }
}

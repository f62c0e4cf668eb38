import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import Foundation
import Testing

@Suite("Calibration of regressions")
struct IntervalCalibrationTests {
  enum Kind: String, CaseIterable, Sendable {
    /// Without noise, with noise, of two values, with a variance of its own, and with all of it.
    case plain, noisy, wide, gaussian, noisyGaussian

    var width: Int { self == .wide || self == .noisyGaussian ? 2 : 1 }
    var hasNoise: Bool { self == .noisy || self == .wide || self == .noisyGaussian }
    var hasDeviation: Bool { self != .plain }
    /// The rules that a calibration of it knows.
    var rules: [ConformalIntervals.Rule] { hasDeviation ? ConformalIntervals.Rule.allCases : [.absolute] }

    /// It takes three inputs. Neither means nor variances are quite those of ``examples(_:of:)``.
    func model() throws -> Model {
      var weights: [Float] = [1, 2, 0]
      if width == 2 { weights += [0, -1, 1] }
      if self == .gaussian { weights += [0, 0, 1.5] }
      if self == .noisyGaussian { weights += [0, 0, 1, 0, 1, 0] }
      let builder = GraphBuilder(name: rawValue), x = builder.input("x", [3])
      let weight = builder.parameter("w", Tensor([weights.count / 3, 3], weights))
      var graph = builder.finish(outputs: [("y", try builder.dense(x, weight, nil, name: "fc"))])
      graph.metadata["dither.task"] = weights.count / 3 > width ? "gaussian_regression" : "regression"
      if hasNoise { graph.noise = NoiseModel([.init(.weights, sigma: 0.2)]) }
      return try Model(graph)
    }
  }

  /// Inputs, and values that are the surer the smaller the third input is.
  private static func examples(_ seeds: Range<UInt64>, of kind: Kind) -> (inputs: Tensor, values: Tensor) {
    var inputs: [Float] = [], values: [Float] = []
    for seed in seeds {
      let x = NoiseAddress(seed: seed, site: 2).normals(3), noise = NoiseAddress(seed: seed, site: 3).normals(2)
      let means = [1.1 * x[0] + 2 * x[1], x[2] - x[1]], deviation = 0.5 * exp(x[2] / 2)
      inputs += x
      values += (0..<kind.width).map { means[$0] + deviation * noise[$0] }
    }
    return (Tensor([seeds.count, 3], inputs), Tensor([seeds.count, kind.width], values))
  }

  private static func fit(_ kind: Kind, _ seeds: Range<UInt64>, samples: Int = 8) throws -> IntervalCalibration {
    let (inputs, values) = examples(seeds, of: kind)
    return try IntervalCalibration(
      fitting: kind.model(), inputs: inputs, values: values, samples: samples, seed: seeds.lowerBound)
  }

  @Test("over many splits intervals of new examples hold each value as often as asked", arguments: Kind.allCases)
  func coverage(_ kind: Kind) throws {
    let splits = 20, fitted = 100, fresh = 100, coverages = [0.5, 0.85, 0.9]
    let predictor = MonteCarloPredictor(try kind.model())
    var held: [String: Int] = [:]
    for split in 0..<splits {
      let start = UInt64(split * 1000), found = try Self.fit(kind, start..<start + UInt64(fitted))
      let (inputs, values) = Self.examples(start + 500..<start + 500 + UInt64(fresh), of: kind)
      for rule in kind.rules {
        for coverage in coverages {
          let intervals = try #require(found.intervals(coverage: coverage, rule))
          let answers = try predictor.predict(
            inputs, Sampling(.samples(found.samples), measures: ["std"], intervals: intervals),
            seeds: (0..<UInt64(fresh)).map { mixSeed(start + 7, $0) }
          ).predictions
          for (row, answer) in answers.enumerated() {
            let (lower, upper) = try Self.ends(answer)
            for (value, truth) in values.row(row).enumerated() {
              #expect(lower[value] <= upper[value])
              guard lower[value] <= Double(truth), Double(truth) <= upper[value] else { continue }
              held["\(rule) \(coverage) \(value)", default: 0] += 1
            }
          }
        }
      }
    }
    for rule in kind.rules {
      for coverage in coverages {
        for value in 0..<kind.width {
          let share = Double(held["\(rule) \(coverage) \(value)"] ?? 0) / Double(splits * fresh)
          // Five standard errors of the thresholds' and the fresh examples' chance.
          let error = (coverage * (1 - coverage) * (1 / Double(fitted) + 1 / Double(fresh)) / Double(splits))
            .squareRoot()
          #expect(share > coverage - 5 * error, "\(rule), \(coverage), value \(value): \(share)")
          #expect(
            share < coverage + 1 / Double(fitted + 1) + 5 * error, "\(rule), \(coverage), value \(value): \(share)")
        }
      }
    }
  }

  private static func ends(_ answer: Prediction) throws -> (lower: [Double], upper: [Double]) {
    func values(_ name: String) throws -> [Double] {
      try #require(answer.measurements.first { $0.name == name }?.values)
    }
    return (try values("conformal_lower"), try values("conformal_upper"))
  }

  @Test("normalized intervals are wide where the answer's deviation is large, absolute ones are all alike")
  func widths() throws {
    let found = try Self.fit(.gaussian, 0..<400), model = try Kind.gaussian.model()
    let inputs = Tensor([2, 3], [0.5, 1, -2, 0.5, 1, 2])
    func widths(_ rule: ConformalIntervals.Rule?) throws -> [Double] {
      let intervals = try #require(found.intervals(coverage: 0.9, rule))
      return try MonteCarloPredictor(model).predict(inputs, Sampling(.samples(0), intervals: intervals)).predictions
        .map { answer in
          let (lower, upper) = try Self.ends(answer)
          return upper[0] - lower[0]
        }
    }
    let absolute = try widths(.absolute), normalized = try widths(.normalized)
    #expect(abs(absolute[0] - absolute[1]) < 1e-9)
    // exp(1.5 · 4 / 2)
    #expect(abs(normalized[1] / normalized[0] / exp(3) - 1) < 1e-5)
    #expect(try widths(nil) == normalized && widths(.quantiles)[1] > widths(.quantiles)[0])
  }

  /// The score that is not exceeded as often as asked.
  private static func threshold(_ scores: [Double], _ coverage: Double) -> Double {
    let place = Int((Double(scores.count + 1) * coverage - 1e-9).rounded(.up))
    return place > scores.count ? .infinity : scores.sorted()[place - 1]
  }

  @Test("distances, RMSE and own coverage are those of a computation by hand, by the file's own variance")
  func byHand() throws {
    let count = 157, (inputs, values) = Self.examples(0..<UInt64(count), of: .gaussian)
    let found = try Self.fit(.gaussian, 0..<UInt64(count)), outputs = try Kind.gaussian.model().outputs(inputs)
    let errors = (0..<count).map { abs(Double(values.elements[$0]) - Double(outputs.elements[2 * $0])) }
    let deviations = (0..<count).map { exp(Double(outputs.elements[2 * $0 + 1]) / 2) }
    #expect(found.samples == 0 && found.seed == 0 && found.examples == count && found.hasDeviation)
    #expect(found.mostCoverage == 157.0 / 158)
    let rmse = (errors.reduce(0) { $0 + $1 * $1 } / Double(count)).squareRoot()
    #expect(abs(found.rmse[0] - rmse) < 1e-9 * rmse)
    let z = [0.5: 0.6744897501960817, 0.8: 1.2815515655446004, 0.9: 1.6448536269514722, 0.95: 1.959963984540054]
    // The nearest level to each.
    for (coverage, level) in [(0.3, 0.5), (0.7, 0.8), (0.9, 0.9), (0.94, 0.95)] {
      let width = try #require(z[level])
      let expected: [ConformalIntervals.Rule: [Double]] = [
        .absolute: errors, .normalized: zip(errors, deviations).map { $0 / $1 },
        .quantiles: zip(errors, deviations).map { $0 - width * $1 },
      ]
      for (rule, scores) in expected {
        let intervals = try #require(found.intervals(coverage: coverage, rule)), own = intervals.thresholds[0]
        #expect(abs(own - Self.threshold(scores, coverage)) < 1e-6 * max(abs(own), 1), "\(rule), \(coverage)")
        #expect(rule != .quantiles || intervals.level == level)
      }
      let inside = zip(errors, deviations).count { $0 <= width * $1 }
      #expect(found.ownCoverage(at: coverage) == [Double(inside) / Double(count)])
    }
    #expect(found.intervals(coverage: 0.999, .absolute)?.thresholds == [.infinity])
  }

  @Test("beyond a thousand examples thresholds are the next larger score that was kept")
  func thinned() throws {
    let count = 2600, (inputs, values) = Self.examples(0..<UInt64(count), of: .plain)
    let found = try Self.fit(.plain, 0..<UInt64(count)), outputs = try Kind.plain.model().outputs(inputs)
    let errors = (0..<count).map { abs(Double(values.elements[$0]) - Double(outputs.elements[$0])) }.sorted()
    #expect(found.examples == count && found.mostCoverage == 2600.0 / 2601)
    for coverage in [0.0001, 0.3, 0.5, 0.9, 0.99, 0.999, 2600.0 / 2601] {
      let own = try #require(found.intervals(coverage: coverage, .absolute)).thresholds[0]
      let place = Int((Double(count + 1) * coverage - 1e-9).rounded(.up))
      #expect(own >= errors[place - 1] && own <= errors[min(place + 1, count - 1)] && errors.contains(own))
    }
    #expect(found.intervals(coverage: 0.9999, .absolute)?.thresholds == [.infinity])
    let bytes = try JSONEncoder().encode(found).count
    #expect(bytes < 60_000, "\(bytes)")
  }

  @Test("draws are each example's own, and their deviation is the unit of the normalized rule")
  func draws() throws {
    let count = 60, model = try Kind.wide.model(), (inputs, values) = Self.examples(0..<UInt64(count), of: .wide)
    let found = try IntervalCalibration(fitting: model, inputs: inputs, values: values, samples: 4, seed: 11)
    #expect(found.samples == 4 && found.hasDeviation)
    var scores: [[Double]] = [[], []]
    for row in 0..<count {
      let draws = try model.sampledOutputs(
        inputs.rows(row..<row + 1), NoiseDraws(0..<4, seeds: [mixSeed(11, UInt64(row))])
      ).elements.map(Double.init)
      for value in 0..<2 {
        let own = (0..<4).map { draws[2 * $0 + value] }, mean = own.reduce(0, +) / 4
        let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 3
        scores[value].append(abs(Double(values.row(row)[2 * row + value]) - mean) / variance.squareRoot())
      }
    }
    let own = try #require(found.intervals(coverage: 0.8, .normalized)).thresholds
    for value in 0..<2 { #expect(abs(own[value] / Self.threshold(scores[value], 0.8) - 1) < 1e-4) }
  }

  @Test("what one answer alone tells has only absolute intervals", arguments: [(Kind.plain, 8), (.noisy, 1)])
  func absoluteAlone(_ kind: Kind, _ samples: Int) throws {
    let found = try Self.fit(kind, 0..<80, samples: samples)
    #expect(!found.hasDeviation && found.ownCoverage(at: 0.9) == nil)
    #expect(found.samples == (kind == .plain ? 0 : 1))
    #expect(found.intervals(coverage: 0.9, .normalized) == nil && found.intervals(coverage: 0.9, .quantiles) == nil)
    #expect(found.intervals(coverage: 0.9)?.rule == .absolute)
  }

  @Test("one example whose draws are all alike leaves absolute intervals alone")
  func stuck() throws {
    let kind = Kind.noisy, (inputs, values) = Self.examples(0..<80, of: kind)
    var moved = inputs
    moved.replaceRow(17, with: [0, 0, 0])
    let found = try IntervalCalibration(fitting: kind.model(), inputs: moved, values: values, samples: 8, seed: 1)
    #expect(!found.hasDeviation && found.intervals(coverage: 0.9, .normalized) == nil)
    #expect(try Self.fit(kind, 0..<80).hasDeviation)
  }

  @Test("it is the same out of JSON, and the same again", arguments: [Kind.plain, .noisyGaussian])
  func json(_ kind: Kind) throws {
    let found = try Self.fit(kind, 0..<60)
    #expect(try JSONDecoder().decode(IntervalCalibration.self, from: JSONEncoder().encode(found)) == found)
    #expect(try Self.fit(kind, 0..<60) == found)
    #expect(try kind == .plain || Self.fit(kind, 0..<60, samples: 9) != found)
  }

  @Test("both ends stand behind the measures that were asked for, and whatever those are")
  func measurements() throws {
    let found = try Self.fit(.noisy, 0..<60), inputs = Tensor([1, 3], [1, 2, 3])
    func answer(_ measures: [String], _ quantiles: [Double]) throws -> Prediction {
      let sampling = Sampling(
        .samples(8), seed: 5, quantiles: quantiles, measures: measures, intervals: found.intervals(coverage: 0.8))
      return try MonteCarloPredictor(Kind.noisy.model()).predict(inputs, sampling).predictions[0]
    }
    let few = try answer(["epistemic_variance"], [0.5]), usual = try answer([], [])
    #expect(few.measurements.map(\.name) == ["epistemic_variance", "conformal_lower", "conformal_upper"])
    #expect(few.quantiles.count == 1 && usual.quantiles.isEmpty)
    #expect(try Self.ends(few) == Self.ends(usual))
  }

  @Test("later inputs are compared with those of the examples, and no statistic of answers is waited for")
  func drift() throws {
    let found = try Self.fit(.noisy, 0..<600)
    #expect(Set(found.drift.values.keys) == [.inputMean, .inputDeviation])
    var window = try #require(DriftWindow(found.drift))
    let (inputs, _) = Self.examples(5000..<5500, of: .noisy)
    let answers = try MonteCarloPredictor(Kind.noisy.model()).predict(inputs, Sampling(.samples(8), seed: 3))
      .predictions
    #expect(window.add(inputs, answers, seed: 3).count == 1)
    #expect(window.windows == 1 && window.alarms == 0 && window.answers == 500)
    #expect(window.comparisons.map(\.statistic) == [.inputMean, .inputDeviation])
    window.add(inputs.map { $0 + 3 }, answers, seed: 4)
    #expect(window.windows == 2 && window.alarms == 1)
  }

  @Test("what calibrates nothing is refused")
  func refusals() throws {
    let (inputs, values) = Self.examples(0..<50, of: .plain), plain = try Kind.plain.model()
    func refuses(_ model: Model, _ inputs: Tensor, _ values: Tensor, _ words: String) {
      #expect {
        _ = try IntervalCalibration(fitting: model, inputs: inputs, values: values, samples: 0, seed: 1)
      } throws: {
        ($0 as? any AnyFault).map { $0.category == .invalidArgument && $0.description.contains(words) } ?? false
      }
    }
    refuses(plain, inputs.rows(0..<39), values.rows(0..<39), "at least 40")
    refuses(plain, inputs, Tensor([50, 2], values.elements + values.elements), "1 finite value for each of 50 rows")
    refuses(plain, inputs.rows(0..<45), values, "each of 45 rows")
    refuses(plain, inputs, values.map { $0 > 0 ? $0 : .nan }, "finite values")
    refuses(plain, inputs.map { _ in .nan }, values, "finite")
    let builder = GraphBuilder(name: "many"), x = builder.input("x", [3])
    let weight = builder.parameter("w", Tensor(zeros: [8192, 3]))
    var many = builder.finish(outputs: [("y", try builder.dense(x, weight, nil, name: "fc"))])
    refuses(try Model(many), inputs, values, "a class for each row")
    many.metadata["dither.task"] = "regression"
    refuses(try Model(many), inputs, Tensor(zeros: [50, 8192]), "at most 65536, got 50 × 8192")
  }

  @Test("a variance without bound is no answer to calibrate by")
  func infiniteVariance() throws {
    let builder = GraphBuilder(name: "wild"), x = builder.input("x", [3])
    let weight = builder.parameter("w", Tensor([2, 3], [1, 0, 0, 1000, 0, 0]))
    var graph = builder.finish(outputs: [("y", try builder.dense(x, weight, nil, name: "fc"))])
    graph.metadata["dither.task"] = "gaussian_regression"
    let model = try Model(graph), (inputs, values) = Self.examples(0..<60, of: .plain)
    let error = #expect(throws: InferenceError.self) {
      _ = try IntervalCalibration(fitting: model, inputs: inputs, values: values, samples: 0, seed: 1)
    }
    #expect(error?.code == .notFinite && error?.place.contains("example ") == true)
  }

  @Test("an answer that is no number is told by the example's number", arguments: [0, 37, 59], [0, 4])
  func example(_ row: Int, _ samples: Int) throws {
    let (given, values) = Self.examples(0..<60, of: .noisy)
    var inputs = given
    // Those behind it are none either: the first is told.
    for later in row..<60 { inputs.replaceRow(later, with: [3e38, 3e38, 0]) }
    let model = try Kind.noisy.model()
    let error = #expect(throws: InferenceError.self) {
      _ = try IntervalCalibration(fitting: model, inputs: inputs, values: values, samples: samples, seed: 1)
    }
    #expect(error?.code == .notFinite && error?.place == "model, example \(row)", "\(error?.place ?? "")")
  }
}

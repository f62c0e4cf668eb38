import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

@Suite("Drift") struct DriftTests {
  @Test(
    "the limit's upper tail is that of published tables", arguments: [(1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001)])
  func critical(_ lambda: Double, _ level: Double) {
    #expect(abs(KolmogorovSmirnov.tail(lambda) / level - 1) < 1e-3)
  }

  @Test("the distance is the largest between the two shares below any value", arguments: 0..<20)
  func distances(_ seed: Int) {
    // Few values, so that many are equal.
    func sample(_ count: Int, _ salt: Int) -> [Float] {
      (0..<count).map { Float(($0 * 7919 + seed * 104_729 + salt) % (5 + seed)) }.sorted()
    }
    let a = sample(13 + seed, 1), b = sample(29, 3)
    let expected = Set(a + b).map { value in
      abs(
        Double(a.count { $0 <= value }) / Double(a.count) - Double(b.count { $0 <= value }) / Double(b.count))
    }.max()
    #expect(KolmogorovSmirnov.distance(rising: a, b) == expected)
    #expect(KolmogorovSmirnov.distance(rising: a, a) == 0)
  }

  /// Answers of two draws, by a seed: probabilities of a logistic of normal numbers, moved by `shift`.
  private static func answers(_ count: Int, seed: UInt64, shift: Float = 0) -> (Tensor, [Prediction]) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func uniform() -> Double {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Double(state >> 11) / Double(1 << 53)
    }
    func normal() -> Float {
      Float((-2 * log(max(uniform(), 1e-300))).squareRoot() * cos(2 * .pi * uniform()))
    }
    let inputs = (0..<count * 4).map { _ in normal() + shift }
    let predictions = (0..<count).map { _ in
      let p = (0..<2).map { _ in 1 / (1 + exp(-Double(normal()))) }
      return Prediction(Draws(probabilities: p.flatMap { [$0, 1 - $0] }, classes: 2))
    }
    return (Tensor(Shape([count, 4]), inputs), predictions)
  }

  @Test("without drift a window alarms as rarely as is said, with drift always")
  func rates() throws {
    var alarms: UInt64 = 0, windows: UInt64 = 0
    for seed in 1...40 as ClosedRange<UInt64> {
      let (inputs, predictions) = Self.answers(500, seed: seed)
      var window = try #require(DriftWindow(DriftReference(inputs: inputs, predictions)))
      for part in 0..<5 as Range<UInt64> {
        let later = Self.answers(500, seed: 1000 + seed * 10 + part)
        #expect(window.add(later.0, later.1).count == 2)
      }
      alarms += window.alarms
      windows += window.windows
      let moved = Self.answers(500, seed: 5000 + seed, shift: 0.5)
      let found = window.add(moved.0, moved.1).flatMap { $0 }
      #expect(found.map(\.statistic) == DriftStatistic.allCases)
      #expect(found.first { $0.statistic == .inputMean }?.isDrifted == true)
      #expect(found.filter { $0.statistic != .inputMean }.allSatisfy { !$0.isDrifted || $0.pValue < 0.001 })
    }
    // Of 200 windows of inputs and as many of answers 0.2 are expected: more than three with probability 6e-5.
    #expect(windows == 400 && alarms <= 3)
  }

  /// Answers of one request: two draws, each of one number for all its rows beside one of each row, as weights are.
  private static func request(_ rows: Int, seed: UInt64) -> (Tensor, [Prediction]) {
    func normal(_ salt: UInt64) -> Double {
      // The seed alone first: its sum with a number is that of the next seed with the number before.
      let address = NoiseAddress(seed: mixSeed(seed, 0, salt))
      let first = Double(max(address.uniform(0), 1e-30)), second = Double(address.uniform(1))
      return (-2 * log(first)).squareRoot() * cos(2 * .pi * second)
    }
    let shared = [2 * normal(1), 2 * normal(2)]
    let predictions = (0..<rows).map { row in
      let own = normal(100 + UInt64(row))
      let p = shared.map { 1 / (1 + exp(-($0 + own))) }
      return Prediction(Draws(probabilities: p.flatMap { [$0, 1 - $0] }, classes: 2))
    }
    let inputs = (0..<rows * 2).map { Float(normal(10_000 + UInt64($0))) }
    return (Tensor(Shape([rows, 2]), inputs), predictions)
  }

  @Test("rows that share their draws do not look like drift, which they would one by one")
  func sharedDraws() throws {
    let calibration = (0..<1000 as Range<UInt64>).map { Self.request(1, seed: 1_000_000 + $0) }
    let inputs = Tensor(Shape([1000, 2]), calibration.flatMap { $0.0.elements })
    let reference = DriftReference(inputs: inputs, calibration.flatMap { $0.1 })
    var bySeed = try #require(DriftWindow(reference)), byRow = try #require(DriftWindow(reference))
    var tests = 0, byRowAlarms = 0
    for seed in 1...10_000 as ClosedRange<UInt64> {
      let (rows, predictions) = Self.request(20, seed: seed)
      let found = bySeed.add(rows, predictions, seed: seed).flatMap { $0 }.filter { $0.statistic == .mutualInformation }
      tests += found.count
      guard seed <= 1000 else { continue }
      let naive = byRow.add(rows, predictions).flatMap { $0 }.filter { $0.statistic == .mutualInformation }
      byRowAlarms += naive.count { $0.isDrifted }
    }
    // 20 windows of answers, 400 of inputs; 0.42 alarms are the most that is expected.
    #expect(tests == 20 && bySeed.windows == 420 && bySeed.alarms <= 4, "\(bySeed.alarms) alarms")
    // A window of 25 requests of 20 rows: their draws are so few that many differ from the calibration's (14 to 23 of 40
    // in simulations).
    #expect(byRow.windows == 80 && byRowAlarms >= 6, "\(byRowAlarms) alarms")
  }

  @Test("one seed gives one value as long as it is among the last, and no row of a request is preferred")
  func seeds() throws {
    let (inputs, predictions) = Self.answers(600, seed: 5)
    var window = try #require(DriftWindow(DriftReference(inputs: inputs, predictions)))
    for _ in 0..<30 { window.add(inputs.rows(0..<20), Array(predictions[..<20]), seed: 7) }
    #expect(window.answers == 600 && window.comparisons.map(\.statistic) == [.inputMean, .inputDeviation])
    for seed in 100..<699 as Range<UInt64> { window.add(inputs.rows(0..<1), Array(predictions[..<1]), seed: seed) }
    #expect(window.comparisons.map(\.filled) == [500, 500, 500, 500])
    // It is among the last no more: of 600 values 500 are kept.
    let before = window.windows
    window.add(inputs.rows(0..<1), Array(predictions[..<1]), seed: 7)
    #expect(window.windows == before)
    for seed in 700..<1099 as Range<UInt64> { window.add(inputs.rows(0..<1), Array(predictions[..<1]), seed: seed) }
    // 1 + 599 + 1 + 399 values of answers: the second window is whole by the one of that seed.
    #expect(window.windows == before + 2)
  }

  @Test("few answers say nothing, and answers without a measure are not compared")
  func few() throws {
    let (inputs, predictions) = Self.answers(100, seed: 3)
    var window = try #require(DriftWindow(DriftReference(inputs: inputs, predictions)))
    window.add(inputs.rows(0..<49), Array(predictions[..<49]))
    #expect(window.comparisons.isEmpty && window.filled == 49)
    let bare = predictions[49..<100].map { prediction in
      var other = prediction
      other.measurements = []
      return other
    }
    window.add(inputs.rows(49..<100), bare)
    #expect(window.answers == 49)
    window.add(inputs.rows(49..<50), [predictions[49]])
    #expect(window.comparisons.map(\.statistic) == DriftStatistic.allCases)
  }

  @Test("a reference is read back, and one that no calibration makes is refused")
  func stored() throws {
    let (inputs, predictions) = Self.answers(60, seed: 9)
    let reference = DriftReference(inputs: inputs, predictions)
    let text = try JSONEncoder().encode(reference)
    #expect(try JSONDecoder().decode(DriftReference.self, from: text) == reference)
    let falling = Data(#"{"values": {"input_mean": [2, 1]}}"#.utf8)
    #expect(DriftWindow(try JSONDecoder().decode(DriftReference.self, from: falling)) == nil)
  }
}

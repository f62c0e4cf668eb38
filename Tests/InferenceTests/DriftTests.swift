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
        #expect(window.add(later.0, later.1).count == 1)
      }
      alarms += window.alarms
      windows += window.windows
      let moved = Self.answers(500, seed: 5000 + seed, shift: 0.5)
      let found = try #require(window.add(moved.0, moved.1).first)
      #expect(found.first { $0.statistic == .inputMean }?.isDrifted == true)
      #expect(found.filter { $0.statistic != .inputMean }.allSatisfy { !$0.isDrifted || $0.pValue < 0.001 })
    }
    // Of 200 windows 0.2 are expected: more than three with probability 6e-5.
    #expect(windows == 200 && alarms <= 3)
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

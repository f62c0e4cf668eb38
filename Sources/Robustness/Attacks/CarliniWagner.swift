import DitherInference
import DitherTensor
import Foundation

/// Carlini and Wagner's l2 attack: the least ‖δ‖² + c · max(−margin, −κ), by Adam, and a binary search for c. Source:
/// Carlini and Wagner 2017, arXiv 1608.04644, VI.A, with the first of the three ways to stay in [0, 1] of V.B,
/// projection: the third, a tanh, has no slope at the 0 and 1 that most pixels of a digit are at (measured on MNIST:
/// median length 1.77 against 0.78).
public struct CarliniWagner: Attack {
  public static let name = "cw"
  public static let summary = "the least perturbation by optimization, with a search for the trade-off"
  public static let norms = [Norm.l2]
  public static let isMinimumNorm = true
  /// Steps of each search.
  public var steps = 200
  /// Steps of the binary search for the trade-off c.
  public var searches = 9
  /// Adam's.
  public var learningRate = 0.01
  /// The first c.
  public var trade = 0.1
  /// The margin that is asked for.
  public var confidence = 0.0
  public var details: [String] { ["\(steps) steps"] }
  public init() {}

  private enum CodingKeys: String, CodingKey {
    case steps, searches, trade, confidence
    case learningRate = "learning_rate"
  }

  public func validate() throws(RobustnessError) {
    try require(steps, in: 1...100_000, "steps")
    try require(searches, in: 1...100, "searches")
    try require(learningRate, in: 1e-6...10, "learning_rate")
    try require(trade, in: 1e-9...1e9, "trade")
    try require(confidence, in: 0...1e6, "confidence")
  }
  public var reachesEverything: Bool { steps >= 100 && searches >= 5 }
  public var effort: Int { steps * searches }

  public func perturb(_ examples: Examples, in ball: Ball, asking oracle: inout some Oracle) throws -> Tensor {
    var live = LiveExamples(examples)
    var trades = [Trade](repeating: Trade(now: trade), count: live.count)
    for _ in 0..<searches {
      if let kept = live.drop(oracle) { trades = kept.map { trades[$0] } }
      guard !live.isEmpty else { break }
      let (last, met) = try minimize(live.examples, trades.map(\.now), &oracle)
      live.x = last
      for row in trades.indices {
        if met[row] { trades[row].high = trades[row].now } else { trades[row].low = trades[row].now }
        let (low, high) = (trades[row].low, trades[row].high)
        trades[row].now = high.isInfinite ? low * 10 : (low + high) / 2
      }
    }
    return live.all
  }

  /// The bounds of an example's c so far.
  private struct Trade {
    var low = 0.0, now: Double, high = Double.infinity
  }

  /// One minimization for given c.
  private func minimize(
    _ examples: Examples, _ trades: [Double], _ oracle: inout some Oracle
  ) throws -> (last: Tensor, met: [Bool]) {
    var live = LiveExamples(examples), trades = trades
    var places = Array(0..<examples.count), met = [Bool](repeating: false, count: examples.count)
    var first = Tensor(zeros: live.x.shape), second = Tensor(zeros: live.x.shape)
    for step in 1...steps {
      if let kept = live.drop(oracle) {
        places = kept.map { places[$0] }
        trades = kept.map { trades[$0] }
        (first, second) = (first.rows(at: kept), second.rows(at: kept))
      }
      guard !live.isEmpty else { break }
      let answer = try oracle.ask(Question(live.x, of: live.examples, loss: .margin, wantsGradient: true))
      guard let gradient = answer.gradient else { break }
      let margins = answer.margins(live.examples.criteria)
      for (row, place) in places.enumerated() where margins[row] > 0 { met[place] = true }
      descend(&live.x, live.clean, gradient, margins, trades, &first, &second, step)
    }
    for place in met.indices where oracle.open(examples.rows(at: [place])).isEmpty { met[place] = true }
    return (live.all, met)
  }

  private func descend(
    _ x: inout Tensor, _ clean: Tensor, _ gradient: Tensor, _ margins: [Float], _ trades: [Double],
    _ first: inout Tensor, _ second: inout Tensor, _ step: Int
  ) {
    // Adam: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1.
    let (decay, squareDecay) = (Float(0.9), Float(0.999)), length = x.rowLength
    let size = Float(learningRate * (1 - pow(0.999, Double(step))).squareRoot() / (1 - pow(0.9, Double(step))))
    clean.elements.withUnsafeBufferPointer { clean in
      gradient.elements.withUnsafeBufferPointer { gradient in
        first.elements.withUnsafeMutableBufferPointer { first in
          second.elements.withUnsafeMutableBufferPointer { second in
            x.elements.withUnsafeMutableBufferPointer { x in
              for row in margins.indices {
                let pull = Double(margins[row]) < confidence || !margins[row].isFinite ? Float(trades[row]) : 0
                for i in row * length..<(row + 1) * length {
                  let towards = gradient[i].isFinite ? gradient[i] : 0
                  let g = 2 * (x[i] - clean[i]) - pull * towards
                  first[i] = decay * first[i] + (1 - decay) * g
                  second[i] = squareDecay * second[i] + (1 - squareDecay) * g * g
                  x[i] = min(max(x[i] - size * first[i] / (second[i].squareRoot() + 1e-8), 0), 1)
                }
              }
            }
          }
        }
      }
    }
  }
}

import DitherBasics
import Foundation
import Synchronization

/// The recent cost of a model's predictions, a fixed part and one for each draw of each row: how a queue knows its
/// length in seconds. One number for both would take a call of one draw for a thousandth of one of a thousand.
package final class ComputeMeter: Sendable {
  private struct State {
    var fixed = 1e-4
    var perDraw: Double
    var isMeasured = false
  }
  private let state: Mutex<State>
  /// As fast as two cores get: a first guess that is too low is put right by the first calls, one that is too high
  /// refuses them.
  private static let operationsPerSecond = 1e11
  /// How much of what is found counts, and how far off a single call may be: the first makes plans.
  private static let gain = 0.3, most = 16.0

  /// - Parameter operations: arithmetic operations of one draw of one row.
  package init(operations: Double) { state = Mutex(State(perDraw: max(operations / Self.operationsPerSecond, 1e-7))) }

  /// In seconds, and whether it stands on anything that was measured.
  package func estimate(draws: Int) -> (seconds: Double, isMeasured: Bool) {
    state.withLock { ($0.fixed + $0.perDraw * Double(draws), $0.isMeasured) }
  }

  /// Either part moves by its share of what was expected, as a factor: both stay above 0, few draws tell of the fixed
  /// part, many of the other.
  package func record(_ time: Duration, draws: Int) {
    state.withLock { state in
      let expected = state.fixed + state.perDraw * Double(max(draws, 1))
      let factor = log(min(max(time.seconds / expected, 1 / Self.most), Self.most)), share = state.fixed / expected
      state.fixed = max(state.fixed * exp(Self.gain * share * factor), 1e-7)
      state.perDraw = max(state.perDraw * exp(Self.gain * (1 - share) * factor), 1e-10)
      state.isMeasured = true
    }
  }
}

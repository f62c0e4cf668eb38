import DitherGraph
import DitherInference
import DitherStore
import Synchronization

/// A model in memory. It leaves when the registry has let go of it and the last call that uses it has ended.
final class LoadedModel: Sendable {
  let blob: BlobID
  let bytes: Int
  let model: Model
  let meter: ComputeMeter

  init(blob: BlobID, bytes: Int, model: Model) {
    self.blob = blob
    self.bytes = bytes
    self.model = model
    meter = ComputeMeter(firstGuess: Double(model.parameterBytes) / 1e10)
  }
}

/// The recent cost of a model's draws: how a queue knows its length in seconds.
final class ComputeMeter: Sendable {
  private struct State {
    var secondsPerDraw: Double
    var isMeasured = false
  }
  private let state: Mutex<State>

  init(firstGuess: Double) { state = Mutex(State(secondsPerDraw: max(firstGuess, 1e-6))) }

  /// In seconds, and whether it stands on anything that was measured.
  func estimate(draws: Int) -> (seconds: Double, isMeasured: Bool) {
    state.withLock { ($0.secondsPerDraw * Double(draws), $0.isMeasured) }
  }

  func record(_ time: Duration, draws: Int) {
    let found = time.seconds / Double(max(draws, 1))
    state.withLock {
      $0.secondsPerDraw += 0.2 * (found - $0.secondsPerDraw)
      $0.isMeasured = true
    }
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
  var microseconds: UInt64 { UInt64(max(0, seconds * 1e6)) }
}

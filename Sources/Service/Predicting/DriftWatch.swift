import DitherInference
import DitherStore
import Synchronization

/// The answers of one calibrated version since it was loaded, compared with those of its calibration.
final class DriftWatch: Sendable {
  /// All that is known now.
  struct State: Sendable {
    var window: DriftWindow
    /// Answers of other draws, or without the calibration: of another distribution, so they are not compared.
    var otherAnswers: UInt64 = 0
  }
  private let state: Mutex<State>

  /// - Returns: nil of calibrations that know no distribution.
  init?(_ fitted: FittedCalibration) {
    guard let window = fitted.drift.flatMap(DriftWindow.init) else { return nil }
    state = Mutex(State(window: window))
  }

  var current: State { state.withLock { $0 } }

  /// - Parameters:
  ///   - seed: of the draws that all the rows share; nil: nothing was drawn.
  ///   - isAlike: whether the answers were made as the calibration's were.
  func record(_ inputs: CheckedInputs, _ predictions: [Prediction], seed: UInt64?, isAlike: Bool) {
    state.withLock { state in
      guard isAlike else { return state.otherAnswers += UInt64(predictions.count) }
      let before = state.window.answers
      state.window.add(inputs.tensor, predictions, seed: seed)
      state.otherAnswers += UInt64(predictions.count) - (state.window.answers - before)
    }
  }
}

extension DriftWatch {
  /// Metrics of all versions that are watched.
  static func families(of registry: ModelRegistry, _ books: Bookkeeping) -> [Metrics.Family] {
    func family(
      _ name: String, _ type: String, _ help: String, _ values: @escaping @Sendable (State) -> [(String?, Double)]
    ) -> Metrics.Family {
      Metrics.Family(name: name, help: help, type: type) { [registry, books] in
        books.settle()
        return registry.watched.flatMap { version, watch in
          values(watch.current).map { statistic, number in
            let own = [("model", version.name), ("version", "\(version.version)")]
            return Metrics.Family.Value(labels: own + (statistic.map { [("statistic", $0)] } ?? []), number: number)
          }
        }
      }
    }
    return [
      family(
        "dither_drift_distance", "gauge", "Between the last answers and the calibration's, by statistic, 0 to 1."
      ) { $0.window.comparisons.map { ($0.statistic.rawValue, $0.distance) } },
      family("dither_drift_windows_total", "counter", "Whole windows of answers that were tested for drift.") {
        [(nil, Double($0.window.windows))]
      },
      family("dither_drift_alarms_total", "counter", "Windows that had drifted.") {
        [(nil, Double($0.window.alarms))]
      },
    ]
  }
}

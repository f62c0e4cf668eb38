import DitherInference

/// The choice of an epoch by a validation part: the best so far, and when to give up.
struct EarlyStop: Sendable {
  /// Epochs without a better one after which training stops; nil: never.
  let patience: Int?
  let task: ModelTask

  func isOver(_ position: Checkpoint.Position) -> Bool {
    patience.map { position.epoch - position.bestEpoch >= $0 } ?? false
  }

  /// Notes what an epoch reached.
  /// - Returns: whether it is the best so far; an error that is no number never is.
  func note(_ found: TrainQuality, in position: inout Checkpoint.Position) -> Bool {
    position.validation = found.value
    let isBetter = position.best.map { task.isRegression ? found.value < $0 : found.value > $0 } ?? !found.value.isNaN
    guard isBetter else { return false }
    position.best = found.value
    position.bestEpoch = position.epoch
    return true
  }
}

import DitherBasics
import DitherInference
import DitherJobs
import Synchronization

/// One model under the noises that requests bring in place of its own. Each is made once, on a thread of a pool, for
/// all who wait for it; the longest unused go first.
final class NoisyModels: Sendable {
  typealias Hand = @Sendable (Result<LoadedModel, any Error>) -> Void

  private enum Step { case ready(LoadedModel), wait, make, refuse }
  private struct State {
    /// By their terms as they were said.
    var ready: [[String]: LoadedModel] = [:]
    /// Least recently used first.
    var order: [[String]] = []
    var waiters: [[String]: [Hand]] = [:]

    mutating func use(_ noise: [String]) {
      order.removeAll { $0 == noise }
      order.append(noise)
    }
  }

  /// Kept; each has plans of its own, and shares the parameters. As many may be in the making.
  static let most = 4
  private let state = Mutex(State())

  /// - Parameters:
  ///   - noise: its terms, few and short.
  ///   - hand: gets the model, here and now where it is ready.
  func model(
    drawing noise: [String], of own: LoadedModel, on pool: ComputePool, _ hand: @escaping Hand
  ) {
    let step = state.withLock { state -> Step in
      if let found = state.ready[noise] {
        state.use(noise)
        return .ready(found)
      }
      let isFirst = state.waiters[noise] == nil
      guard !isFirst || state.waiters.count < Self.most else { return .refuse }
      state.waiters[noise, default: []].append(hand)
      return isFirst ? .make : .wait
    }
    switch step {
    case .ready(let found): hand(.success(found))
    case .wait: break
    case .refuse:
      hand(
        .failure(
          ServiceError(
            .overloaded, at: "noise", expected: "at most \(Self.most) noises of one model in the making",
            got: "another", advice: "try again later", retryAfterMilliseconds: 100)))
    case .make:
      pool.submit { [self] in
        let result = Result {
          LoadedModel(blob: own.blob, bytes: own.fileBytes, model: try own.model.drawing(noise))
        }
        for waiter in finish(noise, result) { waiter(result) }
      }
    }
  }

  private func finish(_ noise: [String], _ result: Result<LoadedModel, any Error>) -> [Hand] {
    state.withLock { state in
      if case .success(let model) = result {
        state.ready[noise] = model
        state.use(noise)
        while state.order.count > Self.most { state.ready[state.order.removeFirst()] = nil }
      }
      return state.waiters.removeValue(forKey: noise) ?? []
    }
  }
}

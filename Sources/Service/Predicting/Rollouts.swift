import DitherBasics
import DitherInference
import DitherStore
import Synchronization

/// The doings of candidates of aliases since this server saw them set.
final class Rollouts: Sendable {
  /// One trial of a candidate.
  struct Trial: Hashable, Sendable {
    var name: String
    var alias: String
    /// The candidate's.
    var version: Int64
    /// A trial that is set anew begins anew.
    var setMilliseconds: Int64

    init(_ candidate: ModelVersion, _ rollout: Rollout) {
      (name, alias) = (candidate.name, rollout.alias)
      (version, setMilliseconds) = (candidate.version, rollout.setMilliseconds)
    }
    var reference: String { "\(name)@\(version)" }
  }

  /// Figures of one trial.
  struct Figures: Sendable, Equatable {
    /// For the alias.
    var requests: UInt64 = 0
    /// Requests that the candidate was to answer or to compute.
    var chosen: UInt64 = 0
    /// Rows that a shadow has computed too.
    var rows: UInt64 = 0
    /// Rows of these with another class.
    var differing: UInt64 = 0
    /// Over those rows: half the sum of |p − q| over the classes, of a regression the largest |a − b|.
    var distanceSum = 0.0
    var largestDistance = 0.0
    /// Requests to which a shadow gave no answer, or one of another form.
    var failures: UInt64 = 0
    /// Requests that a shadow left out, as there was much to do.
    var skipped: UInt64 = 0

    mutating func compare(_ answered: [Prediction], _ shadow: [Prediction]) {
      guard answered.count == shadow.count, zip(answered, shadow).allSatisfy({ $0.mean.count == $1.mean.count }) else {
        return failures += 1
      }
      for (one, other) in zip(answered, shadow) {
        let apart = zip(one.mean, other.mean).map { abs($0 - $1) }
        let distance = one.label == nil ? apart.max() ?? 0 : apart.reduce(0, +) / 2
        rows += 1
        if one.label != other.label { differing += 1 }
        distanceSum += distance
        largestDistance = max(largestDistance, distance)
      }
    }
  }

  private struct State {
    var figures = KeptTable<Trial, Figures>()
    /// Shadows that are being computed.
    var running = 0
  }
  private let state = Mutex(State())

  /// Shadows at a time.
  static let mostShadows = 32

  subscript(_ trial: Trial) -> Figures { state.withLock { $0.figures[trial] ?? Figures() } }

  /// Counts a request for the alias.
  /// - Parameters:
  ///   - share: of the requests that are the candidate's.
  ///   - known: the trials that go on; figures of others are forgotten in time.
  /// - Returns: whether it is one of the candidate's share: by the request's number alone, mixed, so that no rhythm of
  ///   callers meets one of choices.
  func takes(_ trial: Trial, share: Double, among known: () -> Set<Trial>) -> Bool {
    state.withLock { state in
      state.figures.change(trial, default: Figures(), among: known) { figures in
        let isChosen = Double(Self.mixed(figures.requests) >> 11) * 0x1p-53 < share
        figures.requests += 1
        if isChosen { figures.chosen += 1 }
        return isChosen
      }
    }
  }

  /// SplitMix64's output function (Steele et al. 2014).
  private static func mixed(_ number: UInt64) -> UInt64 {
    var z = (number &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// - Returns: whether there is room for one more shadow; else the request is counted as left out.
  func begin(_ trial: Trial, isBusy: Bool) -> Bool {
    state.withLock { state in
      guard !isBusy, state.running < Self.mostShadows else {
        state.figures.update(trial) { $0.skipped += 1 }
        return false
      }
      state.running += 1
      return true
    }
  }

  /// A shadow has ended.
  /// - Parameter shadow: its answer; nil: it gave none.
  func end(_ trial: Trial, _ answered: [Prediction], _ shadow: [Prediction]?) {
    state.withLock { state in
      state.running -= 1
      // A trial that is over is forgotten.
      state.figures.update(trial) { figures in
        if let shadow { figures.compare(answered, shadow) } else { figures.failures += 1 }
      }
    }
  }
}

extension Rollouts {
  /// Metrics of the trials that go on.
  func families(of registry: ModelRegistry) -> [Metrics.Family] {
    func counter(
      _ name: String, _ help: String, of shadows: Bool? = nil, _ number: @escaping @Sendable (Figures) -> UInt64
    ) -> Metrics.Family {
      Metrics.Family(name: name, help: help, type: "counter") { [self, registry] in
        registry.current.trials.filter { shadows == nil || $0.rollout.isShadow == shadows }.map { version, rollout in
          Metrics.Family.Value(
            labels: [("model", version.name), ("alias", rollout.alias), ("version", "\(version.version)")],
            number: Double(number(self[Trial(version, rollout)])))
        }
      }
    }
    return [
      counter("dither_rollout_requests_total", "Requests for an alias that has a candidate.") { $0.requests },
      counter("dither_rollout_candidate_requests_total", "Those of the candidate's share.") { $0.chosen },
      counter("dither_shadow_rows_total", "Rows that a shadow has computed too.", of: true) { $0.rows },
      counter("dither_shadow_differing_rows_total", "Those to which it gives another class.", of: true) {
        $0.differing
      },
      counter("dither_shadow_failures_total", "Requests to which a shadow gave no answer.", of: true) { $0.failures },
      counter("dither_shadow_skipped_total", "Requests that a shadow left out under load.", of: true) { $0.skipped },
    ]
  }
}

extension ModelIndex {
  /// Every candidate that is tried, by name, newest version first.
  var trials: [(version: ModelVersion, rollout: Rollout)] {
    versions.flatMap { version in version.rollouts.map { (version, $0) } }
  }
}

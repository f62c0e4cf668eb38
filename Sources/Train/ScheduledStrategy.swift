import DitherBasics
import DitherGraph
import DitherTensor

/// One item of a recipe's `strategies`: a strategy with its parameters, and a factor on its strength over the run.
public struct ScheduledStrategy: Sendable {
  /// With its parameters.
  public var strategy: any Strategy
  /// A factor on the strength; nil: 1 throughout.
  public var schedule: (any Schedule)?

  public init(_ strategy: any Strategy, schedule: (any Schedule)? = nil) {
    self.strategy = strategy
    self.schedule = schedule
  }

  /// - Parameter setting: a name, or a mapping with `kind`, the strategy's parameters and `schedule`.
  /// - Throws: naming the key or the name that is not known, with the nearest one that is.
  init(_ setting: Setting, at place: String) throws {
    var own = setting
    if case .mapping(var map) = setting, let schedule = map.removeValue(forKey: "schedule") {
      self.schedule = try Catalog.schedules.value(schedule, at: "\(place), schedule") { $0.init() }
      own = .mapping(map)
    }
    strategy = try Catalog.strategies.value(own, at: place) { $0.init() }
  }

  /// The position that its hooks are given.
  /// - Parameter index: its place among a recipe's strategies: two of one kind draw each for itself. The first has the
  ///   recipe's seed.
  func position(_ step: StepPosition, _ index: Int) -> StepPosition {
    var own = step
    own.seed = index == 0 ? step.seed : mixSeed(step.seed, 0x57A7, UInt64(index))
    own.strength = schedule?.factor(at: step.progress) ?? 1
    return own
  }
}

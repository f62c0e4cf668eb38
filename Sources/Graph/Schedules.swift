import DitherBasics

/// A factor on the learning rate or on the noise, over the run.
public protocol Schedule: Codable, Sendable, Ranged {
  /// As recipes write it.
  static var name: String { get }
  init()
  /// - Parameter progress: the share of all steps that are done, 0 to 1.
  func factor(at progress: Double) -> Double
}

extension Schedule {
  /// Up in a line from 0 over the first `warmup` share, then what `fall` makes of the share of the rest.
  func rising(over warmup: Double, _ progress: Double, then fall: (Double) -> Double) -> Double {
    if progress < warmup { return progress / warmup }
    return fall(warmup < 1 ? (progress - warmup) / (1 - warmup) : 1)
  }
}

extension Catalog where Entry == any Schedule.Type {
  /// Every schedule, by its name.
  public static let schedules = Catalog(
    "schedule",
    [
      ConstantSchedule.self, CosineSchedule.self, AnnealedSchedule.self, LinearSchedule.self, ExponentialSchedule.self,
      StepsSchedule.self, WarmupSchedule.self, OneCycleSchedule.self, TriangleSchedule.self,
      ReheatsSchedule.self, CyclicalSchedule.self,
      InverseSchedule.self,
    ], name: { $0.name })
}

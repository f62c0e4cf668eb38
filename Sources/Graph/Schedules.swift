import DitherBasics

/// A factor on the learning rate or on the noise, over the run.
public protocol Schedule: Codable, Sendable, Ranged {
  /// As recipes write it.
  static var name: String { get }
  init()
  /// - Parameter progress: the share of all steps that are done, 0 to 1.
  func factor(at progress: Double) -> Double
}

extension Catalog where Entry == any Schedule.Type {
  /// Every schedule, by its name.
  public static let schedules = Catalog(
    "schedule",
    [
      ConstantSchedule.self, CosineSchedule.self, AnnealedSchedule.self, LinearSchedule.self, ExponentialSchedule.self,
      StepsSchedule.self, WarmupSchedule.self, OneCycleSchedule.self, ReheatsSchedule.self,
    ], name: { $0.name })
}

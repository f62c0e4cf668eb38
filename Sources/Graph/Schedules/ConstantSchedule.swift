import DitherBasics

/// 1 throughout.
public struct ConstantSchedule: Schedule {
  public static let name = "constant"
  public init() {}
  public func factor(at progress: Double) -> Double { 1 }
}

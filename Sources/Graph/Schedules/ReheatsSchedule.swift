import DitherBasics
import Foundation

/// Simulated annealing with reheats: each cycle cools by the same share in every step to `cooled` of its start, and the
/// next begins at `decay` of where that had begun. Kirkpatrick et al. 1983, Science 220, for the cooling; restarts as
/// in Loshchilov and Hutter 2016, arXiv 1608.03983.
public struct ReheatsSchedule: Schedule {
  public static let name = "reheats"
  /// The share of the training that a cycle takes.
  public var period = 0.25
  /// A cycle's last factor, as a share of its first.
  public var cooled = 0.05
  /// The first factor of a cycle, as a share of that before.
  public var decay = 0.5
  public init() {}
  public func check() throws(CatalogError) {
    try require(period >= 0.001 && period <= 1, "period", "0.001 to 1", period)
    try require(cooled >= 1e-12 && cooled <= 1, "cooled", "1e-12 to 1", cooled)
    try require(decay >= 0 && decay <= 1, "decay", "0 to 1", decay)
  }
  public func factor(at progress: Double) -> Double {
    // The end belongs to the last cycle: what is served is cool. 0.3 / 0.1 is a little below 3.
    let cycles = (1 / period - 1e-9).rounded(.up), cycle = min((progress / period + 1e-9).rounded(.down), cycles - 1)
    return pow(decay, cycle) * pow(cooled, min(max(progress / period - cycle, 0), 1))
  }
}

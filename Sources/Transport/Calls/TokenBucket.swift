import Foundation
import NIOCore

/// Tries that come back at a steady pace, up to a number that is there at once. No clock or lock.
struct TokenBucket {
  private static let rounding = 1e-9
  /// The most that it holds.
  var burst: Double
  /// The number that comes back each second; 0: none does.
  var perSecond: Double
  /// Below zero where something large was taken at once.
  private var left: Double
  private var since: NIODeadline

  /// A full one.
  init(burst: Double, perSecond: Double, at now: NIODeadline) {
    (self.burst, self.perSecond, left, since) = (burst, perSecond, burst, now)
  }

  func isFull(at now: NIODeadline) -> Bool { level(at: now) >= burst }

  /// Takes so much, if that is there; more than it can hold is taken when it is full, and makes the next ones wait for
  /// all of it.
  /// - Returns: nil where it was taken; else the milliseconds until it will be there.
  mutating func take(_ cost: Double, at now: NIODeadline) -> Int? {
    (left, since) = (level(at: now), now)
    let missing = min(cost, burst) - left
    // Rounding keeps nobody waiting.
    guard missing > Self.rounding else {
      left -= cost
      return nil
    }
    return perSecond > 0 ? max(1, Int(((missing - Self.rounding) / perSecond * 1000).rounded(.up))) : 60_000
  }

  /// Puts back what was taken and not used.
  mutating func giveBack(_ cost: Double) { left += cost }

  private func level(at now: NIODeadline) -> Double {
    min(burst, left + Double(max((now - since).nanoseconds, 0)) / 1e9 * perSecond)
  }
}

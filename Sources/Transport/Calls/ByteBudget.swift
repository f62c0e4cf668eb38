import DitherProto
import Synchronization

/// Bytes that all connections together may hold of what has not all come. No network gets more than three quarters, so
/// that it leaves some to all others.
package final class ByteBudget: Sendable {
  private struct State {
    var taken = 0
    var byNetwork: [String: Int] = [:]
  }
  package let limit: Int
  private let state = Mutex(State())
  /// The budget that this is a part of.
  private let whole: ByteBudget?
  package init(limit: Int, within whole: ByteBudget? = nil) { (self.limit, self.whole) = (limit, whole) }

  package var used: Int { state.withLock { $0.taken } }

  /// - Returns: false, with nothing taken, when there is no room for so many more.
  package func take(_ bytes: Int, from network: String) -> Bool {
    let isWithin = state.withLock { state in
      let own = state.byNetwork[network, default: 0] + bytes
      guard state.taken + bytes <= limit, own <= limit / 4 * 3 else { return false }
      state.taken += bytes
      state.byNetwork[network] = own
      return true
    }
    guard isWithin else { return false }
    guard let whole, !whole.take(bytes, from: network) else { return true }
    giveBackHere(bytes, from: network)
    return false
  }
  package func giveBack(_ bytes: Int, from network: String) {
    giveBackHere(bytes, from: network)
    whole?.giveBack(bytes, from: network)
  }

  private func giveBackHere(_ bytes: Int, from network: String) {
    guard bytes > 0 else { return }
    state.withLock { state in
      state.taken -= bytes
      let left = state.byNetwork[network, default: bytes] - bytes
      state.byNetwork[network] = left > 0 ? left : nil
    }
  }
}

/// One reader's part of a `ByteBudget`. Confined to its event loop.
struct ByteShare {
  /// Below this a reader's bytes are not counted: every small call would pay for it.
  static let uncounted = 16 << 10
  private var budget: ByteBudget
  private let network: String
  private var counted = 0
  /// - Parameter network: the reader's client's.
  init(_ budget: ByteBudget, from network: String) { (self.budget, self.network) = (budget, network) }

  /// - Throws: RESOURCE_EXHAUSTED when all readers together hold too much, or those of the same network.
  mutating func hold(_ bytes: Int) throws(CallError) {
    let wanted = bytes > Self.uncounted ? bytes : 0
    if wanted <= counted {
      if counted > 0 { budget.giveBack(counted - wanted, from: network) }
    } else if !budget.take(wanted - counted, from: network) {
      throw CallError(
        .resourceExhausted,
        "more than \(budget.limit) bytes of messages that have not all come, or three quarters of it from your address",
        details: [.retry(afterMilliseconds: 1000)])
    }
    counted = wanted
  }
  /// All that is held is of another budget from the next `hold` on.
  mutating func move(to other: ByteBudget) {
    guard other !== budget else { return }
    end()
    budget = other
  }
  /// The reader is gone.
  mutating func end() {
    budget.giveBack(counted, from: network)
    counted = 0
  }
}

import NIOCore

/// The deadlines of a connection's calls behind one timer, so that a call that ends in time, as nearly all do, costs no
/// timer of its own. Confined to its event loop: not Sendable.
final class DeadlineSet {
  let eventLoop: any EventLoop
  private var open: [Int: (deadline: NIODeadline, expire: () -> Void)] = [:]
  private var lastKey = 0
  private var timer: Scheduled<Void>?
  private var due: NIODeadline?

  init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  /// - Parameter expire: called once the deadline has passed, unless it is removed before.
  /// - Returns: what to remove it by.
  func add(_ deadline: NIODeadline, _ expire: @escaping () -> Void) -> Int {
    lastKey += 1
    open[lastKey] = (deadline, expire)
    if due.map({ deadline < $0 }) ?? true { wake(at: deadline) }
    return lastKey
  }

  func remove(_ key: Int) { open[key] = nil }

  /// The connection has ended.
  func stop() {
    timer?.cancel()
    timer = nil
    due = nil
    open = [:]
  }

  private func wake(at deadline: NIODeadline) {
    timer?.cancel()
    due = deadline
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(deadline: deadline) { bound.value.expire() }
  }

  private func expire() {
    timer = nil
    due = nil
    let now = NIODeadline.now(), late = open.filter { $0.value.deadline <= now }
    for (key, call) in late {
      open[key] = nil
      call.expire()
    }
    // A call that was added by then may have set an earlier timer.
    if let next = open.values.map(\.deadline).min(), due.map({ next < $0 }) ?? true { wake(at: next) }
  }
}

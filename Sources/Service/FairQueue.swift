/// Work that waits, in the order of its turns: of callers who all have work each gets the same time, whoever sends more
/// of it. A caller who had none begins where the others are, so that idling is no credit. No clock or lock.
/// Source: start-time fair queueing, Goyal, Vin and Cheng, SIGCOMM 1996.
package struct FairQueue<Work> {
  /// One that waits.
  package struct Entry {
    package let work: Work
    package let caller: String
    /// In seconds.
    package let cost: Double
    /// When its turn begins, in seconds of the queue's own time.
    fileprivate let start: Double
  }

  /// In the order of their turns.
  package private(set) var entries: [Entry] = []
  /// The queue's own time: when the turn that was begun last began.
  private var time = 0.0
  /// When the next turn of a caller may begin: behind all that he has sent.
  private var next: [String: Double] = [:]

  package init() {}

  /// The cost of all that waits, summed anew, so that rounding never adds up.
  package var seconds: Double { entries.reduce(0) { $0 + $1.cost } }

  /// The cost of what would come before work of a caller that comes now.
  package func wait(of caller: String) -> Double { entries[..<place(of: caller)].reduce(0) { $0 + $1.cost } }

  /// How much of a caller waits.
  package func count(of caller: String) -> Int { entries.count { $0.caller == caller } }

  /// Where work of a caller that comes now would stand.
  package func place(of caller: String) -> Int {
    let start = start(of: caller)
    // Most come last.
    guard let last = entries.last, last.start > start else { return entries.count }
    var low = 0, high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].start <= start { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// - Parameter cost: in seconds.
  package mutating func insert(_ work: Work, of caller: String, cost: Double) {
    let start = start(of: caller)
    entries.insert(Entry(work: work, caller: caller, cost: cost, start: start), at: place(of: caller))
    next[caller] = start + cost
  }

  /// The turn of the first begins.
  package mutating func begin() -> Work? {
    guard let first = entries.first else { return nil }
    entries.removeFirst()
    time = max(time, first.start)
    forget()
    return first.work
  }

  /// All that `isTaken` names, in their order, come along with the turn that has begun.
  package mutating func takeAlong(where isTaken: (Work) -> Bool) {
    entries.removeAll { isTaken($0.work) }
    forget()
  }

  /// The last one leaves without a turn, which its caller has again.
  package mutating func dropLast() -> Work? {
    guard let entry = entries.popLast() else { return nil }
    next[entry.caller] = entry.start
    forget()
    return entry.work
  }

  private func start(of caller: String) -> Double { max(time, next[caller] ?? 0) }

  /// Seconds do not add up, nor do names of callers who have gone.
  private mutating func forget() {
    if entries.isEmpty {
      (time, next) = (0, [:])
    } else if next.count > 256 {
      next = next.filter { $0.value > time }
    }
  }
}

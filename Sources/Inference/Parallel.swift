import Dispatch
import Synchronization

/// Work spread over threads of its own: never those of Swift's cooperative pool, which must not be kept busy.
enum Parallel {
  /// Calls `body` for each element, on up to `threads` threads; what comes next is taken by whoever is free.
  /// - Throws: the first error that any call threw; calls that have not begun by then are left out.
  static func forEach<Element: Sendable>(
    _ elements: [Element], threads: Int, _ body: @Sendable (Element) throws -> Void
  ) throws {
    guard threads > 1, elements.count > 1 else {
      for element in elements { try body(element) }
      return
    }
    let next = Atomic(0), failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: min(threads, elements.count)) { _ in
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < elements.count else { return }
        do {
          try body(elements[index])
        } catch {
          failure.withLock { $0 = $0 ?? error }
          next.store(elements.count, ordering: .relaxed)
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

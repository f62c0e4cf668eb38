import Dispatch
import Foundation
import Synchronization

/// Ctrl-C and SIGTERM as a flag that long tasks look at, instead of an end in the middle of things.
final class Interrupt: Sendable {
  private let asked = Atomic(false)
  /// Kept alive, nothing else: after `init` no thread touches them.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  /// - Parameter onFirst: called once, on a queue of its own. A second signal ends the process at once.
  init(onFirst: @escaping @Sendable () -> Void = {}) {
    let queue = DispatchQueue(label: "interrupt"), armed = DispatchGroup()
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: queue)
    }
    for source in sources {
      source.setEventHandler { [weak self] in
        guard let self else { return }
        if asked.exchange(true, ordering: .relaxed) { exit(ExitStatus.interrupted.rawValue) }
        onFirst()
      }
      armed.enter()
      source.setRegistrationHandler { armed.leave() }
      source.resume()
    }
    // Until then a signal is neither heard nor the end: a Ctrl-C at a prompt would be lost.
    _ = armed.wait(timeout: .now() + Self.patience)
  }

  /// Far more than arming takes, on any machine.
  private static let patience = DispatchTimeInterval.seconds(5)

  /// The signals end the process again.
  func end() {
    for source in sources { source.cancel() }
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }

  var isAsked: Bool { asked.load(ordering: .relaxed) }
}

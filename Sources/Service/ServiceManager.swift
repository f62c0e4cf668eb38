import DitherBasics
import Foundation

/// The service manager that has started this process and wants to hear how it fares: a datagram for each word, to the
/// socket that `NOTIFY_SOCKET` names. Nothing is waited for. Source: sd_notify(3), sd_watchdog_enabled(3).
public struct ServiceManager: Sendable {
  /// The words that it is told.
  public enum Word: String, Sendable {
    case ready = "READY=1"
    case stopping = "STOPPING=1"
    case alive = "WATCHDOG=1"
  }

  /// A path, or `@` and a name of the abstract namespace.
  private let address: String
  /// Within so long it wants to hear `alive`; nil: it does not listen for it.
  public let watchdog: Duration?

  /// - Parameters:
  ///   - environment: `NOTIFY_SOCKET`, `WATCHDOG_USEC` in microseconds, `WATCHDOG_PID`.
  ///   - process: the own id: a watchdog of another process is not ours to feed.
  /// - Returns: nil where no manager listens.
  public init?(environment: [String: String], process: Int32 = getpid()) {
    guard let address = environment["NOTIFY_SOCKET"], Self.place(of: address) != nil else { return nil }
    self.address = address
    let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
    let period = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
    watchdog = isOurs && period > 0 ? .microseconds(period) : nil
  }

  /// Bytes of the path as a socket's address has them; nil where they are none, or too many.
  private static func place(of address: String) -> [UInt8]? {
    let bytes = [UInt8](address.utf8), room = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
    switch bytes.first {
    case UInt8(ascii: "/"): return bytes.count < room ? bytes + [0] : nil
    case UInt8(ascii: "@"): return bytes.count > 1 && bytes.count <= room ? [0] + bytes.dropFirst() : nil
    default: return nil
    }
  }

  /// - Returns: whether the datagram left; one that finds no room, or nobody, is lost.
  @discardableResult
  public func tell(_ word: Word) -> Bool {
    guard let place = Self.place(of: address) else { return false }
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var target = sockaddr_un()
    target.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: place) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + place.count), text = Array(word.rawValue.utf8)
    let sent = withUnsafePointer(to: &target) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(descriptor, text, text.count, 0, $0, length) }
    }
    return sent == text.count
  }

  /// Says `alive` twice in each period that the manager waits, each time when `respond` has come back: a server that is
  /// stuck falls silent, and is started anew.
  /// - Returns: the task, to be cancelled; nil where no watchdog listens.
  func watch(_ respond: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
    guard let watchdog else { return nil }
    return Task {
      while !Task.isCancelled {
        await respond()
        tell(.alive)
        try? await Task.sleep(for: watchdog / 2)
      }
    }
  }
}

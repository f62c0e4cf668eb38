import DitherBasics
import Foundation
import Synchronization

/// Some room on the disk that is given up when the disk is full, so that what frees room can still be written down.
final class Reserve: Sendable {
  private let path: String
  /// nil: it is held. Else when it was last tried to get it back.
  private let missing: Mutex<ContinuousClock.Instant?>

  /// Enough for a transaction and its log.
  static let bytes = 512 << 10
  private static let pause = Duration.seconds(1)

  init(path: String) {
    self.path = path
    missing = Mutex(nil)
    if !Self.fill(path) { missing.withLock { $0 = .now } }
  }

  /// - Returns: whether there was any to give up.
  func release() -> Bool {
    missing.withLock { missing in
      guard missing == nil else { return false }
      Files.remove(path)
      missing = .now
      return true
    }
  }

  /// Takes the room again, where it was given up and there is some.
  /// - Parameter isUrgent: before others take it, however lately it was tried.
  func restore(isUrgent: Bool = false) {
    missing.withLock { missing in
      guard let last = missing, isUrgent || ContinuousClock.now - last > Self.pause else { return }
      missing = Self.fill(path) ? nil : .now
    }
  }

  private static func fill(_ path: String) -> Bool {
    guard Files.size(path) ?? 0 < bytes else { return true }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard posix_fallocate(descriptor, 0, off_t(bytes)) == 0 else {
      Files.remove(path)
      return false
    }
    return true
  }
}

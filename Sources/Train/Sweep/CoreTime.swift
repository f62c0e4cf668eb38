import Foundation

/// The time of a core that the calling thread has used: what else the machine does counts little. A training with one
/// thread is computed on the one that it is called from.
enum CoreTime {
  /// Seconds, since the thread began.
  static var spent: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

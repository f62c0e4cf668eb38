import Foundation

extension Duration {
  /// How many times longer a test waits than on plain builds: `DITHER_TEST_SLOWNESS`, which `make sanitize` sets.
  private static let slowness = ProcessInfo.processInfo.environment["DITHER_TEST_SLOWNESS"].flatMap(Int.init) ?? 1

  /// This time where the code is as fast as it is shipped, and longer under a sanitizer: for what must not end too early,
  /// such as a lease or a deadline that a test does not want to see.
  public var asBuilt: Duration { self * max(1, Self.slowness) }
}

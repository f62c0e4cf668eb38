import DitherBasics
import DitherTensor

/// The networks of some steps as they were: samples of a posterior behind `sgld`, `psgld` and, by `cycles`, of cyclical
/// SGLD (Zhang et al. 2020, arXiv 1902.03932); snapshots of a plain training behind other optimizers. Source: Huang et
/// al. 2017, arXiv 1704.00109.
public struct Snapshots: Posterior {
  public static let name = "snapshots"
  public var members = 8
  /// The share of the run before the first of them is looked for: a sampler's burn-in.
  public var after = 0.5
  /// Steps from one to the next, of which the last `members` stay; nil: spread over what `after` leaves.
  public var every: Int?
  /// Cycles of the run, each of whose ends is taken, in the place of `after` and `every`; the last `members` stay.
  public var cycles: Int?
  public init() {}

  public func check() throws(CatalogError) {
    try require(members: members)
    try require(after >= 0 && after < 1, "after", "0 to below 1", after)
    try require(every.map { (1...1_000_000).contains($0) } ?? true, "every", "1 to 1000000", every ?? 0)
    try require(
      cycles.map { (members...10_000).contains($0) } ?? true, "cycles", "\(members) to 10000, one for each member",
      cycles ?? 0)
  }

  public var bufferCount: Int { members }

  public func pace(_ run: RunLength) -> Pace {
    if let cycles { return .spread(cycles, behind: 0, of: run) }
    guard let every else { return .spread(members, behind: after, of: run) }
    return Pace(start: Int(after * Double(run.steps)), every: every)
  }

  public func take(
    _ values: UnsafeBufferPointer<Float>, _ number: Int, into buffers: [UnsafeMutableBufferPointer<Float>]
  ) {
    _ = buffers[number % members].update(fromContentsOf: values)
  }

  public func member(
    _ index: Int, _ taken: Int, from buffers: [UnsafeMutableBufferPointer<Float>], draws: NoiseAddress
  ) -> [Float] { Array(buffers[index]) }
}

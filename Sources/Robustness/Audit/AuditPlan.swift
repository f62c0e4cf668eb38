import DitherBasics
import DitherTensor

/// The work of an audit, before anything is done. Plan, models and data determine every bit of the report.
public struct AuditPlan: Codable, Sendable, Equatable {
  /// One condition each, in the order of the report.
  public private(set) var probes: [ProbeSpec]
  /// The name of the battery, where it came from one.
  public private(set) var battery: String?
  /// The probes as they were asked for, for the command that gives the report again; with a battery, empty.
  public private(set) var request: [ProbeSpec]
  /// The same seed gives the same report.
  public private(set) var seed: UInt64
  /// Draws of a random model for each answer; 0: its default.
  public private(set) var samples: Int
  /// The first examples of the data.
  public private(set) var exampleCount: Int
  /// Bounds that the model must keep.
  public private(set) var gates: [Gate]
  /// By probe: the examples of a shard.
  private var shardSizes: [Int] = []

  static let mostProbes = 1000
  static let mostExamples = 1_000_000

  /// - Parameters:
  ///   - probes: may be several conditions each, as a corruption without a severity is; with a battery, empty.
  ///   - inputShape: of one example; batteries choose their radii by it.
  ///   - isRegression: whether the model answers with values: batteries then have the probes that take these.
  /// - Throws: for unknown names and parameters out of range, by their names.
  public init(
    probes request: [ProbeSpec], battery: String? = nil, seed: UInt64 = 1, samples: Int = 0, exampleCount: Int,
    inputShape: Shape, isRegression: Bool = false, gates: [Gate] = []
  ) throws {
    let battery = battery.flatMap { $0.isEmpty ? nil : $0 }
    guard battery == nil || request.isEmpty else {
      throw RobustnessError(.plan, at: "audit", expected: "a battery or probes", got: "both")
    }
    let asked =
      try battery.map {
        let all = try Catalog<Battery>.batteries.entry(named: $0).probes(ImageShape(inputShape))
        return isRegression ? try Battery.forValues(all) : all
      } ?? request
    guard !asked.isEmpty else {
      throw RobustnessError(
        .plan, at: "audit", expected: "a battery or at least one probe", got: "neither", advice: "try the battery smoke"
      )
    }
    try require(exampleCount, in: 1...Self.mostExamples, "examples")
    try require(samples, in: 0...65_536, "samples")
    self.request = request
    self.battery = battery
    self.seed = seed
    self.samples = samples
    self.exampleCount = exampleCount
    self.gates = gates
    probes = try asked.flatMap { spec in
      try spec.resolved().variants.map { ProbeSpec(spec.probe, spec.parameters.merging($0) { $1 }) }
    }
    // However expensive a probe is, it makes a thousand pieces of few examples at most.
    let least = max((exampleCount + 999) / 1000, 1)
    shardSizes = try probes.map { spec in
      let probe = try spec.resolved()
      return probe.takesAllExamples ? exampleCount : min(max(probe.examplesPerShard, least), mostPerShard)
    }
    try Gate.check(gates, probes, isRegression: isRegression)
    guard probes.count <= Self.mostProbes else {
      throw RobustnessError(.plan, at: "audit", expected: "at most \(Self.mostProbes) probes", got: "\(probes.count)")
    }
  }

  /// Examples of one shard, at most: seconds of work, so that little is lost when it is interrupted. Of many examples
  /// larger ones: batches are faster.
  var mostPerShard: Int { min(max(exampleCount / 8, 50), 125) }

  /// The pieces of the work. Each can be done on any thread, in any order, at any time.
  public var shards: [Shard] {
    var shards: [Shard] = []
    for probe in probes.indices {
      let size = shardSizes[probe]
      for start in stride(from: 0, to: exampleCount, by: size) {
        shards.append(
          Shard(index: shards.count, probe: probe, first: start, count: min(size, exampleCount - start)))
      }
    }
    return shards
  }
}

/// One probe on some examples.
public struct Shard: Codable, Sendable, Hashable {
  /// Its number among all shards of the plan.
  public var index: Int
  /// Which of the plan's probes.
  public var probe: Int
  /// The first example.
  public var first: Int
  /// Examples.
  public var count: Int
}

import DitherBasics
import Foundation

/// A measurement: what is run, and what it is compared with.
public struct Bench: Sendable {
  /// `engine/mlp-batch64`: a group and what is measured.
  public let name: String
  /// One line for `--list`.
  public let summary: String
  /// The bench whose time this one's is divided by.
  public let over: String?
  /// Measures for about so many seconds.
  let measure: @Sendable (Double) throws -> Measurement

  /// - Parameter prepare: makes what is timed; called once, before the clock starts.
  init(
    _ name: String, _ summary: String, over: String? = nil, prepare: @escaping @Sendable () throws -> () throws -> Void
  ) {
    self.init(name, summary, over: over) { seconds in Measurement(times: try Self.time(try prepare(), seconds)) }
  }

  init(
    _ name: String, _ summary: String, over: String? = nil,
    measure: @escaping @Sendable (Double) throws -> Measurement
  ) {
    self.name = name
    self.summary = summary
    self.over = over
    self.measure = measure
  }

  /// The figures of one bench.
  struct Measurement {
    /// Seconds of one run, of each round.
    var times: [Double]
    /// Further figures by name: where the time goes, memory.
    var details: [String: Double] = [:]
  }

  /// Seconds, over the repetitions; the keys are those of `--json`.
  public struct Result: Codable, Sendable {
    /// The bench's.
    public var name: String
    /// Median time of one repetition, in seconds.
    public var median_s: Double
    /// The least, in seconds.
    public var min_s: Double
    /// The most, in seconds.
    public var max_s: Double
    /// The bench that the ratio is over; nil where there is none.
    public var over: String?
    /// The quotient of the medians.
    public var ratio: Double?
    /// Other numbers, by name.
    public var details: [String: Double]?
    /// Why it could not be measured here; then there are no figures.
    public var skipped: String?

    init(_ name: String, _ measurement: Measurement) {
      let times = measurement.times.sorted()
      self.name = name
      median_s = times.median ?? 0
      min_s = times.first ?? 0
      max_s = times.last ?? 0
      details = measurement.details.isEmpty ? nil : measurement.details
    }
  }

  /// Something that a bench needs is not here.
  struct Skip: Error { var reason: String }

  /// Warms up, then times rounds of as many runs as take at least a few milliseconds.
  private static func time(_ body: () throws -> Void, _ seconds: Double) throws -> [Double] {
    let clock = ContinuousClock()
    func time(_ runs: Int) throws -> Double {
      let start = clock.now
      for _ in 0..<runs { try body() }
      return start.duration(to: clock.now).seconds / Double(runs)
    }
    var runs = 1
    while runs < 1 << 20, try time(runs) * Double(runs) < 0.005 { runs *= 2 }
    var times: [Double] = []
    let end = clock.now + .seconds(seconds)
    repeat { times.append(try time(runs)) } while (clock.now < end || times.count < 5) && times.count < 10_000
    return times
  }

  /// Measures the named benches, and those that they are compared with, in the list's order.
  /// - Parameter seconds: for each bench.
  public static func run(
    _ names: [String], seconds: Double = 1, report: (Result) -> Void = { _ in }
  ) throws -> [Result] {
    var wanted = Set<String>()
    for name in names {
      let matching = Catalog.benches.names.filter { $0 == name || $0.hasPrefix(name + "/") }
      if matching.isEmpty { _ = try Catalog.benches.entry(named: name) }
      wanted.formUnion(matching)
    }
    if names.isEmpty { wanted = Set(Catalog.benches.names) }
    let selected = Catalog.benches.entries.filter { wanted.contains($0.name) }
    wanted.formUnion(selected.compactMap(\.over))
    var results: [Result] = []
    for bench in Catalog.benches.entries where wanted.contains(bench.name) {
      var result: Result
      do {
        result = Result(bench.name, try bench.measure(seconds))
        if let over = bench.over, let base = results.first(where: { $0.name == over && $0.skipped == nil }) {
          result.over = over
          result.ratio = result.median_s / base.median_s
        }
      } catch let skip as Skip {
        result = Result(bench.name, Measurement(times: []))
        result.skipped = skip.reason
      }
      results.append(result)
      report(result)
    }
    return results
  }
}

extension Catalog where Entry == Bench {
  /// All benches; one that others are compared with comes before them.
  public static let benches = Catalog(
    "bench",
    [
      .mlpOne, .mlpBatch, .mlpMonteCarlo, .mlpMonteCarloExplicit, .mlpPredict, .normals, .cnnOne, .cnnBatch,
      .mlpTraining,
    ] + Bench.bfloat16 + Bench.resnet + Bench.monteCarlo + Bench.resnetTraining + Bench.precision + Bench.certification
      + Bench.attacks + [.corruptions, .queueSqlite, .queuePostgres, .laplace]
      + [
        .start, .echo, .predictFramed, .predictFramedTls, .predictSwiftClient, .predictGrpc,
        .throughputFramed,
        .throughputFramedTls, .throughputGrpc,
      ], name: { $0.name })
}

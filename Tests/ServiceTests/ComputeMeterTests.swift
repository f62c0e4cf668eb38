import DitherService
import Testing

/// A queue that takes its work for longer than it is turns callers away from an idle server.
@Suite("The expected cost of predictions")
struct ComputeMeterTests {
  struct Machine: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Seconds.
    let fixed: Double, perDraw: Double
    let operations: Double
    func time(_ draws: Int) -> Duration { .seconds(fixed + perDraw * Double(draws)) }
  }
  static let machines = [
    Machine(testDescription: "a small network", fixed: 30e-6, perDraw: 1.2e-6, operations: 1.3e6),
    Machine(testDescription: "ResNet-18", fixed: 1e-3, perDraw: 12e-3, operations: 1.1e9),
    Machine(testDescription: "a slow one", fixed: 5e-3, perDraw: 1e-4, operations: 1e6),
  ]

  @Test(
    "follows calls of few and of many draws, whichever come first", arguments: machines, [[1, 1, 1, 8000], [8000, 1]])
  func follows(_ machine: Machine, _ turns: [Int]) {
    let meter = ComputeMeter(operations: machine.operations)
    #expect(!meter.estimate(draws: 1).isMeasured)
    // The first call makes plans.
    meter.record(machine.time(turns[0]) + .milliseconds(5), draws: turns[0])
    for _ in 0..<30 { for draws in turns { meter.record(machine.time(draws), draws: draws) } }
    for draws in [1, 8000] {
      let (seconds, isMeasured) = meter.estimate(draws: draws), wanted = machine.fixed + machine.perDraw * Double(draws)
      #expect(isMeasured && seconds > wanted / 1.2 && seconds < wanted * 1.2, "\(draws): \(seconds) for \(wanted)")
    }
  }

  @Test("a slow first call of one draw does not make thousands of draws expensive")
  func firstCall() {
    let meter = ComputeMeter(operations: 1.3e6), before = meter.estimate(draws: 8000).seconds
    meter.record(.milliseconds(20), draws: 1)
    #expect(meter.estimate(draws: 8000).seconds < before * 1.2)
    #expect(30 * meter.estimate(draws: 8000).seconds < 10, "thirty of them wait in a queue of ten seconds")
  }

  @Test("stays a number, whatever clocks say")
  func bounds() {
    let meter = ComputeMeter(operations: 0)
    for time in [Duration.zero, .seconds(-1), .seconds(1 << 40), .nanoseconds(1)] {
      for _ in 0..<200 { meter.record(time, draws: 3) }
      let seconds = meter.estimate(draws: .max).seconds
      #expect(seconds.isFinite && seconds > 0)
    }
  }
}

import DitherGraph
import Synchronization

/// The compiled plans of one model. A plan is checked out by one thread, used, and put back.
final class PlanCache: Sendable {
  /// Unchecked: a plan is in the cache, where nobody runs it, or in the hands of the one thread that took it out.
  private struct Parked: @unchecked Sendable {
    let plan: Plan
    var used: UInt64
  }
  private struct State {
    var parked: [Plan.Options: [Parked]] = [:]
    var count = 0
    var clock: UInt64 = 0
  }

  /// Plans kept when nobody uses them; the longest unused go first.
  private let limit: Int
  private let graph: Graph
  let parameters: ParameterBuffers
  private let state = Mutex(State())

  init(_ graph: Graph, _ parameters: ParameterBuffers, limit: Int = 24) {
    self.graph = graph
    self.parameters = parameters
    self.limit = limit
  }

  func withPlan<Result>(_ options: Plan.Options, _ body: (Plan) throws -> Result) throws -> Result {
    let found = state.withLock { state -> Parked? in
      guard let parked = state.parked[options]?.popLast() else { return nil }
      state.count -= 1
      return parked
    }
    let plan = try found?.plan ?? Plan(graph, parameters: parameters, options: options)
    defer { park(Parked(plan: plan, used: 0)) }
    return try body(plan)
  }

  private func park(_ plan: consuming Parked) {
    let options = plan.plan.options
    var parked = plan
    // The dropped plan is freed outside the lock.
    let dropped = state.withLock { state -> Parked? in
      state.clock += 1
      parked.used = state.clock
      state.parked[options, default: []].append(parked)
      state.count += 1
      guard state.count > limit else { return nil }
      let oldest = state.parked.filter { !$0.value.isEmpty }.min { $0.value[0].used < $1.value[0].used }?.key
      guard let oldest, var list = state.parked[oldest] else { return nil }
      state.count -= 1
      let victim = list.removeFirst()
      state.parked[oldest] = list.isEmpty ? nil : list
      return victim
    }
    _ = dropped
  }
}

import DitherGraph
import Synchronization

/// The compiled plans of one model, for inputs of one size. A plan is checked out by one thread, used, and put back.
final class PlanCache: Sendable {
  private let graph: Graph
  let parameters: ParameterBuffers
  /// Shared by all sizes of the model.
  private let shelf: PlanShelf
  /// The extents of free axes; none of a model whose inputs have one size.
  private let size: [String: Int]

  init(_ graph: Graph, _ parameters: ParameterBuffers, limit: Int = 24) {
    self.graph = graph
    self.parameters = parameters
    shelf = PlanShelf(limit: limit)
    size = graph.sizes
  }

  /// The same model's, for inputs of another size: on the same parameters, and kept among the same plans.
  init(_ other: PlanCache, of graph: Graph, size: [String: Int]) {
    self.graph = graph
    parameters = other.parameters
    shelf = other.shelf
    self.size = size
  }

  func withPlan<Result>(_ options: Plan.Options, _ body: (Plan) throws -> Result) throws -> Result {
    let key = PlanShelf.Key(size: size, options: options)
    let plan = try shelf.take(key) ?? Plan(graph, parameters: parameters, options: options)
    defer { shelf.park(plan, key) }
    return try body(plan)
  }

  /// Plans that nobody uses, and their bytes.
  var parked: (count: Int, bytes: Int) { shelf.parked }
}

/// Plans that nobody uses at the moment, of all sizes of one model: a bounded number, of bounded memory. The longest
/// unused go first; the last one stays, however large it is.
private final class PlanShelf: Sendable {
  struct Key: Hashable, Sendable {
    let size: [String: Int]
    let options: Plan.Options
  }
  /// Unchecked: a plan is on the shelf, where nobody runs it, or in the hands of the one thread that took it out.
  private struct Parked: @unchecked Sendable {
    let plan: Plan
    let used: UInt64
    var bytes: Int { plan.arenaBytes + plan.ownBytes }
  }
  private struct State {
    var parked: [Key: [Parked]] = [:]
    var count = 0, bytes = 0
    var clock: UInt64 = 0
  }

  /// Bytes of memory of their own that parked plans may have, together.
  private static let mostBytes = 1 << 30
  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  var parked: (count: Int, bytes: Int) { state.withLock { ($0.count, $0.bytes) } }

  func take(_ key: Key) -> Plan? {
    let found = state.withLock { state -> Parked? in
      guard var list = state.parked[key], let last = list.popLast() else { return nil }
      state.parked[key] = list.isEmpty ? nil : list
      state.count -= 1
      state.bytes -= last.bytes
      return last
    }
    return found?.plan
  }

  func park(_ plan: Plan, _ key: Key) {
    let box = Parked(plan: plan, used: 0)
    // Dropped plans are freed outside the lock.
    let dropped = state.withLock { state -> [Parked] in
      state.clock += 1
      state.parked[key, default: []].append(Parked(plan: box.plan, used: state.clock))
      state.count += 1
      state.bytes += box.bytes
      var dropped: [Parked] = []
      while state.count > 1, state.count > limit || state.bytes > Self.mostBytes,
        let oldest = state.parked.min(by: { $0.value[0].used < $1.value[0].used })?.key,
        var list = state.parked[oldest]
      {
        let victim = list.removeFirst()
        state.parked[oldest] = list.isEmpty ? nil : list
        state.count -= 1
        state.bytes -= victim.bytes
        dropped.append(victim)
      }
      return dropped
    }
    _ = dropped
  }
}

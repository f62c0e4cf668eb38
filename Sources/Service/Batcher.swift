import DitherBasics
import DitherJobs
import DitherGraph
import DitherInference
import DitherTensor
import DitherTransport
import Synchronization

/// One request that waits to be predicted.
struct PredictionWork: Sendable {
  var model: LoadedModel
  /// The model for inputs of this size.
  var network: Model
  var inputs: CheckedInputs
  var sampling: Sampling
  /// The name of the caller, who has his share of the threads' time.
  var caller: String
  var deadline: ContinuousClock.Instant?
  var isCancelled: @Sendable () -> Bool
  /// The thread that read it, where that may compute it too.
  var thread: ReadingThread?
  /// Called once, on the thread that computed it, or that of a request for which it gave way.
  var complete: @Sendable (Result<PredictionOutcome, any Error>) -> Void

  /// Draws of rows, at most; a row without draws is one.
  var samples: Int { max(sampling.mostDraws(of: network), 1) * inputs.rowCount }

  /// Draws of rows as the model's meter counts them: of inputs of another size by how much more there is to compute.
  func metered(_ draws: Int) -> Int {
    guard network !== model.model else { return draws }
    return max(Int(min(Double(draws) * network.operations / max(model.model.operations, 1), 1e15)), 1)
  }
}

struct PredictionOutcome: Sendable {
  var predictions: [Prediction]
  /// Draws that were used.
  var samples: Int
  var stopReason: MonteCarloPredictor.StopReason
  var queued: Duration
  var computed: Duration
  /// With one request of each batch: the rows of all.
  var rowsOfBatch: Int?
}

/// Predictions in batches of what is waiting: never of what might come, so that an idle server answers at once.
///
/// The queue is bounded by requests, by the bytes of their inputs and by estimated compute; past the bound the answer
/// is "overloaded", at once, with a time to wait; so it is where the deadline would pass in the queue. What is
/// cancelled or late is dropped before it is computed, and between the runs of a plan.
///
/// Callers who wait have the same share of the threads' time (`FairQueue`). In a full queue the work that would be
/// computed last gives way to that of a caller who has less.
///
/// Work that takes long keeps nobody waiting: it is bounded by itself, and gives half of its thread's time to short
/// work that waits. Work that takes less than handing it to a compute thread and back is computed by the thread that
/// read it, if that has read little else.
final class Batcher: Sendable {
  private final class Waiting: Sendable {
    let work: PredictionWork
    let key: BatchKey
    let seconds: Double
    /// At most.
    let draws: Int
    let isLong: Bool
    /// The thread that read it, when that computes it.
    let thread: ObjectIdentifier?
    let since = ContinuousClock.now
    /// The memory that its inputs hold.
    var bytes: Int { work.inputs.tensor.count * MemoryLayout<Float>.size }

    init(_ work: PredictionWork, _ key: BatchKey, seconds: Double, draws: Int, isLong: Bool, thread: ObjectIdentifier?)
    {
      (self.work, self.key, self.seconds, self.draws) = (work, key, seconds, draws)
      (self.isLong, self.thread) = (isLong, thread)
    }
  }
  /// A thread's turn at what waits.
  private enum Turn: Equatable {
    /// A compute thread's.
    case pool
    /// A compute thread's with long work of its own.
    case between
    /// A thread's that reads.
    case reading(ObjectIdentifier)
  }
  private struct State {
    /// For threads that read, and for compute threads.
    var prompt: [Waiting] = [], short = FairQueue<Waiting>(), long = FairQueue<Waiting>()
    /// The inputs of all that waits.
    var bytes = 0
    var running = 0
    /// Estimated compute of the short work that runs, and how many long works do.
    var runningSeconds = 0.0, runningLong = 0
    var standing = StandingQueue()
    /// A turn that no compute thread has begun: it takes all that can go together, so that each request needs none of
    /// its own.
    var hasTurn = false
    /// The same of threads that read.
    var readingTurns: Set<ObjectIdentifier> = []
    var isClosed = false

    /// Requests that wait.
    var count: Int { prompt.count + short.entries.count + long.entries.count }
    /// The queue of the long or the short work.
    func queue(isLong: Bool) -> FairQueue<Waiting> { isLong ? long : short }
    /// Until work that comes now would be begun, in seconds: beside long work, the short has half of the threads' time.
    func wait(before seconds: Double, isLong: Bool, threads: Int) -> Double {
      (isLong ? seconds : (seconds + runningSeconds) * (runningLong > 0 ? 2 : 1)) / Double(threads)
    }
    /// Whether a thread that reads may compute one more: it has few, and no older work of the model waits.
    func takes(_ thread: ObjectIdentifier, _ key: BatchKey) -> Bool {
      guard prompt.count(where: { $0.thread == thread }) < Batcher.promptRequests else { return false }
      let isOfModel = { (other: FairQueue<Waiting>.Entry) in other.work.key.model == key.model }
      return !short.entries.contains(where: isOfModel) && !long.entries.contains(where: isOfModel)
    }
    /// The turn is some thread's now.
    mutating func begin(_ turn: Turn) {
      switch turn {
      case .pool: hasTurn = false
      case .between: break
      case .reading(let thread): readingTurns.remove(thread)
      }
    }
    /// - Returns: whether there is work for another turn like this, which it enters.
    mutating func goesOn(_ turn: Turn) -> Bool {
      switch turn {
      case .pool:
        hasTurn = !short.entries.isEmpty || !long.entries.isEmpty
        return hasTurn
      case .between: return false
      case .reading(let thread):
        guard prompt.contains(where: { $0.thread == thread }) else { return false }
        return readingTurns.insert(thread).inserted
      }
    }
    /// Work that a compute thread will do waits; who would wait in vain is told at once.
    /// - Throws: `ServiceFault.overloaded` with a time to wait.
    mutating func checkWait(of work: Waiting, before: Double, threads: Int) throws(ServiceError) {
      let wait = wait(before: before, isLong: work.isLong, threads: threads), now = work.since
      func refusal(_ expected: String) -> ServiceError {
        overloaded(expected, "about \((100 * wait).rounded() / 100) s", after: wait)
      }
      if !work.isLong {
        if short.entries.isEmpty { standing.wasEmpty(at: now) }
        guard before == 0 || standing.takes(wait, at: now) else {
          throw refusal("a wait of at most \(StandingQueue.most) s while more comes than is done")
        }
      }
      // A call that would be late hears it at once: in a queue that is too long all would be, and all work in vain.
      let computed = work.isLong ? work.seconds : max(work.seconds, Batcher.batchSeconds)
      guard before == 0 || (work.work.deadline.map { now + .seconds(Batcher.margin * wait + computed) <= $0 } ?? true)
      else { throw refusal("a queue that ends before the deadline") }
    }
    mutating func began(_ batch: [Waiting], at now: ContinuousClock.Instant) {
      running += 1
      if batch[0].isLong { runningLong += 1 } else { runningSeconds += batch.reduce(0) { $0 + $1.seconds } }
      if short.entries.isEmpty { standing.wasEmpty(at: now) }
    }
    mutating func ended(_ batch: [Waiting]) {
      running -= 1
      if batch[0].isLong { runningLong -= 1 } else { runningSeconds -= batch.reduce(0) { $0 + $1.seconds } }
      // Rounding never adds up.
      if running == 0 { runningSeconds = 0 }
    }
    /// The next work of a turn and what can go with it: short before long, until that has waited for long enough.
    mutating func take(_ turn: Turn, at now: ContinuousClock.Instant) -> [Waiting] {
      if case .reading(let thread) = turn {
        guard let at = prompt.firstIndex(where: { $0.thread == thread }) else { return [] }
        var batch = Batch(prompt.remove(at: at))
        prompt.removeAll { $0.thread == thread && batch.takes($0) }
        return batch.work
      }
      let isDue = long.entries.first.map { now - $0.work.since > Batcher.longestWait } ?? false
      if turn == .pool, isDue || short.entries.isEmpty { return Self.take(from: &long) }
      return Self.take(from: &short)
    }
    private static func take(from queue: inout FairQueue<Waiting>) -> [Waiting] {
      guard let first = queue.begin() else { return [] }
      var batch = Batch(first)
      if first.work.sampling.isFixed { queue.takeAlong { batch.takes($0) } }
      return batch.work
    }
    /// Makes room for work by letting go of what would be computed last, behind it; where places or memory are missing,
    /// also of the last of the other queue, if its caller has more there than this one here.
    /// - Returns: what has to give way; nil where that is not enough.
    mutating func makeRoom(for work: Waiting, _ limits: ServerConfiguration.Limits) -> [Waiting]? {
      guard lacksPlace(for: work, limits) || lacksTime(for: work, limits) else { return [] }
      var next = self, gone: [Waiting] = []
      let own = work.isLong ? \State.long : \State.short, other = work.isLong ? \State.short : \State.long
      let caller = work.work.caller
      while next.lacksPlace(for: work, limits) || next.lacksTime(for: work, limits) {
        var last: Waiting?
        if next[keyPath: own].place(of: caller) < next[keyPath: own].entries.count {
          last = next[keyPath: own].dropLast()
        } else if next.lacksPlace(for: work, limits), let holder = next[keyPath: other].entries.last?.caller,
          holder != caller, next[keyPath: other].count(of: holder) > next[keyPath: own].count(of: caller)
        {
          last = next[keyPath: other].dropLast()
        }
        guard let last else { return nil }
        gone.append(last)
        next.bytes -= last.bytes
      }
      self = next
      return gone
    }
    private func lacksPlace(for work: Waiting, _ limits: ServerConfiguration.Limits) -> Bool {
      (bytes > 0 && bytes + work.bytes > limits.queuedBytes) || count >= limits.queuedRequests
    }
    private func lacksTime(for work: Waiting, _ limits: ServerConfiguration.Limits) -> Bool {
      let seconds = work.isLong ? long.seconds : short.seconds
      return seconds > 0 && seconds + work.seconds > limits.queuedSeconds
    }
    mutating func insert(_ work: Waiting) {
      bytes += work.bytes
      if work.thread != nil {
        prompt.append(work)
      } else if work.isLong {
        long.insert(work, of: work.work.caller, cost: work.seconds)
      } else {
        short.insert(work, of: work.work.caller, cost: work.seconds)
      }
    }
  }
  /// Requests that are computed together.
  private struct Batch {
    private(set) var work: [Waiting]
    private var rows: Int, seconds: Double

    init(_ first: Waiting) { (work, rows, seconds) = ([first], first.work.inputs.rowCount, first.seconds) }

    /// - Returns: whether it goes with the first; then it is in.
    mutating func takes(_ next: Waiting) -> Bool {
      let first = work[0], count = rows + next.work.inputs.rowCount
      // Else its draws depend on its own errors.
      guard first.work.sampling.isFixed, next.key == first.key, count <= Batcher.mostRows,
        count * first.draws <= Batcher.mostDraws, seconds + next.seconds <= Batcher.batchSeconds
      else { return false }
      work.append(next)
      (rows, seconds) = (count, seconds + next.seconds)
      return true
    }
  }
  /// Requests that can be computed together have the same.
  private struct BatchKey: Hashable {
    var model: ObjectIdentifier
    /// All but the seed, which is each row's own.
    var sampling: Sampling

    init(_ work: PredictionWork) {
      // The model of one size: rows of a batch are of one shape.
      model = ObjectIdentifier(work.network)
      sampling = work.sampling
      sampling.seed = 0
    }
  }

  private static let mostRows = 256
  private static let mostDraws = 16_384
  /// Estimated compute of a batch: its first request waits for its last, and gains nothing from more.
  private static let batchSeconds = 0.03
  /// On an expected wait, for who has a deadline: others come with work, and the machine has other work.
  private static let margin = 1.5
  /// Work above it is long.
  private static let shortSeconds = 0.25
  /// A thread that reads more at once hands the rest over: reading and computing then go on side by side.
  private static let promptRequests = 2
  /// Long work goes first behind it.
  private static let longestWait = Duration.seconds(2)
  /// Computing for so long without a pause gives way.
  private static let stretch = Duration.milliseconds(10)

  private let pool: ComputePool
  private let threads: Int
  private let limits: ServerConfiguration.Limits
  private let state = Mutex(State())

  init(pool: ComputePool, threads: Int, limits: ServerConfiguration.Limits) {
    self.pool = pool
    self.threads = threads
    self.limits = limits
  }

  /// Requests that wait.
  var depth: Int { state.withLock { $0.count } }
  /// Whether predictions wait or run: others shall give way.
  var isBusy: Bool { state.withLock { $0.count > 0 || $0.running > 0 } }

  /// - Throws: `ServiceFault.overloaded` with a time to wait, `.draining` after `close`.
  func submit(_ work: PredictionWork) throws(ServiceError) {
    let draws = work.sampling.mostDraws(of: work.network)
    let (seconds, isMeasured) = work.model.meter.estimate(draws: work.metered(work.samples))
    let key = BatchKey(work)
    let (turn, gone) = try state.withLock { state throws(ServiceError) -> (Turn?, [Waiting]) in
      guard !state.isClosed else {
        throw ServiceError(.draining, at: "server", expected: "a server that takes calls", got: "one that is draining")
      }
      let isLong = seconds > Self.shortSeconds
      let before = state.queue(isLong: isLong).wait(of: work.caller)
      let isPrompt = isMeasured && seconds <= limits.promptSeconds
      let thread = isPrompt ? work.thread.flatMap { state.takes($0.id, key) ? $0.id : nil } : nil
      let waiting = Waiting(work, key, seconds: seconds, draws: max(draws, 1), isLong: isLong, thread: thread)
      if thread == nil { try state.checkWait(of: waiting, before: before, threads: threads) }
      guard let gone = state.makeRoom(for: waiting, limits) else {
        throw Self.overloaded(
          "at most \(limits.queuedRequests) requests, \(limits.queuedBytes >> 20) MiB of inputs and "
            + "\(limits.queuedSeconds) s of compute waiting",
          "\(state.count) requests and \(state.bytes >> 20) MiB, and this caller has his share of them",
          after: before / Double(threads))
      }
      state.insert(waiting)
      guard let thread else {
        defer { state.hasTurn = true }
        return (state.hasTurn ? nil : .pool, gone)
      }
      return (state.readingTurns.insert(thread).inserted ? .reading(thread) : nil, gone)
    }
    if let turn { enter(turn, work.thread) }
    for other in gone {
      other.work.complete(
        .failure(
          Self.overloaded(
            "no more than a caller's share of a full queue", "requests of callers who have less", after: other.seconds))
      )
    }
  }

  /// - Parameter wait: in seconds.
  private static func overloaded(_ expected: String, _ got: String, after wait: Double) -> ServiceError {
    ServiceError(
      .overloaded, at: "queue", expected: expected, got: got, advice: "try again later",
      retryAfterMilliseconds: max(10, Int(min(wait, 60) * 1000)))
  }

  /// Takes nothing more; what waits is answered.
  func close() { state.withLock { $0.isClosed = true } }

  // MARK: on the thread that computes

  private func runNext(_ turn: Turn) {
    let (batch, isMore) = takeBatch(turn)
    // The rest of the queue is another thread's, or comes behind what was read in the meantime.
    if isMore { enter(turn, batch.first?.work.thread) }
    run(batch, givesWay: turn == .pool)
  }

  private func enter(_ turn: Turn, _ thread: ReadingThread?) {
    if let thread, turn == .reading(thread.id) {
      thread.soon { [self] in runNext(turn) }
    } else {
      pool.submit { [self] in runNext(.pool) }
    }
  }

  /// - Returns: how long it took.
  @discardableResult
  private func run(_ batch: [Waiting], givesWay: Bool = true) -> Duration {
    guard !batch.isEmpty else { return .zero }
    let started = ContinuousClock.now
    var live: [Waiting] = []
    for waiting in batch {
      if let reason = Self.reasonToDrop(waiting.work, at: started) {
        waiting.work.complete(.failure(reason))
      } else {
        live.append(waiting)
      }
    }
    if !live.isEmpty { compute(live, started, givesWay) }
    state.withLock { $0.ended(batch) }
    return .now - started
  }

  /// The next request of a turn and those that can go with it, and whether the turn has others.
  private func takeBatch(_ turn: Turn) -> (batch: [Waiting], isMore: Bool) {
    state.withLock { state in
      state.begin(turn)
      let batch = state.take(turn, at: .now)
      guard !batch.isEmpty else { return ([], false) }
      state.bytes -= batch.reduce(0) { $0 + $1.bytes }
      state.began(batch, at: .now)
      return (batch, state.goesOn(turn))
    }
  }

  private static func reasonToDrop(_ work: PredictionWork, at now: ContinuousClock.Instant) -> ServiceError? {
    Caller.reasonToStop(deadline: work.deadline, isCancelled: work.isCancelled, at: now)
  }

  private func compute(_ batch: [Waiting], _ started: ContinuousClock.Instant, _ givesWay: Bool) {
    let first = batch[0].work
    let inputs = CheckedInputs.concatenate(batch.map(\.work.inputs))
    let seeds = batch.flatMap { [UInt64](repeating: $0.work.sampling.seed, count: $0.work.inputs.rowCount) }
    let given = Mutex(Duration.zero)
    let result = Result {
      try MonteCarloPredictor(first.network).predict(
        inputs, first.sampling, seeds: seeds,
        isLate: { Self.isLate(first.deadline, since: started) },
        proceed: {
          // It goes on while anybody still waits for it.
          let now = ContinuousClock.now
          let reasons = batch.map { Self.reasonToDrop($0.work, at: now) }
          if let reason = reasons[0], !reasons.contains(nil) { throw reason }
          if givesWay { given.withLock { $0 += giveWay(since: started, given: $0) } }
        })
    }
    let computed = ContinuousClock.now - started - given.withLock { $0 }
    switch result {
    case .failure(let error): for waiting in batch { waiting.work.complete(.failure(error)) }
    case .success(let answer):
      first.model.meter.record(computed, draws: first.metered(max(answer.samples, 1) * inputs.rowCount))
      var row = 0
      for waiting in batch {
        let count = waiting.work.inputs.rowCount
        waiting.work.complete(
          .success(
            PredictionOutcome(
              predictions: Array(answer.predictions[row..<row + count]), samples: answer.samples,
              stopReason: answer.stopReason, queued: started - waiting.since, computed: computed,
              rowsOfBatch: row == 0 ? inputs.rowCount : nil)))
        row += count
      }
    }
  }

  /// Short work that waits, in the middle of long work: half of the thread's time at most.
  /// - Returns: how long it took.
  private func giveWay(since started: ContinuousClock.Instant, given: Duration) -> Duration {
    let elapsed = ContinuousClock.now - started
    guard elapsed - given > max(given, Self.stretch) else { return .zero }
    return run(takeBatch(.between).batch, givesWay: false)
  }

  /// Another round would take at least as long as all before it, and some time goes for the answer itself.
  private static func isLate(_ deadline: ContinuousClock.Instant?, since started: ContinuousClock.Instant) -> Bool {
    let now = ContinuousClock.now
    return deadline.map { $0 - now < (now - started) * 2 + .milliseconds(5) } ?? false
  }
}

/// The next training of asynchronous successive halving: the best third, by `factor`, of those that have come to a rung
/// goes on at once, the highest rung first, else another point begins.
///
/// Points are those of a search, so they end: where none is left, nothing runs and no rung gives anybody up, the best
/// of the highest rung goes on, until one point has been trained whole.
/// - Source: Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", arXiv 1810.05934, algorithm 2.
public struct Promotions: Sendable {
  /// A point trained to a rung's epochs.
  public struct Job: Codable, Hashable, Sendable {
    /// From 0.
    public var point: Int
    /// From 0, the one of the fewest epochs.
    public var rung: Int
    /// - Parameters:
    ///   - point: from 0.
    ///   - rung: from 0.
    public init(point: Int, rung: Int) { (self.point, self.rung) = (point, rung) }
  }

  private let points: Int, factor: Int
  /// In the order in which they were begun.
  public private(set) var begun: [Job] = []
  private var isBegun = Set<Job>()
  private var nextPoint = 0
  /// By rung: points that have come to it, with what they have lost; infinite where a training diverged.
  private var rungs: [[(point: Int, loss: Double)]]

  /// - Parameters:
  ///   - points: how many there are.
  ///   - rungs: how often points are compared, and the end.
  ///   - factor: one of how many goes on from a rung.
  public init(points: Int, rungs: Int, factor: Int) {
    (self.points, self.factor) = (points, max(factor, 2))
    self.rungs = Array(repeating: [], count: max(rungs, 1))
  }

  /// Trainings that were begun and have not come to their end.
  public var running: Int { begun.count - rungs.reduce(0) { $0 + $1.count } }

  /// A training was begun, now or by an earlier process.
  public mutating func begin(_ job: Job) {
    guard isBegun.insert(job).inserted else { return }
    begun.append(job)
    if job.rung == 0 { nextPoint = max(nextPoint, job.point + 1) }
  }

  /// A training that was begun has come to its rung.
  /// - Parameter loss: less is better; nil: it diverged.
  public mutating func put(_ job: Job, loss: Double?) {
    guard isBegun.contains(job), !rungs[job.rung].contains(where: { $0.point == job.point }) else { return }
    rungs[job.rung].append((job.point, loss.flatMap { $0.isFinite ? $0 : nil } ?? .infinity))
  }

  /// The training that a free worker is to begin; nil: none now, and none at all where nothing runs.
  public func next() -> Job? {
    let below = rungs.indices.dropLast().reversed()
    for rung in below {
      if let point = best(of: rung, among: rungs[rung].count / factor) { return Job(point: point, rung: rung + 1) }
    }
    if nextPoint < points { return Job(point: nextPoint, rung: 0) }
    guard running == 0, rungs.last?.isEmpty == true else { return nil }
    for rung in below {
      if let point = best(of: rung, among: rungs[rung].count) { return Job(point: point, rung: rung + 1) }
    }
    return nil
  }

  /// The best of a rung's first `count` that has not gone on.
  private func best(of rung: Int, among count: Int) -> Int? {
    rungs[rung].sorted { ($0.loss, $0.point) < ($1.loss, $1.point) }.prefix(count)
      .first { $0.loss.isFinite && !isBegun.contains(Job(point: $0.point, rung: rung + 1)) }?.point
  }
}

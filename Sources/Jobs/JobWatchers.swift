import DitherStore
import Synchronization

/// The watchers of each job, and how far each job has come.
final class JobWatchers: Sendable {
  struct Watcher: Sendable {
    let stream: AsyncStream<JobEvent>
    let continuation: AsyncStream<JobEvent>.Continuation
  }

  private struct State {
    var watchers: [String: [Int: AsyncStream<JobEvent>.Continuation]] = [:]
    var next = 0
    var progress: [String: JobProgress] = [:]
    var isClosed = false
  }
  private let state = Mutex(State())

  /// Jobs that somebody watches.
  var jobs: Set<String> { state.withLock { Set($0.watchers.keys) } }

  func add(to id: String) -> Watcher {
    let (stream, continuation) = AsyncStream.makeStream(of: JobEvent.self, bufferingPolicy: .bufferingNewest(64))
    let number = state.withLock { state in
      state.next += 1
      state.watchers[id, default: [:]][state.next] = continuation
      return state.next
    }
    continuation.onTermination = { [weak self] _ in self?.forget(number, of: id) }
    return Watcher(stream: stream, continuation: continuation)
  }

  /// Tells a new watcher how the job stands; all there is, where the job has ended or nobody works on it any more.
  func begin(_ watcher: Watcher, of job: Job, _ report: (json: [UInt8], html: [UInt8])?) {
    let (progress, isClosed) = state.withLock { ($0.progress[job.id], $0.isClosed) }
    watcher.continuation.yield(.state(job))
    if let progress, !job.state.isFinal { watcher.continuation.yield(.progress(progress)) }
    if let report { watcher.continuation.yield(.report(json: report.json, html: report.html)) }
    if job.state.isFinal || isClosed { watcher.continuation.finish() }
  }

  func tell(_ id: String, _ event: JobEvent) {
    let watchers = state.withLock { state in
      if case .progress(let progress) = event { state.progress[id] = progress }
      return state.watchers[id].map { Array($0.values) } ?? []
    }
    for watcher in watchers { watcher.yield(event) }
  }

  func end(_ job: Job, _ report: (json: [UInt8], html: [UInt8])? = nil) {
    let watchers = state.withLock { state in
      state.progress[job.id] = nil
      return state.watchers.removeValue(forKey: job.id).map { Array($0.values) } ?? []
    }
    for watcher in watchers {
      watcher.yield(.state(job))
      if let report { watcher.yield(.report(json: report.json, html: report.html)) }
      watcher.finish()
    }
  }

  /// Nothing more comes: of no job.
  func close() {
    let watchers = state.withLock { state in
      state.isClosed = true
      defer { state.watchers = [:] }
      return state.watchers.values.flatMap(\.values)
    }
    for watcher in watchers { watcher.finish() }
  }

  private func forget(_ number: Int, of id: String) {
    state.withLock { state in
      state.watchers[id]?[number] = nil
      if state.watchers[id]?.isEmpty == true { state.watchers[id] = nil }
    }
  }
}

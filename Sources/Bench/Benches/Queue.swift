import DitherBasics
import DitherStore
import DitherStorePostgres
import Dispatch
import Foundation
import Synchronization

extension Bench {
  /// Seconds from a claim to its result being kept. Bar: 500 claims a second, and 2 % of a shard of a second.
  static let queueSqlite = Bench(
    "queue/sqlite", "a shard claimed and its result kept by one of 8 workers at once, records in SQLite"
  ) { seconds in
    let folder = FileManager.default.temporaryDirectory.appending(path: "dither-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    return try waiting { try await claims(from: SqliteStore(directory: folder.path), for: seconds) }
  }

  /// The same by a database; its job stays there, as cancelled.
  static let queuePostgres = Bench(
    "queue/postgres", "the same in PostgreSQL, at the address in DITHER_DATABASE", over: "queue/sqlite"
  ) { seconds in
    guard let address = ProcessInfo.processInfo.environment["DITHER_DATABASE"], !address.isEmpty else {
      throw Skip(reason: "DITHER_DATABASE names no database")
    }
    let folder = FileManager.default.temporaryDirectory.appending(path: "dither-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    return try waiting {
      try await claims(from: PostgresStore.open(PostgresAddress(address), directory: folder.path), for: seconds)
    }
  }

  /// A few hours' audit has as many.
  private static let shards = 2000
  private static let workers = 8

  private static func claims(from store: any Store, for seconds: Double) async throws -> Measurement {
    let jobs = store.jobs, id = Job.newID(), clock = ContinuousClock()
    try await jobs.create(Job(id: id, kind: "bench", subject: "", spec: [], createdBy: "bench"))
    _ = try await jobs.begin(id, as: "bench", after: .zero)
    try await jobs.lay(shards, of: id)
    let begin = clock.now, end = begin + .seconds(seconds)
    let times = try await withThrowingTaskGroup(of: [Double].self) { group in
      for worker in 0..<workers {
        group.addTask {
          var times: [Double] = []
          while clock.now < end || times.isEmpty {
            let start = clock.now
            let claim = try await jobs.claim(0...shards - 1, of: id, by: "bench \(worker)", for: .seconds(60))
            guard let claim else { break }
            try await jobs.put([1], for: claim.shard, of: id, by: "bench")
            times.append(start.duration(to: clock.now).seconds)
          }
          return times
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let took = begin.duration(to: clock.now).seconds
    try await jobs.setState(.cancelled, of: id)
    return Measurement(times: times, details: ["claims_per_second": Double(times.count) / took])
  }

  /// For a thread that has nothing else to do.
  private static func waiting(_ body: @escaping @Sendable () async throws -> Measurement) throws -> Measurement {
    let found = Mutex<Swift.Result<Measurement, any Error>?>(nil), end = DispatchSemaphore(value: 0)
    Task.detached {
      let result: Swift.Result<Measurement, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      found.withLock { $0 = result }
      end.signal()
    }
    end.wait()
    guard let result = found.withLock({ $0 }) else { throw Skip(reason: "nothing came of it") }
    return try result.get()
  }
}

import Dispatch
import DitherStore

/// How far the shards of a job have come, kept in the store for whoever takes them up after this process. Its calls
/// wait for the store: they are for threads of one's own. A store that is away is no reason to stop: then nothing is
/// kept.
public struct ShardProgress: Sendable {
  /// Bytes beyond which a shard's progress is not worth a place among records.
  public static let mostBytes = 16 << 20

  private let job: String
  private let maker: String
  private let jobs: any JobRecords

  init(of job: String, by maker: String, in jobs: any JobRecords) {
    (self.job, self.maker, self.jobs) = (job, maker, jobs)
  }

  /// - Parameter name: the kind of job's own, the same for whoever goes on.
  public func keep(_ bytes: [UInt8], as name: String) {
    guard bytes.count <= Self.mostBytes else { return }
    wait { [job, maker, jobs] in
      try? await jobs.keep(bytes, as: name, of: job, by: maker)
      return nil
    }
  }

  /// - Returns: nil where nothing was kept, or the store does not answer.
  public func kept(_ name: String) -> [UInt8]? {
    wait { [job, jobs] in try? await jobs.kept(name, of: job) }
  }

  @discardableResult
  private func wait(for ask: @escaping @Sendable () async -> [UInt8]?) -> [UInt8]? {
    let answer = Mutexed<[UInt8]?>(nil), end = DispatchSemaphore(value: 0)
    Task {
      let found = await ask()
      answer.withLock { $0 = found }
      end.signal()
    }
    end.wait()
    return answer.withLock { $0 }
  }
}

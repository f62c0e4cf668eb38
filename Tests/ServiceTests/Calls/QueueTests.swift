import DitherBasics
import DitherInference
import DitherProto
import DitherService
import Foundation
import Synchronization
import Testing

@Suite("Predictions that wait")
struct QueueTests {
  private final class Refused: Sendable {
    let count = Atomic(0)
  }

  private final class LongCalls: Sendable {
    let areGone = Atomic(false), ended = Atomic(0)
  }

  @Test("long work keeps no short work waiting, on one thread or more, and ends when nobody waits for it")
  func longWorkGivesWay() async throws {
    for threads in [1, 2] {
      let server = try await InProcess(models: ["net": TestModels.mlp()]) {
        $0.computeThreads = threads
        ($0.limits.queuedSeconds, $0.limits.probabilitiesPerRequest) = (1e9, .max)
      }
      // The meter has to know what a draw takes.
      for _ in 0..<20 { _ = try await server.predict("net", rows(8, of: 6)) { $0.samples = 512 } }
      let calls = LongCalls()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<threads {
          group.addTask {
            let caller = Caller(name: "long", isCancelled: { calls.areGone.load(ordering: .relaxed) })
            // A quarter of a billion answers, were they all computed.
            await #expect {
              _ = try await server.predict("net", rows(4096, of: 6), caller: caller) {
                $0.samples = 65_536
                $0.draws = .shared
              }
            } throws: { isFault($0, .cancelled) }
            calls.ended.add(1, ordering: .relaxed)
          }
        }
        // Both threads have their long work by the time that these are answered in a row.
        for _ in 0..<50 { _ = try await server.predict("net", rows(1, of: 6)) }
        #expect(calls.ended.load(ordering: .relaxed) == 0)
        calls.areGone.store(true, ordering: .relaxed)
        try await group.waitForAll()
      }
      _ = try await server.predict("net", rows(1, of: 6))
    }
  }

  @Test("who would be late in the queue is told so at once")
  func lateInTheQueue() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]) {
      $0.computeThreads = 1
      ($0.limits.queuedSeconds, $0.limits.probabilitiesPerRequest) = (1e9, .max)
    }
    for _ in 0..<20 { _ = try await server.predict("net", rows(8, of: 6)) { $0.samples = 512 } }
    let calls = LongCalls()
    func long(_ deadline: ContinuousClock.Instant?) async throws {
      let caller = Caller(
        name: "long", deadline: deadline, isCancelled: { calls.areGone.load(ordering: .relaxed) })
      _ = try await server.predict("net", rows(4096, of: 6), caller: caller) {
        $0.samples = 65_536
        $0.draws = .shared
      }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3 {
        group.addTask { await #expect { try await long(nil) } throws: { isFault($0, .cancelled) } }
      }
      while server.services.waitingPredictions < 2 { try await Task.sleep(for: .milliseconds(1)) }
      await #expect { try await long(.now + .seconds(30)) } throws: { isFault($0, .resourceExhausted) }
      // Short work does not wait behind it, and is taken.
      let caller = Caller(name: "short", deadline: .now + .seconds(60))
      _ = try await server.predict("net", rows(1, of: 6), caller: caller)
      calls.areGone.store(true, ordering: .relaxed)
      try await group.waitForAll()
    }
  }

  @Test(
    "a queue that is full, of requests or of bytes, says so at once and when to try again", arguments: [false, true])
  func fullQueue(_ ofBytes: Bool) async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]) {
      $0.computeThreads = 1
      if ofBytes { $0.limits.queuedBytes = 4 * 64 * 6 * 4 } else { $0.limits.queuedRequests = 4 }
    }
    _ = try await server.predict("net", rows(1, of: 6))
    let outcomes = await withTaskGroup(of: Bool?.self) { group in
      for seed in 0..<64 {
        group.addTask {
          do {
            _ = try await server.predict("net", rows(64, of: 6)) {
              $0.samples = 2048
              $0.seed = UInt64(seed)
            }
            return nil
          } catch {
            return isFault(error, .resourceExhausted) && ((error as? any AnyFault)?.retryAfterMilliseconds ?? 0) > 0
          }
        }
      }
      return await group.reduce(into: [Bool?]()) { $0.append($1) }
    }
    #expect(outcomes.contains(nil) && outcomes.contains(true) && !outcomes.contains(false))
    _ = try await server.predict("net", rows(1, of: 6))
  }

  @Test("a caller who fills the queue keeps nobody else out: what he sent last gives way")
  func floods() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()]) {
      ($0.computeThreads, $0.limits.queuedRequests) = (1, 8)
    }
    _ = try await server.predict("net", rows(1, of: 6))
    let refused = Refused()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for seed in 0..<200 {
        group.addTask {
          do {
            _ = try await server.predict("net", rows(64, of: 6), caller: Caller(name: "flood")) {
              ($0.samples, $0.seed) = (2048, UInt64(seed))
            }
          } catch {
            #expect(isFault(error, .resourceExhausted) && (error as? any AnyFault)?.retryAfterMilliseconds ?? 0 > 0)
            refused.count.add(1, ordering: .relaxed)
          }
        }
      }
      while refused.count.load(ordering: .relaxed) == 0 { try await Task.sleep(for: .milliseconds(1)) }
      // He holds all places, or has held them.
      for _ in 0..<20 { _ = try await server.predict("net", rows(1, of: 6), caller: Caller(name: "quiet")) }
      try await group.waitForAll()
    }
  }
}

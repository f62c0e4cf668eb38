import DitherBasics
import DitherJobs
import DitherProto
import DitherStore
import DitherTransport
import Foundation

/// `Robustness/GetAdversarials`: the inputs that attacks made in an audit that keeps them.
package struct GetAdversarialsCall: ServerStreamCall {
  package static let method = Dither_V1_Robustness.getAdversarials
  package static let policy = CallPolicy(role: .audit, defaultDeadline: nil)

  let store: any Store
  let pool: ComputePool

  package init(_ services: Services) {
    store = services.store
    pool = services.means.pool
  }

  package func answer(
    _ request: Dither_V1_GetAdversarialsRequest, _ caller: Caller,
    _ send: ResponseWriter<Dither_V1_AdversarialInputs>
  ) async throws {
    try await caller.scope.check(audit: store.jobs.job(request.audit))
    for part in try await parts(of: request.audit) { try await send(part) }
  }

  /// By attack, examples in their order.
  package func parts(of audit: String) async throws -> [Dither_V1_AdversarialInputs] {
    let job = try await store.jobs.job(audit)
    guard try AuditSpec(job).keepsAdversarials == true else {
      throw ServiceError(
        .notReady, at: "audit '\(job.id)'", expected: "one that was asked to keep what its attacks make",
        got: "another", advice: "start it again with save_adversarials")
    }
    guard job.state == .done else {
      throw ServiceError(
        .notReady, at: "audit '\(job.id)'", expected: "one that is done", got: job.standing,
        advice: job.state.isFinal ? "start it again" : "watch it until it is done")
    }
    let journal = try await store.jobs.shards(of: job.id)
    return try await pool.run {
      let made = try journal.values.flatMap { try JSONDecoder().decode(JournaledShard.self, from: Data($0)).made }
      return made.sorted { ($0.place, $0.indices.first ?? 0) < ($1.place, $1.indices.first ?? 0) }
        .flatMap(Dither_V1_AdversarialInputs.messages)
    }
  }
}

import DitherJobs
import DitherProto
import DitherRobustness
import DitherStore
import DitherTransport

/// `Robustness/PlanAudit`: what an audit would do and take. It is refused where the audit would be.
package struct PlanAuditCall: UnaryCall {
  package static let method = Dither_V1_Robustness.planAudit
  package static let policy = CallPolicy(role: .audit)

  let audit: AuditCall
  let threads: Int

  package init(_ services: Services) {
    audit = AuditCall(services)
    threads = services.auditThreads
  }

  package func answer(_ request: Dither_V1_AuditRequest, _ caller: Caller) async throws -> Dither_V1_PlanAuditResponse {
    let work = try await audit.work(request, caller.scope).work
    return try await audit.means.pool.run { [threads] in
      let cost = try work.cost(threads: threads)
      var response = Dither_V1_PlanAuditResponse()
      response.examples = UInt32(clamping: work.exampleCount)
      response.shards = UInt32(clamping: cost.shards)
      response.seconds = cost.seconds
      response.probes = cost.items.map { item in
        var probe = Dither_V1_PlannedProbe()
        probe.probe = item.probe.text
        probe.questions = UInt64(clamping: item.questions)
        probe.seconds = item.seconds
        return probe
      }
      return response
    }
  }
}

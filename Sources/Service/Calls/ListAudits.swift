import DitherProto
import DitherStore
import DitherTransport

/// `Robustness/ListAudits`: newest first, of all models or of one.
package struct ListAuditsCall: UnaryCall {
  package static let method = Dither_V1_Robustness.listAudits
  package static let policy = CallPolicy(role: .audit)

  let store: Store
  let pool: ComputePool

  package init(_ services: Services) {
    store = services.store
    pool = services.pool
  }

  package func answer(_ request: Dither_V1_ListAuditsRequest, _ caller: Caller) async throws
    -> Dither_V1_ListAuditsResponse
  {
    let name = request.model.split(whereSeparator: { $0 == "@" || $0 == ":" }).first.map(String.init) ?? ""
    return try await pool.run { [store] in
      var response = Dither_V1_ListAuditsResponse()
      response.audits = try store.jobs.list(kind: AuditSpec.kind).map(Dither_V1_AuditState.init).filter {
        request.model.isEmpty || $0.model == name && (name == request.model || "\(name)@\($0.version)" == request.model)
      }
      return response
    }
  }
}

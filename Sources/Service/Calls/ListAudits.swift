import DitherProto
import DitherStore

/// `Robustness/ListAudits`: newest first, of all models or of one.
package struct ListAuditsCall: Sendable {
  let store: Store
  let pool: ComputePool

  package func answer(_ request: Dither_V1_ListAuditsRequest) async throws -> Dither_V1_ListAuditsResponse {
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

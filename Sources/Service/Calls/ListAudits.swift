import DitherProto
import DitherStore
import DitherTransport

/// `Robustness/ListAudits`: newest first, of all models or of one.
package struct ListAuditsCall: UnaryCall {
  package static let method = Dither_V1_Robustness.listAudits
  package static let policy = CallPolicy(role: .audit)

  let store: any Store

  package init(_ services: Services) {
    store = services.store
  }

  package func answer(_ request: Dither_V1_ListAuditsRequest, _ caller: Caller) async throws
    -> Dither_V1_ListAuditsResponse
  {
    let name = request.model.split(whereSeparator: { $0 == "@" || $0 == ":" }).first.map(String.init) ?? ""
    var response = Dither_V1_ListAuditsResponse()
    response.audits = try await store.jobs.list(kind: AuditSpec.kind)
      .filter(caller.scope.allows(audit:)).map(Dither_V1_AuditState.init).filter {
        request.model.isEmpty || $0.model == name && (name == request.model || "\(name)@\($0.version)" == request.model)
      }
    return response
  }
}

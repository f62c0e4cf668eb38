import DitherProto
import DitherStore
import DitherTransport

/// `Robustness/ListAudits`: newest first, of all models or of one, a page at a time.
package struct ListAuditsCall: UnaryCall {
  package static let method = Dither_V1_Robustness.listAudits
  package static let policy = CallPolicy(role: .audit)

  /// Audits of one answer.
  private static let mostAudits = 1000
  /// Records that are read at a time, at least: most may be of models that were not asked for.
  private static let leastRead = 100

  let store: any Store

  package init(_ services: Services) {
    store = services.store
  }

  package func answer(_ request: Dither_V1_ListAuditsRequest, _ caller: Caller) async throws
    -> Dither_V1_ListAuditsResponse
  {
    let most = try Pages.size(request.pageSize, most: Self.mostAudits)
    var before = try Pages.place(of: request.pageToken, JobPlace.init(words:))
    let name = request.model.prefix { $0 != "@" && $0 != ":" }
    // The records know the first member of an ensemble by its name.
    let first = request.model.isEmpty ? nil : String(name.prefix { $0 != "+" })
    // One more than fits says whether there is a next page.
    let read = max(most + 1, Self.leastRead)
    var response = Dither_V1_ListAuditsResponse()
    while true {
      try caller.proceed()
      let jobs = try await store.jobs.list(kind: AuditSpec.kind, of: first, before: before, limit: read)
      for job in jobs {
        let audit = Dither_V1_AuditState(job)
        guard Self.fits(audit, request.model, name), caller.scope.allows(audit: job) else { continue }
        if response.audits.count == most {
          response.nextPageToken = before.map { Pages.token($0.words) } ?? ""
          return response
        }
        response.audits.append(audit)
        before = JobPlace(job)
      }
      guard jobs.count == read, let last = jobs.last else { return response }
      // The last ones were of other models: the page goes on behind them.
      if !Self.fits(Dither_V1_AuditState(last), request.model, name) || !caller.scope.allows(audit: last) {
        before = JobPlace(last)
      }
    }
  }

  private static func fits(_ audit: Dither_V1_AuditState, _ asked: String, _ name: Substring) -> Bool {
    asked.isEmpty || audit.model == name && (name == asked || "\(name)@\(audit.version)" == asked)
  }
}

extension JobPlace {
  fileprivate init?(words: String) {
    let parts = words.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, let milliseconds = Int64(parts[0]) else { return nil }
    self.init(createdMilliseconds: milliseconds, id: String(parts[1]))
  }
  fileprivate var words: String { "\(createdMilliseconds) \(id)" }
}

import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/ListTrail`: who did what to models and tokens, a page at a time.
package struct ListTrailCall: UnaryCall {
  package static let method = Dither_V1_Registry.listTrail
  package static let policy = CallPolicy(role: .admin)

  /// Entries of one answer.
  private static let mostEntries = 1000

  let store: any Store

  package init(_ services: Services) { store = services.store }

  package func answer(_ request: Dither_V1_ListTrailRequest, _ caller: Caller) async throws
    -> Dither_V1_ListTrailResponse
  {
    // Entries are of all models, and a chain only together.
    guard caller.scope.isAll else {
      throw ServiceError(
        .notAllowed, at: "trail", expected: "a caller whose token is for all models", got: "'\(caller.name)'",
        advice: "ask for a token of the role admin: `dither tokens create` without --model")
    }
    let most = try Pages.size(request.pageSize, most: Self.mostEntries)
    try Self.check(request.action)
    var query = TrailQuery()
    query.isOldestFirst = request.oldestFirst
    query.behind = try Pages.place(of: request.pageToken) { Int64($0) }
    query.who = request.who.isEmpty ? nil : request.who
    query.action = request.action.isEmpty ? nil : request.action
    query.subject = request.subject.isEmpty ? nil : request.subject
    // One more than fits says whether there is a next page.
    let entries = try await store.trail.entries(query, limit: most + 1)
    var response = Dither_V1_ListTrailResponse()
    response.entries = entries.prefix(most).map(Dither_V1_TrailEntry.init)
    if entries.count > most, let last = response.entries.last { response.nextPageToken = Pages.token("\(last.number)") }
    return response
  }

  private static func check(_ action: String) throws(ServiceError) {
    let known = TrailAction.allCases.map(\.rawValue)
    guard action.isEmpty || known.contains(action) else {
      throw ServiceError(
        .badField, at: "action", expected: "one of \(known.joined(separator: ", "))", got: "'\(action.clipped())'",
        advice: nearest(to: action, among: known).map { "did you mean '\($0)'?" })
    }
  }
}

extension Dither_V1_TrailEntry {
  fileprivate init(_ entry: TrailEntry) {
    self.init()
    number = entry.number
    atMs = entry.milliseconds
    who = entry.who
    action = entry.action
    subject = entry.subject
    detail = entry.detail
    hash = entry.hash
  }
}

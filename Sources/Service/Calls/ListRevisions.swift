import DitherProto
import DitherStore
import DitherTransport

/// `Registry/ListRevisions`: the cards and tags that a version has had, newest first, a page at a time.
package struct ListRevisionsCall: UnaryCall {
  package static let method = Dither_V1_Registry.listRevisions
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  /// Revisions of one answer.
  private static let mostRevisions = 100
  /// About the bytes of their cards: stock clients take no message above 4 MiB.
  private static let pageBytes = 1 << 20

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_ListRevisionsRequest, _ caller: Caller) async throws
    -> Dither_V1_ListRevisionsResponse
  {
    let most = try Pages.size(request.pageSize, most: Self.mostRevisions)
    let before = try Pages.place(of: request.pageToken) { Int64($0) }
    let version = try await registry.find(request.model, for: caller.scope)
    // One more than fits says whether there is a next page.
    let found = try await registry.store.models.revisions(
      of: version.name, version: version.version, before: before, limit: most + 1)
    var response = Dither_V1_ListRevisionsResponse(), bytes = 0
    for revision in found {
      bytes += 1024 + (revision.card?.utf8.count ?? 0) + revision.tags.reduce(0) { $0 + $1.value.utf8.count }
      if let last = response.revisions.last, response.revisions.count == most || bytes > Self.pageBytes {
        response.nextPageToken = Pages.token("\(last.number)")
        break
      }
      response.revisions.append(.init(revision))
    }
    return response
  }
}

extension Dither_V1_ListRevisionsResponse.Revision {
  fileprivate init(_ revision: VersionRevision) {
    self.init()
    number = UInt64(revision.number)
    card = revision.card.map { .cardJson($0) }
    tags = revision.tags
    createdMs = revision.createdMilliseconds
    createdBy = revision.createdBy
  }
}

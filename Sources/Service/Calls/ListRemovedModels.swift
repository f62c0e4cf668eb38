import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/ListRemovedModels`: versions that can be restored, as `ListModels` lists those that are there.
package struct ListRemovedModelsCall: UnaryCall {
  package static let method = Dither_V1_Registry.listRemovedModels
  package static let policy = CallPolicy(role: .publish, defaultDeadline: .seconds(10))

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_ListModelsRequest, _ caller: Caller) async throws
    -> Dither_V1_ListModelsResponse
  {
    let removed = try await registry.store.models.removed().filter { caller.scope.allows($0.name) }
    return try Dither_V1_ListModelsResponse(removed, request, in: registry)
  }
}

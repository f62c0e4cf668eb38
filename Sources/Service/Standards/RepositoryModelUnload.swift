import DitherProto
import DitherStore
import DitherTransport

/// `GRPCInferenceService/RepositoryModelUnload`: a model answers nobody until it is loaded again or this process ends;
/// calls that use it end as they would have.
package struct RepositoryModelUnloadCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.repositoryModelUnload
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(
    _ request: Inference_RepositoryModelUnloadRequest, _ caller: Caller
  ) async throws -> Inference_RepositoryModelUnloadResponse {
    try OipModel.checkRepository(request.repositoryName)
    registry.unload(try registry.resolve(request.modelName, for: caller.scope).name)
    return .init()
  }
}

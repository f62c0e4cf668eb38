import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `GRPCInferenceService/RepositoryModelLoad`: takes a model's newest version into memory, and a model that was
/// unloaded back into service.
package struct RepositoryModelLoadCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.repositoryModelLoad
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(
    _ request: Inference_RepositoryModelLoadRequest, _ caller: Caller
  ) async throws -> Inference_RepositoryModelLoadResponse {
    try OipModel.checkRepository(request.repositoryName)
    if let name = request.parameters.keys.sorted().first {
      throw ServiceError(
        .badField, at: "parameters", expected: "none", got: "'\(name.clipped())'",
        advice: "models come with `dither upload` or Registry/Upload, and bring their own configuration")
    }
    registry.takeBack(try registry.resolve(request.modelName, for: caller.scope).name)
    _ = try await registry.model(request.modelName, for: caller.scope)
    return .init()
  }
}

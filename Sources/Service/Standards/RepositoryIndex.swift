import DitherProto
import DitherStore
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/RepositoryIndex`: every version, and whether it answers.
package struct RepositoryIndexCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.repositoryIndex
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(
    _ request: Inference_RepositoryIndexRequest, _ caller: Caller
  ) throws -> Inference_RepositoryIndexResponse {
    try OipModel.checkRepository(request.repositoryName)
    var response = Inference_RepositoryIndexResponse()
    for version in registry.versions(for: caller.scope) {
      let isReady = registry.isAvailable(version)
      guard isReady || !request.ready else { continue }
      response.models.append(
        .with {
          $0.name = version.name
          $0.version = "\(version.version)"
          $0.state = isReady ? "READY" : "UNAVAILABLE"
          $0.reason = isReady ? "" : "unloaded"
        })
    }
    return response
  }
}

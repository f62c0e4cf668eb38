import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/RestoreModel`: takes the removal of a version back, or of all that are kept of a name.
package struct RestoreModelCall: UnaryCall {
  package static let method = Dither_V1_Registry.restoreModel
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_RestoreModelRequest, _ caller: Caller) async throws
    -> Dither_V1_RestoreModelResponse
  {
    let name: String, version: Int64?
    switch try ModelReference(request.model) {
    case .newest(let all): (name, version) = (all, nil)
    case .version(let one, let number): (name, version) = (one, number)
    case .alias, .digest:
      throw ServiceError(
        .badField, at: "model", expected: "name@version or name", got: "'\(request.model.clipped())'",
        advice: "an alias goes with its version: list what was removed")
    }
    try caller.scope.check(model: name)
    var response = Dither_V1_RestoreModelResponse()
    response.models = try await registry.restore(name, version: version, by: caller.name).map {
      try Dither_V1_Model($0, in: registry)
    }
    return response
  }
}

import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/RemoveModel`: a version, or a name with all its versions.
package struct RemoveModelCall: UnaryCall {
  package static let method = Dither_V1_Registry.removeModel
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry

  package init(_ services: Services) {
    registry = services.registry
  }

  package func answer(_ request: Dither_V1_RemoveModelRequest, _ caller: Caller) async throws
    -> Dither_V1_RemoveModelResponse
  {
    let found = try registry.resolve(request.model, for: caller.scope)
    let version: Int64? = try ModelReference(request.model) == .newest(found.name) ? nil : found.version
    var response = Dither_V1_RemoveModelResponse()
    response.removed = UInt32(try await registry.remove(found.name, version: version, by: caller.name))
    return response
  }
}

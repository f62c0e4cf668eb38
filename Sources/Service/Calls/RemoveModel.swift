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
    let (name, version) = try await target(request, caller.scope)
    var response = Dither_V1_RemoveModelResponse()
    let removed = try await registry.remove(
      name, version: version, takingAliases: request.force, isFinal: request.purge, by: caller.name)
    // A version that is not there may still have been kept.
    if removed == 0 { _ = try registry.resolve(request.model, for: caller.scope) }
    response.removed = UInt32(removed)
    return response
  }

  private func target(
    _ request: Dither_V1_RemoveModelRequest, _ scope: NameScope
  ) async throws -> (name: String, version: Int64?) {
    let reference = try ModelReference(request.model)
    if request.purge {
      if let name = reference.name { try scope.check(model: name) }
      switch reference {
      case .newest(let name): return (name, nil)
      case .version(let name, let version): return (name, version)
      case .alias, .digest: break
      }
    }
    let found = try await registry.resolveNow(request.model, for: scope)
    return (found.name, reference == .newest(found.name) ? nil : found.version)
  }
}

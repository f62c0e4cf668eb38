import DitherProto
import DitherStore

/// `Registry/GetModel`: the version that a reference stands for.
package struct GetModelCall: Sendable {
  let registry: ModelRegistry

  package func answer(_ request: Dither_V1_GetModelRequest) throws -> Dither_V1_Model {
    try Dither_V1_Model(registry.resolve(request.model), in: registry)
  }
}

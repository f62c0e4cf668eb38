import DitherProto
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/ModelReady`: whether a model would answer; false where there is none, as Triton has it.
package struct ModelReadyCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.modelReady
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let health: Health

  package init(_ services: Services) { health = Health(services) }

  package func answer(_ request: Inference_ModelReadyRequest, _ caller: Caller) -> Inference_ModelReadyResponse {
    let reference = OipModel.reference(request.name, version: request.version)
    return .with { $0.ready = health.status(of: reference, models: caller.scope) == .serving && !reference.isEmpty }
  }
}

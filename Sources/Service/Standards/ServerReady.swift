import DitherProto
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/ServerReady`: the server takes calls; false from when it drains.
package struct ServerReadyCall: PromptCall {
  package static let method = Inference_GRPCInferenceService.serverReady
  package static let policy = CallPolicy(role: nil, isOpen: true, isVital: true)

  let readiness: Readiness

  package init(_ services: Services) { readiness = services.readiness }

  package func answer(
    _ request: Inference_ServerReadyRequest, _ caller: Caller,
    _ complete: @escaping @Sendable (Result<Inference_ServerReadyResponse, any Error>) -> Void
  ) { complete(.success(.with { $0.ready = readiness.isReady })) }
}

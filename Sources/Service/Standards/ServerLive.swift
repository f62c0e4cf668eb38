import DitherProto
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/ServerLive`: the process answers.
package struct ServerLiveCall: PromptCall {
  package static let method = Inference_GRPCInferenceService.serverLive
  package static let policy = CallPolicy(role: nil, isOpen: true, isVital: true)

  package init(_ services: Services) {}

  package func answer(
    _ request: Inference_ServerLiveRequest, _ caller: Caller,
    _ complete: @escaping @Sendable (Result<Inference_ServerLiveResponse, any Error>) -> Void
  ) { complete(.success(.with { $0.live = true })) }
}

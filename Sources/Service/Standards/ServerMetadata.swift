import DitherProto
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/ServerMetadata`: what the server is, and which of Triton's extensions it has.
package struct ServerMetadataCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.serverMetadata
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  /// As Triton's documents name them.
  static let extensions = [
    "classification", "model_repository", "model_configuration", "binary_tensor_data", "parameters", "statistics",
  ]
  let version: String

  package init(_ services: Services) { version = services.means.code ?? "" }

  package func answer(_ request: Inference_ServerMetadataRequest, _ caller: Caller) -> Inference_ServerMetadataResponse
  {
    .with {
      $0.name = "dither"
      $0.version = version
      $0.extensions = Self.extensions
    }
  }
}

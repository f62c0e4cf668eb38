import DitherProto
import DitherStore
import DitherTransport

/// `GRPCInferenceService/ModelMetadata`: the tensors that a model takes, and those that may be asked of it.
package struct ModelMetadataCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.modelMetadata
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(
    _ request: Inference_ModelMetadataRequest, _ caller: Caller
  ) throws -> Inference_ModelMetadataResponse {
    let model = try OipModel(request.name, version: request.version, in: registry, for: caller.scope)
    var response = Inference_ModelMetadataResponse()
    response.name = model.version.name
    response.versions = registry.current.versions(of: model.version.name).map { "\($0.version)" }
    response.platform = OipModel.platform
    response.inputs = model.inputs.map(Inference_ModelMetadataResponse.TensorMetadata.init)
    response.outputs = model.outputs.map(Inference_ModelMetadataResponse.TensorMetadata.init)
    return response
  }
}

extension Inference_ModelMetadataResponse.TensorMetadata {
  fileprivate init(_ tensor: OipModel.TensorType) {
    self.init()
    name = tensor.name
    datatype = tensor.datatype.rawValue
    shape = [-1] + tensor.shape.map(Int64.init)
  }
}

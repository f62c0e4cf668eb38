import DitherProto
import DitherStore
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/ModelConfig`: a model as Triton would configure it.
package struct ModelConfigCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.modelConfig
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    registry = services.registry
    limits = services.limits
  }

  package func answer(_ request: Inference_ModelConfigRequest, _ caller: Caller) throws -> Inference_ModelConfigResponse
  {
    let model = try OipModel(request.name, version: request.version, in: registry, for: caller.scope)
    var config = Inference_ModelConfig()
    config.name = model.version.name
    config.platform = OipModel.platform
    config.backend = "dither"
    config.maxBatchSize = Int32(clamping: limits.rowsPerRequest)
    config.input = model.inputs.map { input in
      .with {
        $0.name = input.name
        $0.dataType = input.datatype.number
        $0.dims = input.shape.map(Int64.init)
      }
    }
    config.output = model.outputs.map { output in
      .with {
        $0.name = output.name
        $0.dataType = output.datatype.number
        // Triton has no scalars: a number for each row is an axis of one.
        $0.dims = output.shape.isEmpty ? [1] : output.shape.map(Int64.init)
      }
    }
    config.dynamicBatching = .init()
    config.parameters = [
      "samples": .with { $0.stringValue = "\(model.version.model.defaultSamples)" },
      "digest": .with { $0.stringValue = "\(model.version.blob)" },
    ]
    return .with { $0.config = config }
  }
}

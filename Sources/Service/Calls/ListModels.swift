import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Foundation

/// `Registry/ListModels`: every version, newest first within a name.
package struct ListModelsCall: UnaryCall {
  package static let method = Dither_V1_Registry.listModels
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_ListModelsRequest, _ caller: Caller) throws -> Dither_V1_ListModelsResponse {
    var response = Dither_V1_ListModelsResponse()
    response.models = try registry.current.versions.filter { $0.name.hasPrefix(request.prefix) }.map {
      try Dither_V1_Model($0, in: registry)
    }
    return response
  }
}

extension Dither_V1_Model {
  init(_ version: ModelVersion, in registry: ModelRegistry) throws(StoreError) {
    self.init()
    name = version.name
    self.version = UInt64(version.version)
    digest = "\(version.blob)"
    aliases = version.aliases
    cardJson = version.model.card
    createdMs = version.createdMilliseconds
    createdBy = version.createdBy
    bytes = UInt64(version.model.bytes)
    noiseJson = version.model.noise
    defaultSamples = UInt32(version.model.defaultSamples)
    let signed = SignatureRecord(json: version.model.signature)
    if let calibrated = try registry.calibration(of: version) {
      calibration = Dither_V1_Calibration(
        calibrated.record, of: version, version.calibration, signed?.labelNames ?? [])
    }
    guard let record = signed else { return }
    signature.inputName = record.inputName
    signature.inputShape = [-1] + record.inputShape.map(Int64.init)
    signature.outputName = record.outputName
    signature.outputShape = [-1, Int64(record.width ?? record.classes)]
    signature.task = record.task ?? "classification"
    signature.taskNote = record.taskNote ?? ""
    signature.classes = UInt32(record.classes)
    signature.labelNames = record.labelNames
  }
}

extension SignatureRecord {
  init?(json: String) {
    guard let record = try? JSONDecoder().decode(Self.self, from: Data(json.utf8)) else { return nil }
    self = record
  }
}

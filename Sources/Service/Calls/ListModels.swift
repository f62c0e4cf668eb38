import DitherBasics
import DitherGraph
import DitherProto
import DitherStore
import DitherTransport
import Foundation
import SwiftProtobuf

/// `Registry/ListModels`: versions by name, newest first within one, a page at a time.
package struct ListModelsCall: UnaryCall {
  package static let method = Dither_V1_Registry.listModels
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  /// Versions of one answer.
  private static let mostVersions = 1000
  /// About the bytes that their cards, labels and calibrations take: stock clients take no message above 4 MiB.
  private static let pageBytes = 1 << 20

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_ListModelsRequest, _ caller: Caller) throws -> Dither_V1_ListModelsResponse {
    guard request.pageSize >= 0 else {
      throw ServiceError(.badField, at: "page_size", expected: "0 or more", got: "\(request.pageSize)")
    }
    let most = request.pageSize == 0 ? Self.mostVersions : min(Int(request.pageSize), Self.mostVersions)
    let before = request.pageToken.isEmpty ? nil : try PageEnd(token: request.pageToken)
    var response = Dither_V1_ListModelsResponse(), bytes = 0, end: PageEnd?
    for version in registry.versions(for: caller.scope) where version.name.hasPrefix(request.prefix) {
      guard before?.isAhead(of: version) ?? true else { continue }
      bytes += version.listedBytes
      if let end, response.models.count == most || bytes > Self.pageBytes {
        response.nextPageToken = end.token
        break
      }
      response.models.append(try Dither_V1_Model(version, in: registry))
      end = PageEnd(version)
    }
    return response
  }
}

/// Where a page ends: behind a version, whether it is still there or not. So versions that come and go between two
/// pages change no other's place.
private struct PageEnd {
  private let name: String
  private let version: Int64

  init(_ version: ModelVersion) { (name, self.version) = (version.name, version.version) }

  init(token: String) throws(ServiceError) {
    guard let data = Data(base64Encoded: token),
      case .version(let name, let version)? = try? ModelReference(String(decoding: data, as: UTF8.self))
    else {
      throw ServiceError(
        .badField, at: "page_token", expected: "the next_page_token of an answer", got: "'\(token.clipped())'",
        advice: "leave it out to begin anew")
    }
    (self.name, self.version) = (name, version)
  }

  /// Opaque to clients.
  var token: String { Data("\(ModelReference.version(name, version))".utf8).base64EncodedString() }

  func isAhead(of other: ModelVersion) -> Bool { (name, other.version) < (other.name, version) }
}

extension ModelVersion {
  /// About the bytes that it takes in a list.
  fileprivate var listedBytes: Int {
    512 + model.card.utf8.count + model.signature.utf8.count + model.noise.utf8.count
      + (calibration?.content.count ?? 0)
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
    signature.inputs = record.allInputs.map { input in
      .with {
        $0.name = input.name
        $0.type = .init(input.element)
        $0.shape = [-1] + input.shape.map(Int64.init)
      }
    }
    signature.outputName = record.outputName
    signature.outputShape = [-1, Int64(record.width ?? record.classes)]
    signature.task = record.task ?? "classification"
    signature.taskNote = record.taskNote ?? ""
    signature.outputKind = record.outputKind ?? ""
    signature.outputKindNote = record.outputKindNote ?? ""
    signature.classes = UInt32(record.classes)
    signature.labelNames = record.labelNames
  }
}

extension Dither_V1_Array.TypeEnum {
  /// The type in which a model's input comes over the wire.
  fileprivate init(_ element: ElementType) {
    self =
      switch element {
      case .float32: .float32
      case .int64: .int64
      case .bool: .uint8
      }
  }
}

extension SignatureRecord {
  init?(json: String) {
    guard let record = try? JSONDecoder().decode(Self.self, from: Data(json.utf8)) else { return nil }
    self = record
  }
}

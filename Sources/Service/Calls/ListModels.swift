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

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_ListModelsRequest, _ caller: Caller) throws -> Dither_V1_ListModelsResponse {
    try Dither_V1_ListModelsResponse(registry.versions(for: caller.scope), request, in: registry)
  }
}

extension Dither_V1_ListModelsResponse {
  /// Versions of one answer.
  private static let mostVersions = 1000
  /// About the bytes that their cards, labels and calibrations take: stock clients take no message above 4 MiB.
  private static let pageBytes = 1 << 20

  /// The page that a request asks for.
  /// - Parameter versions: all that there are, by name, newest first.
  init(_ versions: [ModelVersion], _ request: Dither_V1_ListModelsRequest, in registry: ModelRegistry) throws {
    self.init()
    let most = try Pages.size(request.pageSize, most: Self.mostVersions)
    let before = try Pages.place(of: request.pageToken, PageEnd.init(words:))
    guard request.tags.count <= Tags.most else {
      throw ServiceError(.badField, at: "tags", expected: "at most \(Tags.most)", got: "\(request.tags.count)")
    }
    var bytes = 0, end: PageEnd?
    for version in versions
    where version.name.hasPrefix(request.prefix) && request.tags.allSatisfy(version.description.has) {
      guard before?.isAhead(of: version) ?? true else { continue }
      bytes += version.listedBytes
      if let end, models.count == most || bytes > Self.pageBytes {
        nextPageToken = end.token
        break
      }
      models.append(try Dither_V1_Model(version, in: registry))
      end = PageEnd(version)
    }
  }
}

/// Where a page ends: behind a version, whether it is still there or not. So versions that come and go between two
/// pages change no other's place.
private struct PageEnd {
  private let name: String
  private let version: Int64

  init(_ version: ModelVersion) { (name, self.version) = (version.name, version.version) }

  init?(words: String) {
    guard case .version(let name, let version)? = try? ModelReference(words) else { return nil }
    (self.name, self.version) = (name, version)
  }

  var token: String { Pages.token("\(ModelReference.version(name, version))") }

  func isAhead(of other: ModelVersion) -> Bool { (name, other.version) < (other.name, version) }
}

extension ModelVersion {
  /// About the bytes that it takes in a list.
  fileprivate var listedBytes: Int {
    512 + 256 * signatures.count + card.utf8.count
      + description.tags.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
      + model.signature.utf8.count + model.noise.utf8.count
      + (calibration?.content.count ?? 0)
  }
}

extension VersionDescription {
  /// - Parameter tag: "key", or "key=value".
  fileprivate func has(_ tag: String) -> Bool {
    let parts = tag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let value = tags[parts[0]] else { return false }
    return parts.count == 1 || value == parts[1]
  }
}

extension Dither_V1_Model {
  init(_ version: ModelVersion, in registry: ModelRegistry) throws(StoreError) {
    self.init()
    name = version.name
    self.version = UInt64(version.version)
    digest = "\(version.blob)"
    aliases = version.aliases
    cardJson = version.card
    tags = version.description.tags
    revision = UInt64(version.description.number)
    signedBy = version.signatures.map { .init($0, of: version.blob, registry.keyring) }
    createdMs = version.createdMilliseconds
    createdBy = version.createdBy
    bytes = UInt64(version.model.bytes)
    noiseJson = version.model.noise
    defaultSamples = UInt32(version.model.defaultSamples)
    if let gone = version.removal {
      removal.removedMs = gone.removedMilliseconds
      removal.removedBy = gone.removedBy
      removal.keptUntilMs = gone.keptUntilMilliseconds
    }
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

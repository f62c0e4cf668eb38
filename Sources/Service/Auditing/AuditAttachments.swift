import DitherBasics
import DitherProto
import DitherRobustness
import DitherStore
import DitherTensor
import SwiftProtobuf

/// The things that come with a request for an audit beside its words: examples, their targets, bounds of their
/// features, and inputs of other kinds. Its job keeps them as one file, in the form of a request that holds nothing
/// else.
struct AuditAttachments {
  let message: Dither_V1_AuditRequest
  /// As they are stored; the same attachments, the same bytes.
  let bytes: [UInt8]
  var blob: BlobID { BlobID(Sha256.hash(bytes)) }

  /// - Returns: nil where nothing came with it.
  init?(_ request: Dither_V1_AuditRequest) throws {
    var part = Dither_V1_AuditRequest()
    if case .examples(let examples) = request.data { part.examples = examples }
    if request.hasFeatures { part.features = request.features }
    part.targets = request.targets
    part.otherInputs = request.otherInputs
    guard part != Dither_V1_AuditRequest() else { return nil }
    try self.init(part: part)
  }

  /// - Parameter stored: what a job kept.
  init(stored: [UInt8]) throws { try self.init(part: Dither_V1_AuditRequest(serializedBytes: stored)) }

  private init(part: Dither_V1_AuditRequest) throws {
    var options = BinaryEncodingOptions()
    options.useDeterministicOrdering = true
    message = part
    bytes = try part.serializedBytes(options: options)
  }

  /// Sets of inputs that one request may bring for its probes.
  static let mostOtherInputs = 8

  /// - Parameter most: rows of each of them; nil: no bound.
  /// - Throws: what is too large or cannot be read, with its field.
  func attach(to request: inout AuditRequest, most: Int? = nil) throws {
    func check(_ count: Int, _ field: String) throws(ServiceError) {
      guard let most, count > most else { return }
      throw ServiceError(.badField, at: field, expected: "at most \(most)", got: "\(count)")
    }
    try check(message.targets.count, "targets")
    if !message.targets.isEmpty { request.targets = (message.targets.map(Int.init), "TARGETS.npy") }
    if message.hasFeatures {
      let given = message.features
      request.features = (
        Features(low: given.low, high: given.high, fixed: Set(given.fixed.map(Int.init))), "FEATURES.json"
      )
    }
    guard message.otherInputs.count <= Self.mostOtherInputs else {
      throw ServiceError(
        .badField, at: "other_inputs", expected: "at most \(Self.mostOtherInputs) sets",
        got: "\(message.otherInputs.count)")
    }
    for (name, array) in message.otherInputs {
      let field = "other_inputs['\(name.clipped())']", inputs = try AuditExamples.inputs(array, at: field)
      try check(inputs.rowCount, field)
      request.otherData[name] = inputs
    }
  }
}

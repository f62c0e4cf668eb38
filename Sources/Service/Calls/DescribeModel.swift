import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/DescribeModel`: changes a version's card and tags.
package struct DescribeModelCall: UnaryCall {
  package static let method = Dither_V1_Registry.describeModel
  package static let policy = CallPolicy(role: .publish)

  let registry: ModelRegistry
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    registry = services.registry
    limits = services.limits
  }

  package func answer(_ request: Dither_V1_DescribeModelRequest, _ caller: Caller) async throws -> Dither_V1_Model {
    let version = try await registry.resolveNow(request.model, for: caller.scope)
    var change = DescriptionChange(tags: request.tags, droppedTags: request.droppedTags)
    if case .cardJson(let card)? = request.card {
      try UploadRules.check(card: card, limits)
      change.card = card
    }
    try Tags.check(request.tags)
    guard request.droppedTags.count <= Tags.most else {
      throw ServiceError(
        .badField, at: "dropped_tags", expected: "at most \(Tags.most)", got: "\(request.droppedTags.count)")
    }
    if case .expectedRevision(let number)? = request.expected {
      guard let expected = Int64(exactly: number) else {
        throw ServiceError(.badField, at: "expected_revision", expected: "0 to \(Int64.max)", got: "\(number)")
      }
      change.expected = expected
    }
    return try await Dither_V1_Model(registry.describe(version, change, by: caller.name), in: registry)
  }
}

import DitherProto

/// A line of the repository's index in JSON, with every member: the protocol has `reason` in each, also where it is
/// empty.
struct OipJsonVersion: Encodable {
  private var name: String
  private var version: String
  private var state: String
  private var reason: String

  init(_ index: Inference_RepositoryIndexResponse.ModelIndex) {
    (name, version, state, reason) = (index.name, index.version, index.state, index.reason)
  }
}

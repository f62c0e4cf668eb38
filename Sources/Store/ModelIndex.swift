import DitherBasics

/// All versions at one moment, to be asked without a query.
public struct ModelIndex: Sendable {
  /// By name, newest first.
  public let versions: [ModelVersion]
  private let byName: [String: Range<Int>]
  /// Whether any alias has a candidate.
  public let hasRollouts: Bool

  public init(_ versions: [ModelVersion]) {
    self.versions = versions
    hasRollouts = versions.contains { !$0.rollouts.isEmpty }
    var byName: [String: Range<Int>] = [:]
    for (place, version) in versions.enumerated() {
      byName[version.name] = (byName[version.name]?.lowerBound ?? place)..<place + 1
    }
    self.byName = byName
  }

  /// The same with other versions of a name; none: without the name.
  public func replacing(_ name: String, with versions: [ModelVersion]) -> ModelIndex {
    var all = self.versions
    let place = all.firstIndex { $0.name >= name } ?? all.count
    all.replaceSubrange(byName[name] ?? place..<place, with: versions)
    return ModelIndex(all)
  }

  /// In alphabetical order.
  public var names: [String] { byName.keys.sorted() }

  /// The versions of a name, newest first.
  public func versions(of name: String) -> ArraySlice<ModelVersion> { versions[byName[name] ?? 0..<0] }

  /// - Parameter scope: beyond which nobody is told what is here.
  /// - Throws: `StoreFault.notFound`, with what is there instead, and `.notAllowed`.
  public func resolve(
    _ reference: ModelReference, for scope: NameScope = .all
  ) throws(StoreError) -> ModelVersion {
    if let name = reference.name { try scope.check(model: name) }
    switch reference {
    case .newest(let name):
      if let found = versions(of: name).first { return found }
      throw missing(name, for: scope)
    case .version(let name, let number):
      if let found = versions(of: name).first(where: { $0.version == number }) { return found }
      throw missing(name, "version \(number)", known: versions(of: name).map { "\($0.version)" }, for: scope)
    case .alias(let name, let alias):
      if let found = versions(of: name).first(where: { $0.aliases.contains(alias) }) { return found }
      throw missing(name, "alias '\(alias)'", known: versions(of: name).flatMap(\.aliases), for: scope)
    case .digest(let blob):
      if let found = versions.last(where: { $0.blob == blob && scope.allows($0.name) }) { return found }
      throw StoreError(.notFound, at: "model", expected: "the digest of a model here", got: "\(blob)")
    }
  }

  private func missing(
    _ name: String, _ part: String? = nil, known: [String] = [], for scope: NameScope
  ) -> StoreError {
    guard byName[name] != nil, let part else {
      let near = names.filter { other in
        scope.allows(other)
          && (nearest(to: name, among: [other]) != nil || other.hasPrefix(name) || name.hasPrefix(other))
      }
      let advice = near.isEmpty ? "list the models to see what is here" : "did you mean \(Self.list(near.prefix(3)))?"
      return StoreError(
        .notFound, at: "model", expected: "the name of a model here", got: "'\(name.clipped())'", advice: advice)
    }
    return StoreError(
      .notFound, at: "model '\(name.clipped())'",
      expected: known.isEmpty ? "one that it has" : "one of \(Self.list(known.prefix(8)))",
      got: part, advice: known.isEmpty ? "it has none yet" : nil)
  }

  private static func list(_ words: some Sequence<String>) -> String {
    words.map { "'\($0)'" }.joined(separator: ", ")
  }
}

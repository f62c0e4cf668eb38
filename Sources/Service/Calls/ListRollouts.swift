import DitherBasics
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/ListRollouts`: the candidates that are tried, with what came of it so far.
package struct ListRolloutsCall: UnaryCall {
  package static let method = Dither_V1_Registry.listRollouts
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry

  package init(_ services: Services) { registry = services.registry }

  package func answer(_ request: Dither_V1_ListRolloutsRequest, _ caller: Caller) throws
    -> Dither_V1_ListRolloutsResponse
  {
    let index = registry.current
    var response = Dither_V1_ListRolloutsResponse()
    for (candidate, rollout) in index.trials
    where candidate.name.hasPrefix(request.prefix) && caller.scope.allows(candidate.name) {
      let standing = index.versions(of: candidate.name).first { $0.aliases.contains(rollout.alias) }
      response.rollouts.append(
        .init(candidate, rollout, at: standing, registry.rollouts[Rollouts.Trial(candidate, rollout)]))
    }
    return response
  }
}

extension Dither_V1_ListRolloutsResponse.Rollout {
  fileprivate init(
    _ version: ModelVersion, _ rollout: Rollout, at standing: ModelVersion?, _ figures: Rollouts.Figures
  ) {
    self.init()
    name = version.name
    alias = rollout.alias
    self.version = UInt64(standing?.version ?? 0)
    candidate = UInt64(version.version)
    share = rollout.share
    shadow = rollout.isShadow
    setMs = rollout.setMilliseconds
    setBy = rollout.setBy
    requests = figures.requests
    candidateRequests = figures.chosen
    rows = figures.rows
    differingRows = figures.differing
    meanDistance = figures.rows > 0 ? figures.distanceSum / Double(figures.rows) : 0
    largestDistance = figures.largestDistance
    failures = figures.failures
    skipped = figures.skipped
  }
}

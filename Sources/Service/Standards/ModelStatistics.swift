import DitherProto
import DitherStore
import DitherTransport
import SwiftProtobuf

/// `GRPCInferenceService/ModelStatistics`: what predictions have cost since the server started, at all doors.
package struct ModelStatisticsCall: UnaryCall {
  package static let method = Inference_GRPCInferenceService.modelStatistics
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry
  let statistics: PredictionStatistics

  package init(_ services: Services) {
    registry = services.registry
    statistics = services.statistics
  }

  package func answer(
    _ request: Inference_ModelStatisticsRequest, _ caller: Caller
  ) throws -> Inference_ModelStatisticsResponse {
    var versions = registry.versions(for: caller.scope)[...]
    if !request.name.isEmpty {
      let found = try registry.resolve(
        OipModel.reference(request.name, version: request.version), for: caller.scope)
      versions = request.version.isEmpty ? registry.current.versions(of: found.name) : [found]
    }
    return .with { $0.modelStats = versions.map { Inference_ModelStatistics($0, statistics[$0.reference]) } }
  }
}

extension Inference_ModelStatistics {
  fileprivate init(_ version: ModelVersion, _ figures: PredictionStatistics.Figures) {
    self.init()
    name = version.name
    self.version = "\(version.version)"
    lastInference = figures.lastMilliseconds
    inferenceCount = figures.rows
    executionCount = figures.executions
    inferenceStats.success = .init(figures.success)
    inferenceStats.fail = .init(figures.failure)
    inferenceStats.queue = .init(figures.queued)
    inferenceStats.computeInfer = .init(figures.computed)
    batchStats = figures.batches.sorted { $0.key < $1.key }.map { rows, spent in
      .with {
        $0.batchSize = UInt64(rows)
        $0.computeInfer = .init(spent)
      }
    }
  }
}

extension Inference_StatisticDuration {
  fileprivate init(_ span: PredictionStatistics.Span) {
    self.init()
    count = span.count
    ns = span.nanoseconds
  }
}

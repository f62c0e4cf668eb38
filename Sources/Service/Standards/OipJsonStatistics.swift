import DitherProto

/// Statistics in JSON, with every member: readers count on those that are 0, which protobuf's own JSON leaves out.
struct OipJsonStatistics: Encodable {
  private struct Span: Encodable {
    var count: UInt64
    var ns: UInt64
    init(_ span: Inference_StatisticDuration) { (count, ns) = (span.count, span.ns) }
  }
  private struct Batch: Encodable {
    var batch_size: UInt64
    var compute_infer: Span
  }
  private struct Model: Encodable {
    var name: String
    var version: String
    var last_inference: UInt64
    var inference_count: UInt64
    var execution_count: UInt64
    var inference_stats: [String: Span]
    var batch_stats: [Batch]
  }
  private var model_stats: [Model]

  init(_ message: Inference_ModelStatisticsResponse) {
    model_stats = message.modelStats.map { model in
      let spent = model.inferenceStats
      return Model(
        name: model.name, version: model.version, last_inference: model.lastInference,
        inference_count: model.inferenceCount, execution_count: model.executionCount,
        inference_stats: [
          "success": Span(spent.success), "fail": Span(spent.fail), "queue": Span(spent.queue),
          "compute_input": Span(spent.computeInput), "compute_infer": Span(spent.computeInfer),
          "compute_output": Span(spent.computeOutput), "cache_hit": Span(spent.cacheHit),
          "cache_miss": Span(spent.cacheMiss),
        ],
        batch_stats: model.batchStats.map { Batch(batch_size: $0.batchSize, compute_infer: Span($0.computeInfer)) })
    }
  }
}

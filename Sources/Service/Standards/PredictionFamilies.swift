import DitherStore

extension PredictionStatistics {
  /// Metrics of each version that was asked since the server started, and is still here. The first have
  /// the names that Triton's metrics have, so that dashboards made for those work.
  func families(of registry: ModelRegistry) -> [Metrics.Family] {
    func family(
      _ name: String, _ type: String, _ help: String,
      _ values: @escaping @Sendable (Figures, [(name: String, value: String)]) -> [Metrics.Family.Value]
    ) -> Metrics.Family {
      Metrics.Family(name: name, help: help, type: type) { [self, registry] in
        registry.current.versions.flatMap { version -> [Metrics.Family.Value] in
          let figures = self[version.reference]
          guard figures.success.count + figures.failure.count > 0 else { return [] }
          return values(figures, [("model", version.name), ("version", "\(version.version)")])
        }
      }
    }
    func counter(_ name: String, _ help: String, _ number: @escaping @Sendable (Figures) -> UInt64) -> Metrics.Family {
      family(name, "counter", help) { [.init(labels: $1, number: Double(number($0)))] }
    }
    func histogram(
      _ name: String, _ help: String, _ chosen: @escaping @Sendable (Figures) -> Histogram
    ) -> Metrics.Family {
      family(name, "histogram", help) { Metrics.Family.Value.of(chosen($0), $1) }
    }
    return [
      counter("nv_inference_request_success", "Predictions that were answered.") { $0.success.count },
      counter("nv_inference_request_failure", "Predictions that failed.") { $0.failure.count },
      counter("nv_inference_count", "Rows that were predicted.") { $0.rows },
      counter("nv_inference_exec_count", "Batches that were computed.") { $0.executions },
      counter("nv_inference_request_duration_us", "Time of answered predictions, in all.") {
        $0.success.nanoseconds / 1000
      },
      counter("nv_inference_queue_duration_us", "Time that predictions waited, in all.") {
        $0.queued.nanoseconds / 1000
      },
      counter("nv_inference_compute_infer_duration_us", "Time that predictions were computed, in all.") {
        $0.computed.nanoseconds / 1000
      },
      counter("dither_samples_total", "Monte-Carlo draws, counted for each row.") { $0.drawn },
      histogram("dither_queue_seconds", "Time that a prediction waited.") { $0.queueing },
      histogram("dither_compute_seconds", "Time that a prediction's batch was computed.") { $0.computing },
      histogram("dither_batch_rows", "Rows of a batch.") { $0.batchRows },
      histogram("dither_draws", "Monte-Carlo draws of a prediction.") { $0.draws },
      histogram("dither_predictive_entropy_nats", "Total uncertainty of a row, where it was asked for.") {
        $0.predictiveEntropy
      },
      histogram("dither_mutual_information_nats", "Epistemic uncertainty of a row, where it was asked for.") {
        $0.mutualInformation
      },
      histogram("dither_set_classes", "Classes of a row's prediction set.") { $0.setSizes },
    ]
  }
}

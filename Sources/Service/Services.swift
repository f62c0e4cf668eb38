import DitherBasics
import DitherStore
import Logging

/// All that calls work with: made once, before any door opens, and shared by all.
package final class Services: Sendable {
  package let store: Store
  let registry: ModelRegistry
  let batcher: Batcher
  let metrics: Metrics
  package let audits: JobRunner
  let means: AuditMeans
  let auditThreads: Int
  let limits: ServerConfiguration.Limits
  /// For what waits for the disk, or tries a model out.
  let pool: ComputePool

  package init(_ configuration: ServerConfiguration, log: Logger) throws {
    try configuration.check()
    limits = configuration.limits
    store = try Store(directory: configuration.stateDirectory)
    pool = ComputePool("registry", threads: 2, niceness: 5)
    registry = try ModelRegistry(store: store, pool: pool, limits: limits, precision: configuration.precision)
    let compute = ComputePool("compute", threads: configuration.computeThreads)
    batcher = Batcher(pool: compute, threads: configuration.computeThreads, limits: limits)
    auditThreads = configuration.auditThreads
    let means = AuditMeans(
      store: store, registry: registry, key: try Ed25519.PrivateKey(openOrMake: configuration.reportKeyPath),
      code: configuration.code)
    self.means = means
    audits = JobRunner(
      kind: AuditSpec.kind, jobs: store.jobs, threads: configuration.auditThreads, log: log,
      isBusy: { [batcher] in batcher.isBusy },
      prepare: { job in try AuditWork(job, with: means) })
    metrics = Metrics(gauges: [
      .init(name: "dither_queued_requests", help: "Predictions that wait.") { [batcher] in Double(batcher.depth) },
      .init(name: "dither_queued_audits", help: "Audits that wait.") { [audits] in Double(audits.queued) },
      .init(name: "dither_loaded_models", help: "Models in memory.") { [registry] in Double(registry.loadedCount) },
      .init(name: "dither_model_versions", help: "Versions in the registry.") { [registry] in
        Double(registry.current.versions.count)
      },
    ])
    if let folder = configuration.modelsDirectory {
      try ModelsFolder(path: folder, registry: registry, limits: limits, log: log).publish()
    }
  }

  /// For those who check reports.
  var reportKey: Ed25519.PublicKey { means.key.publicKey }
}

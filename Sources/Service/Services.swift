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
  /// For what waits for the disk a moment.
  let pool: ComputePool
  /// For what may take seconds and minutes, each with threads of its own, so that none keeps the others waiting: reading
  /// and trying uploaded files; fitting calibrations and corrupting inputs; making audits ready.
  package let trials: ComputePool
  package let fitting: ComputePool
  package let planning: ComputePool
  private let upkeep: Task<Void, Never>

  package init(_ configuration: ServerConfiguration, log: Logger) throws {
    try configuration.check()
    limits = configuration.limits
    store = try Store(directory: configuration.stateDirectory)
    pool = ComputePool("registry", threads: 2, niceness: 5)
    trials = ComputePool("trials", threads: 2, niceness: 5)
    fitting = ComputePool("fitting", threads: 2, niceness: 5)
    planning = ComputePool("planning", threads: 2, niceness: 5)
    let loading = ComputePool("loading", threads: 2, niceness: 5)
    registry = try ModelRegistry(store: store, pool: loading, limits: limits, precision: configuration.precision)
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
    upkeep = Self.upkeep(of: store, on: pool, log)
    if let folder = configuration.modelsDirectory {
      try ModelsFolder(path: folder, registry: registry, limits: limits, log: log).publish()
    }
  }

  deinit { upkeep.cancel() }

  /// Says what lies about, and removes what is no longer needed, now and then.
  private static func upkeep(of store: Store, on pool: ComputePool, _ log: Logger) -> Task<Void, Never> {
    if let unknown = try? store.unknownFiles(), unknown > 0 {
      log.warning(
        "files that the database does not know are kept; if it was replaced by mistake, put it back",
        metadata: ["files": "\(unknown)", "folder": "\(store.directory)/blobs"])
    }
    return Task { [weak store, weak pool] in
      while (try? await Task.sleep(for: .seconds(3600))) != nil, let pool {
        do {
          try await pool.run { [weak store] in try store?.collectGarbage() }
        } catch {
          log.error("old files could not be removed", metadata: ["reason": "\(error)"])
        }
      }
    }
  }

  /// For those who check reports.
  var reportKey: Ed25519.PublicKey { means.key.publicKey }
}

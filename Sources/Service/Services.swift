import DitherBasics
import DitherJobs
import DitherStore
import DitherTensor
import DitherTransport
import Logging

/// All that calls work with: made once, before any door opens, and shared by all.
package final class Services: Sendable {
  package let store: any Store
  let registry: ModelRegistry
  let batcher: Batcher
  /// Predictions that wait.
  package var waitingPredictions: Int { batcher.depth }
  let metrics: Metrics
  /// Counts predictions and drift, behind the answers.
  let books: Bookkeeping
  let statistics: PredictionStatistics
  let teller: PredictionTeller
  /// nil: no spans are sent.
  package let spans: OtlpExporter?
  /// nil: none is kept.
  package let accessLog: AccessLog?
  let readiness = Readiness()
  let replicas: Replicas
  /// The pace of callers that are bounded.
  package let rates: CallerRates
  /// Does audits, and in a worker the other kinds of jobs too.
  package let audits: JobRunner
  /// The records of trainings that the console shows.
  let runs: RunsFolder?
  let means: AuditMeans
  let auditThreads: Int
  let limits: ServerConfiguration.Limits
  let downloads: DownloadRoom
  /// For what may take seconds and minutes, each with threads of its own, so that none keeps the others waiting:
  /// reading and trying uploaded files; fitting calibrations and corrupting inputs; making audits ready.
  package let trials: ComputePool
  package let fitting: ComputePool
  package let planning: ComputePool
  private let upkeep: [Task<Void, Never>]

  /// - Parameters:
  ///   - kind: how others of a shared store shall know this process.
  ///   - rates: those that the doors count by.
  package init(
    _ configuration: ServerConfiguration, kind: Replica.Kind = .server, log: Logger, rates: CallerRates = CallerRates()
  ) async throws {
    try configuration.check()
    self.rates = rates
    limits = configuration.limits
    let accessLog = try configuration.accessLog.map { path throws(ServiceError) in try AccessLog(path: path) }
    let spans = configuration.traces.map { OtlpExporter($0, code: configuration.code, log: log) }
    (self.accessLog, self.spans) = (accessLog, spans)
    runs = try configuration.runsDirectory.map { try RunsFolder($0) }
    downloads = DownloadRoom(most: 2 * configuration.limits.uploadBytes)
    let store: any Store =
      if let open = configuration.openStore { try await open(limits.uploads) } else {
        try SqliteStore(directory: configuration.stateDirectory, uploads: limits.uploads)
      }
    self.store = store
    trials = ComputePool("trials", threads: 2, niceness: 5)
    fitting = ComputePool("fitting", threads: 2, niceness: 5)
    planning = ComputePool("planning", threads: 2, niceness: 5)
    let loading = ComputePool("loading", threads: 2, niceness: 5)
    let books = Bookkeeping(pool: ComputePool("books", threads: 1))
    self.books = books
    teller = PredictionTeller(tracer: spans?.tracer, log: log, slowness: configuration.slowCall)
    let keyring: Keyring? = if let path = configuration.requireSigned { try Keyring(path: path) } else { nil }
    registry = try await ModelRegistry(
      store: store, pool: loading, limits: limits, precision: configuration.precision, keyring: keyring,
      aliasGates: configuration.aliasGates.map { try AliasGates(path: $0) } ?? AliasGates(), quota: configuration.quota)
    // Weak: what waits in the books holds the statistics, and these the books.
    statistics = PredictionStatistics(books) { [weak registry] in
      Set(registry?.current.versions.lazy.map(\.reference) ?? [])
    }
    let compute = ComputePool("compute", threads: configuration.computeThreads)
    batcher = Batcher(pool: compute, threads: configuration.computeThreads, limits: limits)
    auditThreads = configuration.auditThreads
    let means = AuditMeans(
      store: store, registry: registry, key: try await Self.reportKey(configuration, store),
      code: configuration.code, pool: planning, tracer: spans?.tracer)
    self.means = means
    let computeClass = "\(ComputeClass.current), \(configuration.precision)"
    replicas = Replicas(store, kind: kind, code: configuration.code ?? "dither", computeClass: computeClass)
    let audit = WorkKind(AuditSpec.kind, maker: "\(configuration.code ?? "dither"), \(computeClass)") { job in
      try await AuditWork.make(job, with: means)
    }
    audits = JobRunner(
      [audit] + configuration.moreWork, jobs: store.jobs, threads: configuration.auditThreads,
      lease: configuration.lease, silence: store.isShared ? JobRunner.sharedSilence : .zero,
      // A worker answers nobody: it is all that its processors do.
      niceness: kind == .server ? 10 : 0, isBusy: { [batcher] in batcher.isBusy }, note: { log.note($0) })
    let families: [[Metrics.Family]] = [
      Self.gauges(batcher, audits, registry), statistics.families(of: registry),
      DriftWatch.families(of: registry, books),
      registry.rollouts.families(of: registry), RateFamilies.all(of: rates), spans?.families ?? [], replicas.families,
      accessLog?.families ?? [],
      ProcessFamilies.all(code: configuration.code ?? "dither"),
    ]
    metrics = Metrics(families.flatMap { $0 })
    upkeep = [
      try await Self.upkeep(of: registry, audits, replicas, in: configuration.stateDirectory, log),
      Self.sweeping(registry, log),
    ]
    Self.tellUnsigned(in: registry, log)
    if let folder = configuration.modelsDirectory {
      try await ModelsFolder(path: folder, registry: registry, limits: limits, log: log).publish()
    }
  }

  deinit { for task in upkeep { task.cancel() } }

  /// Gauges of what waits and of what is held, at this moment.
  private static func gauges(_ batcher: Batcher, _ audits: JobRunner, _ registry: ModelRegistry) -> [Metrics.Family] {
    [
      .gauge("dither_queued_requests", "Predictions that wait.") { Double(batcher.depth) },
      .gauge("dither_queued_audits", "Audits that wait.") { Double(audits.queued) },
      .gauge("dither_loaded_models", "Models in memory.") { Double(registry.loadedCount) },
      .gauge("dither_model_versions", "Versions in the registry.") { Double(registry.current.versions.count) },
    ]
  }

  /// Says which versions a keyring came too late for.
  private static func tellUnsigned(in registry: ModelRegistry, _ log: Logger) {
    guard let keyring = registry.keyring else { return }
    let unsigned = registry.current.versions.filter { !keyring.trusts($0.blob, $0.signatures.map(\.signature)) }
    guard let first = unsigned.first else { return }
    log.warning(
      "versions that nobody of the keyring has signed were here before, and are served",
      metadata: ["versions": "\(unsigned.count)", "first": "\(first.reference)"])
  }

  /// Behind the last call: sends the spans and writes the lines that are on their way, for a moment.
  package func finishTelling() async {
    await spans?.stop()
    await accessLog?.finish()
  }

  /// A key that was named is as it is; the one that is made at the first start is the same for all servers of a store.
  private static func reportKey(
    _ configuration: ServerConfiguration, _ store: any Store
  ) async throws -> Ed25519.PrivateKey {
    let path = configuration.reportKeyPath, made = try Ed25519.PrivateKey(openOrMake: path)
    guard configuration.reportKey == nil else { return made }
    let changed = try await CommonFiles.settle(
      "report key", [path, Ed25519.PrivateKey.publicPath(of: path)], in: store)
    return changed ? try Ed25519.PrivateKey(openOrMake: path) : made
  }

  /// Removes what is no longer needed, now and then. That may take minutes where files are far away, and whoever waits
  /// for all servers shall not wait so long for this one to see a change, nor take it for dead.
  private static func sweeping(_ registry: ModelRegistry, _ log: Logger) -> Task<Void, Never> {
    Task { [weak registry] in
      while true {
        do { try await Task.sleep(for: .seconds(3600)) } catch { return }
        guard let store = registry?.store else { return }
        do {
          try await store.collectGarbage(olderThan: SqliteStore.garbageAge)
          try await store.replicas.forget(silentFor: 3600)
        } catch { log.error("garbage could not be collected", metadata: ["reason": "\(error)"]) }
      }
    }
  }

  /// Says what lies about, and sees what others change in the store.
  private static func upkeep(
    of registry: ModelRegistry, _ audits: JobRunner, _ replicas: Replicas, in directory: String, _ log: Logger
  ) async throws -> Task<Void, Never> {
    let unknown = try await registry.store.unknownFiles()
    if unknown > 0 {
      log.warning(
        "files that the database does not know are kept; if it was replaced by mistake, put it back",
        metadata: ["files": "\(unknown)", "folder": "\(directory)/blobs"])
    }
    // Before any call is taken: who waits for all servers waits for this one too.
    if registry.store.isShared {
      try await registry.follow()
      try await replicas.tell(seen: registry.seenChange)
    }
    return Task { [weak registry, weak audits] in
      var isAway = false, looked: ContinuousClock.Instant?
      while !Task.isCancelled, let (store, number) = registry.map({ ($0.store, $0.seenChange) }) {
        await store.news(since: number)
        guard !Task.isCancelled, let registry, let audits else { return }
        do {
          let news = try await registry.follow()
          try await replicas.tell(seen: registry.seenChange)
          if store.isShared {
            // Now and then all of them: those that others have left alone, and what was missed.
            let isDue = looked.map { ContinuousClock.now - $0 > .seconds(30) } ?? true
            looked = isDue ? nil : looked
            try await audits.follow(isDue ? nil : news)
            if isDue { looked = .now }
            try await audits.tellProgress()
          }
          if isAway { log.notice("the store can be looked after again") }
          isAway = false
        } catch {
          if !isAway { log.error("the store could not be looked after", metadata: ["reason": "\(error)"]) }
          (isAway, looked) = (true, nil)
          try? await Task.sleep(for: .seconds(1))
        }
      }
    }
  }

  /// For those who check reports.
  var reportKey: Ed25519.PublicKey { means.key.publicKey }
}

extension Logger {
  fileprivate func note(_ note: JobRunner.Note) {
    switch note {
    case .goingOn(let job): info("going on", metadata: ["job": "\(job.id)", "subject": "\(job.subject)"])
    case .done(let job): info("done", metadata: ["job": "\(job.id)", "subject": "\(job.subject)"])
    case .failed(let id, let reason): error("failed", metadata: ["job": "\(id)", "reason": "\(reason)"])
    case .notStored(let id, let reason):
      error("the state of a job could not be stored", metadata: ["job": "\(id)", "reason": "\(reason)"])
    case .waiting(let id, let reason):
      warning("the store does not answer, the job waits", metadata: ["job": "\(id)", "reason": "\(reason)"])
    case .leftToOthers(let id, let reason):
      warning(
        "a job needs what is not here, and is left to others", metadata: ["job": "\(id)", "reason": "\(reason)"])
    case .diverged(let id, let shard):
      error(
        "a shard was done twice, with other results: bad memory, or a defect",
        metadata: ["job": "\(id)", "shard": "\(shard)"])
    }
  }
}

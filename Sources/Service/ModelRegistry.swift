import DitherBasics
import DitherGraph
import DitherInference
import DitherJobs
import DitherStore
import DitherTensor
import Foundation
import Synchronization

/// The models that this server has: which there are, answered from memory, and those that are loaded.
package final class ModelRegistry: Sendable {
  /// A model that a call uses, under the version by which it was asked for.
  struct Resolved: Sendable {
    var version: ModelVersion
    var loaded: LoadedModel
    var calibration: KnownCalibration?
    /// For inputs of one size, where the model takes several.
    var sized: Model?
    /// The one that computes.
    var model: Model { sized ?? loaded.model }
  }

  /// The newest of a version.
  struct KnownCalibration: Sendable {
    var number: Int64
    var record: CalibrationRecord
    /// Sees the answers since it was read.
    var watch: DriftWatch?
    var fitted: FittedCalibration { record.fitted }

    init(number: Int64, record: CalibrationRecord) {
      (self.number, self.record) = (number, record)
      watch = DriftWatch(record.fitted)
    }
  }

  private struct Loading {
    var ready: [BlobID: LoadedModel] = [:]
    /// Least recently used first.
    var order: [BlobID] = []
    var waiters: [BlobID: [@Sendable (Result<LoadedModel, any Error>) -> Void]] = [:]
  }

  let store: any Store
  let limits: ServerConfiguration.Limits
  /// For making models of files.
  private let pool: ComputePool
  private let precision: Plan.Precision
  /// nil: nobody need have signed anything.
  let keyring: Keyring?
  let aliasGates: AliasGates
  let rollouts = Rollouts()
  let quota: OwnerQuota
  private let index: Mutex<ModelIndex>
  private let loading = Mutex(Loading())
  /// Names that were told to leave.
  private let unloaded = Mutex<Set<String>>([])
  /// By version; read once.
  private let calibrations = Mutex(KeptTable<String, KnownCalibration>())
  /// Held while a file and its row come or go together.
  let changes = Turnstiles<Place>()
  enum Place { case registry }
  /// A size of inputs that a model is made for.
  private struct SizeInTheMaking: Hashable {
    var model: ObjectIdentifier
    var rows: [Shape?]
  }
  /// Sizes of models in the making, each once, and who waits for them.
  private let making = Mutex<[SizeInTheMaking: [@Sendable (Result<Model, any Error>) -> Void]]>([:])
  /// As many at once, at most.
  private static let mostMaking = 8
  /// Up to which change of the store the index is known to be right.
  private let seen: Mutex<Int64>
  /// Calls that look in the store for what is not known here.
  private let seekers = Mutex(0)
  private static let mostSeekers = 8

  init(
    store: any Store, pool: ComputePool, limits: ServerConfiguration.Limits, precision: Plan.Precision = .float32,
    keyring: Keyring? = nil, aliasGates: AliasGates = AliasGates(), quota: OwnerQuota = OwnerQuota()
  ) async throws {
    self.keyring = keyring
    self.aliasGates = aliasGates
    self.quota = quota
    self.precision = precision
    self.store = store
    self.pool = pool
    self.limits = limits
    // All that was changed until here is in what is read next, so that no name of it has to be read once more.
    seen = Mutex(try await store.isShared ? store.changes(since: 0).newest : 0)
    index = Mutex(ModelIndex(try await store.models.all()))
  }

  // MARK: which there are

  var current: ModelIndex { index.withLock { $0 } }

  /// - Throws: `StoreFault.notAllowed` for a model that is not within the scope, whether it is here or not.
  func resolve(_ reference: String, for scope: NameScope) throws(StoreError) -> ModelVersion {
    try current.resolve(ModelReference(reference), for: scope)
  }

  /// All versions that a caller may see.
  func versions(for scope: NameScope) -> [ModelVersion] {
    let all = current.versions
    return scope.isAll ? all : all.filter { scope.allows($0.name) }
  }

  /// The trial of a candidate that a request is part of, which is counted.
  /// - Parameters:
  ///   - reference: as it was asked for; a trial is of an alias.
  ///   - scope: the caller's.
  /// - Returns: nil where it is for the alias's own version alone.
  func trial(of reference: String, for scope: NameScope) -> (Rollouts.Trial, isShadow: Bool)? {
    let index = current
    guard index.hasRollouts, case .alias(let name, let alias)? = try? ModelReference(reference),
      scope.allows(name),
      let (candidate, rollout) = index.candidate(for: alias, of: name)
    else { return nil }
    let trial = Rollouts.Trial(candidate, rollout)
    let isChosen = rollouts.takes(trial, share: rollout.share) {
      Set(index.trials.lazy.map { Rollouts.Trial($0.version, $0.rollout) })
    }
    guard isChosen else { return nil }
    return (trial, rollout.isShadow)
  }

  /// - Returns: false where the model was told to leave.
  func isAvailable(_ version: ModelVersion) -> Bool { unloaded.withLock { !$0.contains(version.name) } }

  /// The model answers nobody in this process until it is taken back. Calls that use it go on.
  func unload(_ name: String) {
    unloaded.withLock { _ = $0.insert(name) }
    // A file that other names have too stays.
    let versions = current.versions, others = Set(versions.filter { $0.name != name }.map(\.blob))
    for blob in Set(versions.filter { $0.name == name }.map(\.blob)).subtracting(others) { forget(blob) }
  }

  func takeBack(_ name: String) { unloaded.withLock { _ = $0.remove(name) } }

  func forget(_ blob: BlobID) {
    loading.withLock { loading in
      loading.ready[blob] = nil
      loading.order.removeAll { $0 == blob }
    }
  }

  /// After every change of the store, behind the turnstile.
  /// - Parameter names: that were changed; nil: any.
  func refresh(_ names: Set<String>?) async throws(StoreError) {
    guard let names else {
      let fresh = ModelIndex(try await store.models.all())
      return index.withLock { $0 = fresh }
    }
    for name in names {
      let versions = try await store.models.versions(of: name)
      index.withLock { $0 = $0.replacing(name, with: versions) }
    }
  }

  /// The change of the store up to which the index is known to be right.
  var seenChange: Int64 { seen.withLock { $0 } }

  /// Reads again what others have changed.
  /// - Returns: the jobs among it; nil: any may be.
  @discardableResult
  func follow() async throws -> Set<String>? {
    let news = try await catchUp()
    seen.withLock { $0 = news.newest }
    return news.names(.job)
  }

  /// Reads again the models that others have changed; the changes are still to be followed.
  private func catchUp() async throws -> StoreChanges {
    let since = seenChange, news = try await store.changes(since: since)
    let models = news.names(.model)
    if news.newest != since, models?.isEmpty != true { try await changes.pass(.registry) { try await refresh(models) } }
    return news
  }

  // MARK: what another server has just changed

  /// Reads what others have changed, if the store can be asked.
  func freshen() async { if store.isShared { _ = try? await catchUp() } }

  /// A version as the store knows it now, for those who are about to change something.
  func resolveNow(_ reference: String, for scope: NameScope) async throws -> ModelVersion {
    if store.isShared { _ = try await catchUp() }
    return try resolve(reference, for: scope)
  }

  /// A version; one that is not known here is looked for in the store, where another server may have put it just now.
  func find(_ reference: String, for scope: NameScope) async throws -> ModelVersion {
    do throws(StoreError) { return try resolve(reference, for: scope) } catch {
      guard isWorthSeeking(error) else { throw error }
    }
    // Whoever asks for what is nowhere shall not keep others from the database.
    guard
      seekers.withLock({ seekers in
        defer { seekers = min(seekers + 1, Self.mostSeekers) }
        return seekers < Self.mostSeekers
      })
    else { return try resolve(reference, for: scope) }
    defer { seekers.withLock { $0 -= 1 } }
    _ = try? await catchUp()
    return try resolve(reference, for: scope)
  }

  private func isWorthSeeking(_ error: StoreError) -> Bool { error.code == .notFound && store.isShared }

  /// - Throws: `StoreFault.corrupt` where it is no longer what was stored.
  func calibration(of version: ModelVersion) throws(StoreError) -> KnownCalibration? {
    guard let stored = version.calibration else { return nil }
    if let known = calibrations.withLock({ $0[version.reference] }), known.number == stored.number { return known }
    guard let record = try? JSONDecoder().decode(CalibrationRecord.self, from: Data(stored.content)) else {
      throw StoreError(
        .corrupt, at: "calibration \(stored.number) of \(version.reference)", expected: "what was stored",
        got: "something else", advice: "calibrate the version again")
    }
    let known = KnownCalibration(number: stored.number, record: record)
    // Two may read it at once: one counts.
    let index = current
    return calibrations.withLock { all in
      all.change(version.reference, default: known, among: { Set(index.versions.lazy.map(\.reference)) }) { kept in
        if kept.number != stored.number { kept = known }
        return kept
      }
    }
  }

  /// Each version that is here and was asked since its newest calibration, by name.
  var watched: [(version: ModelVersion, watch: DriftWatch)] {
    let known = calibrations.withLock { $0 }
    return current.versions.compactMap { version in
      known[version.reference].flatMap { found in
        found.number == version.calibration?.number ? found.watch.map { (version, $0) } : nil
      }
    }
  }

  // MARK: loading

  var loadedCount: Int { loading.withLock { $0.ready.count } }

  /// Gives the model to `body`: here and now when it is loaded, else from a background thread. A model that several
  /// calls wait for is loaded once.
  /// - Parameters:
  ///   - scope: the caller's.
  ///   - noise: the terms of a noise in place of its own, few and short; a calibration is of its own, and left out.
  ///     None: its own.
  func withModel(
    _ reference: String, for scope: NameScope, drawing noise: [String] = [],
    _ body: @escaping @Sendable (Result<Resolved, any Error>) -> Void
  ) {
    do throws(StoreError) { give(try resolve(reference, for: scope), drawing: noise, body) } catch {
      guard isWorthSeeking(error) else { return body(.failure(error)) }
      Task {
        do { give(try await find(reference, for: scope), drawing: noise, body) } catch { body(.failure(error)) }
      }
    }
  }

  private func give(
    _ version: ModelVersion, drawing noise: [String], _ body: @escaping @Sendable (Result<Resolved, any Error>) -> Void
  ) {
    let calibration: KnownCalibration?
    do {
      guard isAvailable(version) else {
        throw ServiceError(
          .unloaded, at: "model '\(version.name.clipped())'", expected: "a model that is loaded",
          got: "one that was unloaded",
          advice: "load it again: RepositoryModelLoad")
      }
      calibration = try noise.isEmpty ? self.calibration(of: version) : nil
    } catch { return body(.failure(error)) }
    let hand: @Sendable (Result<LoadedModel, any Error>) -> Void = { result in
      body(result.map { Resolved(version: version, loaded: $0, calibration: calibration) })
    }
    guard !noise.isEmpty else { return load(version.blob, hand) }
    load(version.blob) { [pool] result in
      switch result {
      case .failure: hand(result)
      case .success(let own): own.noisy.model(drawing: noise, of: own, on: pool, hand)
      }
    }
  }

  /// Gives the model for inputs of this size to `body`: here and now where the size is known or the model has one, else
  /// from a background thread.
  func withSize(
    of inputs: [InputArray], _ resolved: Resolved, _ body: @escaping @Sendable (Result<Resolved, any Error>) -> Void
  ) {
    let model = resolved.loaded.model
    @Sendable func found(_ sized: Model) -> Resolved {
      var found = resolved
      found.sized = sized
      return found
    }
    let rows = inputs.rowShapes(for: model.signature)
    let size = SizeInTheMaking(model: ObjectIdentifier(model), rows: rows), isFirst: Bool
    do {
      if let known = try model.known(for: rows) { return body(.success(found(known))) }
      isFirst = try making.withLock { making throws(ServiceError) in
        guard making[size] != nil || making.count < Self.mostMaking else {
          throw ServiceError(
            .overloaded, at: "inputs", expected: "at most \(Self.mostMaking) sizes of inputs in the making",
            got: "another", advice: "try again later", retryAfterMilliseconds: 100)
        }
        making[size, default: []].append { body($0.map { found($0) }) }
        return making[size]?.count == 1
      }
    } catch { return body(.failure(error)) }
    guard isFirst else { return }
    pool.submit { [self] in
      let result = Result { try model.sized(for: rows) }
      for waiter in making.withLock({ $0.removeValue(forKey: size) }) ?? [] { waiter(result) }
    }
  }

  private func load(_ blob: BlobID, _ hand: @escaping @Sendable (Result<LoadedModel, any Error>) -> Void) {
    let (ready, isFirst) = loading.withLock { loading -> (LoadedModel?, Bool) in
      if let found = loading.ready[blob] {
        if loading.order.last != blob {
          loading.order.removeAll { $0 == blob }
          loading.order.append(blob)
        }
        return (found, false)
      }
      loading.waiters[blob, default: []].append(hand)
      return (nil, loading.waiters[blob]?.count == 1)
    }
    if let ready { return hand(.success(ready)) }
    guard isFirst else { return }
    Task {
      let result: Result<LoadedModel, any Error>
      do { result = .success(try await read(blob)) } catch { result = .failure(error) }
      for waiter in finishLoading(blob, result) { waiter(result) }
    }
  }

  func model(_ reference: String, for scope: NameScope) async throws -> Resolved {
    try await withCheckedThrowingContinuation { continuation in
      withModel(reference, for: scope) { continuation.resume(with: $0) }
    }
  }

  func load(_ blob: BlobID) async throws -> LoadedModel {
    try await withCheckedThrowingContinuation { continuation in load(blob) { continuation.resume(with: $0) } }
  }

  private func read(_ blob: BlobID) async throws -> LoadedModel {
    let (graph, bytes) = try await graph(blob), precision = precision
    return try await pool.run {
      LoadedModel(blob: blob, bytes: bytes, model: try Model(graph, precision: precision))
    }
  }

  /// With the number of the file's bytes, which are let go of before the model is made.
  private func graph(_ blob: BlobID) async throws -> (Graph, bytes: Int) {
    let bytes = try await store.blobs.read(blob)
    return (try await pool.run { try Graph(onnx: bytes) }, bytes.count)
  }

  private func finishLoading(
    _ blob: BlobID, _ result: Result<LoadedModel, any Error>
  ) -> [@Sendable (Result<LoadedModel, any Error>) -> Void] {
    loading.withLock { loading in
      if case .success(let model) = result {
        loading.ready[blob] = model
        loading.order.removeAll { $0 == blob }
        loading.order.append(blob)
        var bytes = loading.ready.values.reduce(0) { $0 + $1.bytes }
        while bytes > limits.loadedModelBytes, loading.order.count > 1 {
          bytes -= loading.ready.removeValue(forKey: loading.order.removeFirst())?.bytes ?? 0
        }
      }
      return loading.waiters.removeValue(forKey: blob) ?? []
    }
  }
}

extension StoreChanges {
  /// Names of one kind; nil: any may be among them.
  fileprivate func names(_ kind: StoreChange.Kind) -> Set<String>? {
    changes.map { Set($0.filter { $0.kind == kind }.map(\.name)) }
  }
}

import DitherBasics
import DitherGraph
import DitherInference
import DitherStore
import Foundation
import Synchronization

/// The models that this server has: which there are, answered from memory, and those that are loaded.
final class ModelRegistry: Sendable {
  /// A model that a call uses, under the version by which it was asked for.
  struct Resolved: Sendable {
    var version: ModelVersion
    var loaded: LoadedModel
    var calibration: KnownCalibration?
  }

  /// The newest of a version.
  struct KnownCalibration: Sendable {
    var number: Int64
    var record: CalibrationRecord
    var fitted: ModelCalibration { record.calibration }
  }

  private struct Loading {
    var ready: [BlobID: LoadedModel] = [:]
    /// Least recently used first.
    var order: [BlobID] = []
    var waiters: [BlobID: [@Sendable (Result<LoadedModel, any Error>) -> Void]] = [:]
  }

  let store: Store
  private let limits: ServerConfiguration.Limits
  /// For what waits for the disk.
  private let pool: ComputePool
  private let precision: Plan.Precision
  private let index: Mutex<ModelIndex>
  private let loading = Mutex(Loading())
  /// By version; read once.
  private let calibrations = Mutex<[String: KnownCalibration]>([:])
  /// Held while a file and its row come or go together.
  private let changes = Mutex(())

  init(
    store: Store, pool: ComputePool, limits: ServerConfiguration.Limits, precision: Plan.Precision = .float32
  ) throws {
    self.precision = precision
    self.store = store
    self.pool = pool
    self.limits = limits
    index = Mutex(ModelIndex(try store.models.all()))
  }

  // MARK: which there are

  var current: ModelIndex { index.withLock { $0 } }

  func resolve(_ reference: String) throws(StoreError) -> ModelVersion {
    try current.resolve(ModelReference(reference))
  }

  /// After every change of the store.
  private func refresh() throws(StoreError) {
    let fresh = ModelIndex(try store.models.all())
    index.withLock { $0 = fresh }
  }

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
    calibrations.withLock { $0[version.reference] = known }
    return known
  }

  // MARK: loading

  var loadedCount: Int { loading.withLock { $0.ready.count } }

  /// Gives the model to `body`: here and now when it is loaded, else from a background thread. A model that several calls
  /// wait for is loaded once.
  func withModel(_ reference: String, _ body: @escaping @Sendable (Result<Resolved, any Error>) -> Void) {
    let version: ModelVersion, calibration: KnownCalibration?
    do {
      version = try resolve(reference)
      calibration = try self.calibration(of: version)
    } catch { return body(.failure(error)) }
    let hand: @Sendable (Result<LoadedModel, any Error>) -> Void = { result in
      body(result.map { Resolved(version: version, loaded: $0, calibration: calibration) })
    }
    let blob = version.blob
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
    if isFirst {
      pool.submit { [self] in
        let result = Result { try read(blob) }
        for waiter in finishLoading(blob, result) { waiter(result) }
      }
    }
  }

  func model(_ reference: String) async throws -> Resolved {
    try await withCheckedThrowingContinuation { continuation in
      withModel(reference) { continuation.resume(with: $0) }
    }
  }

  /// On a thread that may wait.
  func load(_ blob: BlobID) throws -> LoadedModel {
    if let found = loading.withLock({ $0.ready[blob] }) { return found }
    let result = Result { try read(blob) }
    for waiter in finishLoading(blob, result) { waiter(result) }
    return try result.get()
  }

  private func read(_ blob: BlobID) throws -> LoadedModel {
    let bytes = try store.blobs.read(blob)
    return LoadedModel(blob: blob, bytes: bytes.count, model: try Model(onnx: bytes, precision: precision))
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

  // MARK: changes. On a thread that may wait.

  /// Publishes a file that `CheckedModel` has found good.
  /// - Parameter place: puts the file into the blob store.
  func publish(
    _ model: CheckedModel, blob: BlobID, name: String, card: String, aliases: [String], by author: String,
    place: () throws -> Void
  ) throws -> (version: ModelVersion, existed: Bool) {
    let new = NewModel(
      name: name, blob: blob, bytes: model.bytes, card: card, signature: model.signatureJson, noise: model.noiseJson,
      defaultSamples: model.defaultSamples)
    return try changes.withLock { _ in
      try place()
      do {
        let published = try store.models.publish(new, aliases: aliases, by: author)
        try refresh()
        return published
      } catch {
        _ = try? store.release([blob])
        throw error
      }
    }
  }

  func setAlias(_ alias: String, of name: String, to version: Int64, by author: String) throws -> ModelVersion {
    let found = try store.models.setAlias(alias, of: name, to: version, by: author)
    try refresh()
    return found
  }

  func calibrate(_ version: ModelVersion, _ record: CalibrationRecord, by author: String) throws -> ModelVersion {
    let found = try store.models.calibrate(
      version.name, version: version.version, Array(jsonText(record).utf8), by: author)
    try refresh()
    return found
  }

  /// Keeps every file where it is while `body` makes a job that needs some of them.
  func keepingFiles<Value>(_ body: () throws -> Value) throws -> Value {
    try changes.withLock { _ in try body() }
  }

  /// A version in use is unloaded when its last call ends.
  /// - Returns: how many versions went.
  func remove(_ name: String, version: Int64?, by author: String) throws -> Int {
    try changes.withLock { _ in
      let gone = try store.models.remove(name, version: version, by: author)
      try refresh()
      for blob in try store.release(Set(gone.map(\.blob))) {
        loading.withLock { loading in
          loading.ready[blob] = nil
          loading.order.removeAll { $0 == blob }
        }
      }
      return gone.count
    }
  }
}

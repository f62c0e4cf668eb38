import DitherBasics
import DitherStore

/// Changes of the store by calls, each behind the turnstile and seen by the next call.
extension ModelRegistry {
  /// Publishes a file that `CheckedModel` has found good.
  /// - Parameter place: puts the file into the blob store.
  func publish(
    _ model: CheckedModel, blob: BlobID, name: String, card: String, _ terms: PublicationTerms, by author: String,
    place: () async throws -> Void
  ) async throws -> (version: ModelVersion, existed: Bool) {
    try checkSigned(blob, terms.signatures, at: "model '\(name)'")
    for alias in terms.aliases { try aliasGates.checkFree(alias) }
    let new = NewModel(
      name: name, blob: blob, bytes: model.bytes, card: card, signature: model.signatureJson, noise: model.noiseJson,
      defaultSamples: model.defaultSamples)
    return try await changes.pass(.registry) {
      try await place()
      do {
        let published = try await store.models.publish(new, terms, by: author)
        try await refresh(terms.signatures.isEmpty ? [name] : names(of: blob).union([name]))
        return published
      } catch {
        _ = try? await store.release([blob])
        throw error
      }
    }
  }

  /// - Parameter terms: their audit is known to have passed what the alias asks for.
  func setAlias(
    _ alias: String, of name: String, to version: Int64, _ terms: AliasTerms = AliasTerms(), by author: String
  ) async throws -> ModelVersion {
    if terms.audit == nil { try aliasGates.checkFree(alias) }
    return try await changes.pass(.registry) {
      if keyring != nil {
        func isMeant(_ known: ModelVersion) -> Bool { known.version == version }
        // Others that share the store may have published it a moment ago.
        if !current.versions(of: name).contains(where: isMeant) { try await refresh([name]) }
        if let found = current.versions(of: name).first(where: isMeant) {
          try checkSigned(found.blob, [], at: "model '\(found.reference)'")
        }
      }
      let found = try await store.models.setAlias(alias, of: name, to: version, terms, by: author)
      try await refresh([name])
      return found
    }
  }

  func calibrate(_ version: ModelVersion, _ record: CalibrationRecord, by author: String) async throws -> ModelVersion {
    try await changes.pass(.registry) {
      let found = try await store.models.calibrate(
        version.name, version: version.version, Array(jsonText(record).utf8), by: author)
      try await refresh([version.name])
      return found
    }
  }

  /// - Parameter terms: their audit is known to have passed what the alias asks for.
  func setRollout(
    _ alias: String, to version: ModelVersion, _ terms: RolloutTerms, by author: String
  ) async throws -> ModelVersion {
    // A shadow answers nobody.
    if terms.audit == nil, !terms.isShadow { try aliasGates.checkFree(alias) }
    try checkSigned(version.blob, [], at: "model '\(version.reference)'")
    return try await changes.pass(.registry) {
      let found = try await store.models.setRollout(alias, of: version.name, to: version.version, terms, by: author)
      try await refresh([version.name])
      return found
    }
  }

  func endRollout(_ alias: String, of name: String, by author: String) async throws {
    try await changes.pass(.registry) {
      try await store.models.endRollout(alias, of: name, by: author)
      try await refresh([name])
    }
  }

  /// Keeps a signature that was seen to hold.
  func sign(_ version: ModelVersion, _ signature: FileSignature, by author: String) async throws -> ModelVersion {
    try await changes.pass(.registry) {
      let found = try await store.models.sign(version.name, version: version.version, signature, by: author)
      try await refresh(names(of: version.blob))
      return found
    }
  }

  /// A signature of a file is shown by each of its names.
  private func names(of blob: BlobID) -> Set<String> {
    Set(current.versions.lazy.filter { $0.blob == blob }.map(\.name))
  }

  /// The quota of whoever publishes by a call.
  /// - Throws: where one more version of so many bytes is too much: before it is sent.
  func quota(for author: String, adding bytes: Int) async throws(StoreError) -> OwnerQuota {
    guard quota != OwnerQuota() else { return quota }
    try quota.check(author, held: await store.models.holdings(of: author), adding: bytes)
    return quota
  }

  /// - Parameter signatures: beside those that are on record for the file.
  /// - Throws: where the server takes only what is signed, and this is not.
  func checkSigned(_ blob: BlobID, _ signatures: [FileSignature], at place: String) throws(ServiceError) {
    guard let keyring else { return }
    let known = current.versions.first { $0.blob == blob }?.signatures.map(\.signature) ?? []
    try keyring.check(blob, signatures + known, at: place)
  }

  func describe(_ version: ModelVersion, _ change: DescriptionChange, by author: String) async throws -> ModelVersion {
    try await changes.pass(.registry) {
      let found = try await store.models.describe(version.name, version: version.version, change, by: author)
      try await refresh([version.name])
      return found
    }
  }

  /// Keeps every file where it is while `body` makes a job that needs some of them.
  func keepingFiles<Value>(_ body: () async throws -> Value) async throws -> Value {
    try await changes.pass(.registry, body)
  }

  /// A version in use is unloaded when its last call ends.
  /// - Parameter isFinal: whether it cannot be restored, and what was removed before neither.
  /// - Returns: how many versions went.
  func remove(
    _ name: String, version: Int64?, takingAliases: Bool, isFinal: Bool, by author: String
  ) async throws -> Int {
    let terms = RemovalTerms(takesAliases: takingAliases, kept: isFinal ? .zero : limits.removedKept)
    return try await changes.pass(.registry) {
      let gone = try await store.models.remove(name, version: version, terms, by: author)
      try await refresh([name])
      let blobs = Set(gone.map(\.blob))
      _ = try await store.release(blobs)
      // A file that can be restored is no longer ready either.
      for blob in blobs.subtracting(current.versions.map(\.blob)) { forget(blob) }
      return gone.count
    }
  }

  /// Takes removals back.
  func restore(_ name: String, version: Int64?, by author: String) async throws -> [ModelVersion] {
    try await changes.pass(.registry) {
      if keyring != nil {
        for kept in try await store.models.removed()
        where kept.name == name && (version == nil || kept.version == version) {
          try checkSigned(kept.blob, kept.signatures.map(\.signature), at: "model '\(kept.reference)'")
        }
      }
      let restored = try await store.models.restore(name, version: version, by: author)
      try await refresh([name])
      return restored
    }
  }
}

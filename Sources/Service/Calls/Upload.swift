import DitherBasics
import DitherGraph
import DitherJobs
import DitherProto
import DitherStore
import DitherTransport

/// `Registry/Upload`: a file in pieces. It is hashed as it comes, read within limits, tried, and then made visible in
/// one transaction. A file that is refused leaves nothing; a connection that is lost leaves what came, to go on from.
package struct UploadCall: ClientStreamCall {
  package static let method = Dither_V1_Registry.upload
  package static let policy = CallPolicy(role: .publish, defaultDeadline: .seconds(1800))

  let registry: ModelRegistry
  /// For reading a file that nobody has vouched for, and trying it.
  let trials: ComputePool
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    registry = services.registry
    trials = services.trials
    limits = services.limits
  }

  package typealias Requests = RequestStream<Dither_V1_UploadRequest>

  package func answer(_ requests: Requests, _ caller: Caller) async throws -> Dither_V1_UploadResponse {
    guard case .begin(let begin) = try await requests.next()?.kind else {
      throw ServiceError(.badField, at: "kind", expected: "begin as the first message", got: "something else")
    }
    let blob = try check(begin), signatures = try signatures(begin, of: blob)
    try caller.scope.check(model: begin.name)
    try registry.checkSigned(blob, signatures, at: "model '\(begin.name)'")
    for alias in begin.aliases { try registry.aliasGates.checkFree(alias) }
    if let standing = standing(blob, begin) {
      while try await requests.next() != nil {}
      return try await answer(standing, begin, caller)
    }
    let quota = try await registry.quota(for: caller.name, adding: Int(begin.bytes))
    let terms = PublicationTerms(aliases: begin.aliases, signatures: signatures, quota: quota)
    let blobs = registry.store.blobs
    var chunk = try await chunk(requests)
    let isNew = chunk?.offset == 0
    let upload = try await blobs.upload(
      blob, of: begin.name, by: caller.name, bytes: Int(begin.bytes), isNew: isNew)
    do {
      while let piece = chunk {
        try await upload.append(piece.data, at: piece.offset)
        chunk = try await self.chunk(requests)
      }
      try checkWhole(upload)
    } catch let error as StoreError where error.code == .badSize || error.code == .noSpace {
      // An upload that fills the disk is removed: the sender has the file.
      await upload.discard()
      throw error
    } catch let error as StoreError where error.code == .superseded {
      // Whoever took over may have come to the end already.
      guard let standing = standing(blob, begin) else { throw error }
      return try await answer(standing, begin, caller)
    } catch {
      await upload.suspend()
      throw error
    }
    if let standing = standing(blob, begin) {
      await upload.discard()
      return try await answer(standing, begin, caller)
    }
    do {
      try caller.proceed()
    } catch {
      await upload.suspend()
      throw error
    }
    return try await publish(upload, begin, terms, caller)
  }

  /// The version that the name already has of this file and card.
  private func standing(_ blob: BlobID, _ begin: Dither_V1_UploadBegin) -> ModelVersion? {
    registry.current.versions(of: begin.name).first { $0.isSame(file: blob, card: begin.cardJson) }
  }

  private func check(_ begin: Dither_V1_UploadBegin) throws -> BlobID {
    try ModelReference.check(name: begin.name, "name")
    guard (1...UInt64(limits.uploadBytes)).contains(begin.bytes) else {
      throw ServiceError(.badField, at: "bytes", expected: "1 to \(limits.uploadBytes)", got: "\(begin.bytes)")
    }
    guard begin.aliases.count <= 16 else {
      throw ServiceError(.badField, at: "aliases", expected: "at most 16", got: "\(begin.aliases.count)")
    }
    for alias in begin.aliases { try ModelReference.check(alias: alias, "aliases") }
    try UploadRules.check(card: begin.cardJson, limits)
    return try BlobID(begin.sha256)
  }

  private func signatures(_ begin: Dither_V1_UploadBegin, of blob: BlobID) throws -> [FileSignature] {
    try FileSignature.check(count: begin.signatures.count)
    let signatures = try begin.signatures.map { try FileSignature($0) }
    try UploadRules.check(signatures, of: blob)
    return signatures
  }

  /// The name has this file already: only signatures are kept and aliases set.
  private func answer(
    _ standing: ModelVersion, _ begin: Dither_V1_UploadBegin, _ caller: Caller
  ) async throws -> Dither_V1_UploadResponse {
    var version = standing
    for signature in try signatures(begin, of: standing.blob) {
      version = try await registry.sign(standing, signature, by: caller.name)
    }
    for alias in begin.aliases {
      version = try await registry.setAlias(alias, of: standing.name, to: standing.version, by: caller.name)
    }
    return try response(version, existed: true)
  }

  private func chunk(_ requests: Requests) async throws -> Dither_V1_UploadChunk? {
    guard let request = try await requests.next() else { return nil }
    guard case .chunk(let chunk) = request.kind else {
      throw ServiceError(.badField, at: "kind", expected: "chunks after begin", got: "something else")
    }
    return chunk
  }

  /// Bytes that are missing may still come.
  private func checkWhole(_ upload: any Upload) throws {
    guard upload.received == upload.bytes else {
      throw StoreError(
        .offset, at: "upload", expected: "\(upload.bytes) bytes, as announced", got: "\(upload.received)",
        advice: "go on at offset \(upload.received)")
    }
  }

  private func publish(
    _ upload: any Upload, _ begin: Dither_V1_UploadBegin, _ terms: PublicationTerms, _ caller: Caller
  ) async throws -> Dither_V1_UploadResponse {
    do {
      let graph = try await read(upload)
      let checked = try await trials.run { try CheckedModel(graph, bytes: upload.bytes, proceed: caller.proceed) }
      let published = try await registry.publish(
        checked, blob: upload.blob, name: begin.name, card: begin.cardJson,
        terms, by: caller.name
      ) { try await upload.keep() }
      var response = try response(published.version, existed: published.existed)
      response.warnings = checked.warnings
      return response
    } catch {
      await upload.discard()
      throw error
    }
  }

  /// The file's bytes are let go of before the model is made: both are as large as its weights.
  private func read(_ upload: any Upload) async throws -> Graph {
    let bytes = try await upload.finish()
    return try await trials.run { try Graph(onnx: bytes, limits: .uploaded) }
  }

  private func response(_ version: ModelVersion, existed: Bool) throws -> Dither_V1_UploadResponse {
    var response = Dither_V1_UploadResponse()
    response.model = try Dither_V1_Model(version, in: registry)
    response.existed = existed
    return response
  }
}

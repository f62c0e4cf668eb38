import DitherProto
import Foundation
import SwiftProtobuf

extension DitherClient {
  /// Answers with uncertainty for each row.
  /// - Throws: `CallError`.
  public func predict(_ request: Dither_V1_PredictRequest, timeout: Duration? = nil) async throws
    -> Dither_V1_PredictResponse
  {
    try await unary(Dither_V1_Inference.predict, request, timeout: timeout)
  }

  // MARK: Robustness

  /// Starts an audit. The stream may be left: the audit goes on, and `watchAudit` finds it again.
  public func audit(_ request: Dither_V1_AuditRequest) -> AsyncThrowingStream<Dither_V1_AuditEvent, any Error> {
    stream(Dither_V1_Robustness.audit, request)
  }
  /// The events of an audit from its beginning; ends with its report.
  public func watchAudit(_ audit: String) -> AsyncThrowingStream<Dither_V1_AuditEvent, any Error> {
    stream(Dither_V1_Robustness.watchAudit, Dither_V1_WatchAuditRequest.with { $0.audit = audit })
  }
  /// Stops an audit; what was done stays in its journal.
  public func cancelAudit(_ audit: String) async throws -> Dither_V1_AuditState {
    try await unary(Dither_V1_Robustness.cancelAudit, Dither_V1_CancelAuditRequest.with { $0.audit = audit })
  }
  /// Newest first, of one model or of all.
  /// - Parameters:
  ///   - most: the newest so many alone; nil: all of them.
  ///   - pageSize: audits that one call asks for at most; 0: as many as the server gives.
  public func listAudits(
    of model: String = "", most: Int? = nil, pageSize: Int32 = 0
  ) async throws -> [Dither_V1_AuditState] {
    var audits: [Dither_V1_AuditState] = []
    var request = Dither_V1_ListAuditsRequest.with {
      $0.model = model
      $0.pageSize = pageSize
    }
    repeat {
      let page = try await unary(Dither_V1_Robustness.listAudits, request)
      audits += page.audits
      // A page of none gets nobody further.
      request.pageToken = page.audits.isEmpty ? "" : page.nextPageToken
    } while !request.pageToken.isEmpty && audits.count < most ?? .max
    return Array(audits.prefix(most ?? .max))
  }
  /// A finished audit's report in one of its forms.
  public func report(of audit: String, _ format: Dither_V1_GetReportRequest.Format) async throws -> Dither_V1_Report {
    try await unary(
      Dither_V1_Robustness.getReport,
      Dither_V1_GetReportRequest.with {
        $0.audit = audit
        $0.format = format
      })
  }
  /// The inputs that attacks made in a finished audit which keeps them: by attack, examples in their order.
  public func adversarials(of audit: String) -> AsyncThrowingStream<Dither_V1_AdversarialInputs, any Error> {
    stream(Dither_V1_Robustness.getAdversarials, Dither_V1_GetAdversarialsRequest.with { $0.audit = audit })
  }
  /// The probes and shards of an audit, with an estimate of its time; nothing is run.
  public func planAudit(_ request: Dither_V1_AuditRequest) async throws -> Dither_V1_PlanAuditResponse {
    try await unary(Dither_V1_Robustness.planAudit, request)
  }
  /// Inputs as an audit would corrupt them.
  public func corrupt(_ request: Dither_V1_CorruptRequest) async throws -> Dither_V1_CorruptResponse {
    try await unary(Dither_V1_Robustness.corrupt, request)
  }
  /// All probes with their parameters and batteries.
  public func listProbes() async throws -> Dither_V1_ListProbesResponse {
    try await unary(Dither_V1_Robustness.listProbes, Dither_V1_ListProbesRequest())
  }

  // MARK: Registry

  /// All versions whose names begin with the prefix.
  /// - Parameters:
  ///   - tags: "key" or "key=value", all of which they have.
  ///   - pageSize: versions that one call asks for at most; 0: as many as the server gives.
  public func listModels(
    prefix: String = "", tags: [String] = [], pageSize: Int32 = 0
  ) async throws -> [Dither_V1_Model] {
    try await models(Dither_V1_Registry.listModels, prefix, tags, pageSize)
  }
  /// Versions that were removed and can be restored.
  public func listRemovedModels(
    prefix: String = "", tags: [String] = [], pageSize: Int32 = 0
  ) async throws -> [Dither_V1_Model] {
    try await models(Dither_V1_Registry.listRemovedModels, prefix, tags, pageSize)
  }
  /// All pages of a list.
  private func models(
    _ method: CallMethod<Unary, Dither_V1_ListModelsRequest, Dither_V1_ListModelsResponse>, _ prefix: String,
    _ tags: [String], _ pageSize: Int32
  ) async throws -> [Dither_V1_Model] {
    var models: [Dither_V1_Model] = []
    var request = Dither_V1_ListModelsRequest.with {
      $0.prefix = prefix
      $0.tags = tags
      $0.pageSize = pageSize
    }
    repeat {
      let page = try await unary(method, request)
      models += page.models
      // A page of none gets nobody further.
      request.pageToken = page.models.isEmpty ? "" : page.nextPageToken
    } while !request.pageToken.isEmpty
    return models
  }
  /// One version by `name`, `name@version` or `name:alias`.
  public func model(_ reference: String) async throws -> Dither_V1_Model {
    try await unary(Dither_V1_Registry.getModel, Dither_V1_GetModelRequest.with { $0.model = reference })
  }
  /// Moves an alias to a version, at once for everybody.
  /// - Parameters:
  ///   - model: "name@version".
  ///   - expected: the version that the alias must be at, 0 where there must be none yet; nil: wherever it is.
  ///   - everywhere: whether every live server that shares the database shall have it before this returns.
  ///   - audit: whose gates the version must have passed; nil: none.
  /// - Throws: `CallError` with `.failedPrecondition` when the alias is elsewhere, with `.deadlineExceeded` and names
  ///   when some servers have not seen it in time.
  public func setAlias(
    _ alias: String, to model: String, expectedVersion expected: UInt64? = nil, everywhere: Bool = false,
    requiringGatesOf audit: String? = nil
  ) async throws -> Dither_V1_Model {
    try await unary(
      Dither_V1_Registry.setAlias,
      Dither_V1_SetAliasRequest.with {
        $0.model = model
        $0.alias = alias
        $0.expected = expected.map { .expectedVersion($0) }
        $0.everywhere = everywhere
        $0.requiredAudit = audit ?? ""
      })
  }
  /// Makes a version the candidate of an alias.
  public func setRollout(_ request: Dither_V1_SetRolloutRequest) async throws -> Dither_V1_Model {
    try await unary(Dither_V1_Registry.setRollout, request)
  }
  /// Ends the trial of the candidate of `name:alias`.
  public func endRollout(_ alias: String) async throws {
    _ = try await unary(Dither_V1_Registry.endRollout, Dither_V1_EndRolloutRequest.with { $0.model = alias })
  }
  /// The candidates that are tried, with figures of the server that answers.
  public func listRollouts(prefix: String = "") async throws -> [Dither_V1_ListRolloutsResponse.Rollout] {
    try await unary(Dither_V1_Registry.listRollouts, Dither_V1_ListRolloutsRequest.with { $0.prefix = prefix }).rollouts
  }
  /// Keeps a signature of a version's file with it.
  public func sign(_ model: String, _ signature: Dither_V1_FileSignature) async throws -> Dither_V1_Model {
    try await unary(
      Dither_V1_Registry.signModel,
      Dither_V1_SignModelRequest.with {
        $0.model = model
        $0.signature = signature
      })
  }
  /// The servers and workers that share the server's database, by id.
  public func listReplicas() async throws -> [Dither_V1_Replica] {
    try await unary(Dither_V1_Registry.listReplicas, Dither_V1_ListReplicasRequest()).replicas
  }
  /// Changes a version's card and tags.
  /// - Throws: `CallError` with `.failedPrecondition` when it is at another revision than the request expects.
  public func describe(_ request: Dither_V1_DescribeModelRequest) async throws -> Dither_V1_Model {
    try await unary(Dither_V1_Registry.describeModel, request)
  }
  /// The cards and tags that a version has had, newest first.
  public func listRevisions(of model: String) async throws -> [Dither_V1_ListRevisionsResponse.Revision] {
    var revisions: [Dither_V1_ListRevisionsResponse.Revision] = []
    var request = Dither_V1_ListRevisionsRequest.with { $0.model = model }
    repeat {
      let page = try await unary(Dither_V1_Registry.listRevisions, request)
      revisions += page.revisions
      // A page of none gets nobody further.
      request.pageToken = page.revisions.isEmpty ? "" : page.nextPageToken
    } while !request.pageToken.isEmpty
    return revisions
  }
  /// A version and its file. The bytes are those that came: the caller compares their SHA-256 with the version's
  /// digest.
  /// - Parameter progress: bytes that have come.
  public func download(
    _ model: String, progress: (Int) -> Void = { _ in }
  ) async throws -> (model: Dither_V1_Model, file: [UInt8]) {
    var found: Dither_V1_Model?, file: [UInt8] = []
    let unlikeAnnounced = CallError(.dataLoss, "the server sent other pieces of a file than it had announced")
    for try await part in stream(Dither_V1_Registry.download, Dither_V1_DownloadRequest.with { $0.model = model }) {
      switch part.kind {
      case .model(let model):
        // The pieces before a second one may be too many for its size.
        guard found == nil else { throw unlikeAnnounced }
        found = model
        file.reserveCapacity(Int(clamping: min(model.bytes, 1 << 30)))
      case .chunk(let chunk):
        guard let model = found, chunk.offset == UInt64(file.count),
          UInt64(chunk.data.count) <= model.bytes - chunk.offset
        else { throw unlikeAnnounced }
        file += chunk.data
        progress(file.count)
      case nil: break
      }
    }
    guard let model = found, UInt64(file.count) == model.bytes else {
      throw CallError(.dataLoss, "the server sent \(file.count) bytes of a file, and not all")
    }
    return (model, file)
  }
  /// Fits a temperature and prediction sets on labeled data.
  public func calibrate(_ request: Dither_V1_CalibrateRequest, timeout: Duration? = nil) async throws
    -> Dither_V1_Calibration
  {
    try await unary(Dither_V1_Registry.calibrate, request, timeout: timeout)
  }
  /// Whether a version's recent inputs and answers are distributed as its calibration's were.
  public func drift(_ reference: String) async throws -> Dither_V1_DriftResponse {
    try await unary(Dither_V1_Registry.drift, Dither_V1_DriftRequest.with { $0.model = reference })
  }
  /// Removes versions; returns how many.
  /// - Parameters:
  ///   - force: also one that an alias names, with the alias.
  ///   - purge: they cannot be restored, nor can those that were removed before.
  /// - Throws: `CallError` with `.failedPrecondition` when an alias names one.
  public func remove(_ model: String, force: Bool = false, purge: Bool = false) async throws -> Int {
    let response = try await unary(
      Dither_V1_Registry.removeModel,
      Dither_V1_RemoveModelRequest.with {
        $0.model = model
        $0.force = force
        $0.purge = purge
      })
    return Int(response.removed)
  }
  /// Takes the removal of a version back, or of all of a name that can be restored.
  public func restore(_ model: String) async throws -> [Dither_V1_Model] {
    try await unary(Dither_V1_Registry.restoreModel, Dither_V1_RestoreModelRequest.with { $0.model = model }).models
  }
  /// One page of who did what; only an admin may ask.
  public func listTrail(_ request: Dither_V1_ListTrailRequest) async throws -> Dither_V1_ListTrailResponse {
    try await unary(Dither_V1_Registry.listTrail, request)
  }
  /// How many bytes of an upload the server has, to go on from there.
  public func uploadStatus(name: String, sha256: String) async throws -> Dither_V1_UploadStatus {
    try await unary(
      Dither_V1_Registry.getUpload,
      Dither_V1_GetUploadRequest.with {
        $0.name = name
        $0.sha256 = sha256
      })
  }

  /// Uploads a file in chunks, from where an earlier attempt was cut.
  /// - Parameters:
  ///   - sha256: hex, of the whole file.
  ///   - signatures: over that digest.
  ///   - progress: bytes that the server has.
  public func upload(
    _ file: [UInt8], as name: String, sha256: String, card: String = "", aliases: [String] = [],
    signatures: [Dither_V1_FileSignature] = [], chunk: Int = 256 << 10,
    progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws -> Dither_V1_UploadResponse {
    let received = try await uploadStatus(name: name, sha256: sha256).received
    let start = min(Int(clamping: received), file.count)
    return try await clientStream(Dither_V1_Registry.upload) { send in
      try await send(
        .with {
          $0.begin.name = name
          $0.begin.bytes = UInt64(file.count)
          $0.begin.sha256 = sha256
          $0.begin.cardJson = card
          $0.begin.aliases = aliases
          $0.begin.signatures = signatures
        })
      for offset in stride(from: start, to: file.count, by: chunk) {
        let end = min(offset + chunk, file.count)
        try await send(
          .with {
            $0.chunk.offset = UInt64(offset)
            $0.chunk.data = Data(file[offset..<end])
          })
        progress(end)
      }
    }
  }
}

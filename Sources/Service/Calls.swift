import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import NIOCore

extension Services {
  /// Every call that this server takes, with what it asks of its caller and how long it may take where the caller does not
  /// say. What is not here is refused.
  package var calls: CallTable {
    var table = CallTable(mapError: CallError.init(of:))
    addInference(to: &table)
    addRegistry(to: &table)
    addRobustness(to: &table)
    return table
  }

  private func addInference(to table: inout CallTable) {
    let predict = predict
    table.unary("dither.v1.Inference/Predict", CallPolicy(role: .predict, defaultDeadline: .seconds(30))) {
      (request, context, responder: Responder<Dither_V1_PredictResponse>) in
      predict.start(request, Caller(context)) { result in
        switch result {
        case .success(let response): responder.succeed(response)
        case .failure(let error): responder.fail(error)
        }
      }
    }
  }

  private func addRegistry(to table: inout CallTable) {
    let known = CallPolicy(role: nil, defaultDeadline: .seconds(10))
    let publish = CallPolicy(role: .publish, defaultDeadline: .seconds(30))
    let (listModels, getModel, getUpload) = (listModels, getModel, getUpload)
    let (upload, setAlias, removeModel, calibrate) = (upload, setAlias, removeModel, calibrate)
    table.unary("dither.v1.Registry/ListModels", known) { request, _ in try listModels.answer(request) }
    table.unary("dither.v1.Registry/GetModel", known) { request, _ in try getModel.answer(request) }
    table.unary("dither.v1.Registry/GetUpload", publish) { request, _ in try getUpload.answer(request) }
    table.clientStreaming("dither.v1.Registry/Upload", CallPolicy(role: .publish, defaultDeadline: .minutes(30))) {
      (requests: RequestStream<Dither_V1_UploadRequest>, context) in
      try await upload.answer({ try await requests.next() }, Caller(context))
    }
    table.unary("dither.v1.Registry/SetAlias", publish) { request, context in
      try await setAlias.answer(request, Caller(context))
    }
    table.unary("dither.v1.Registry/Calibrate", CallPolicy(role: .publish, defaultDeadline: .minutes(10))) {
      request, context in
      try await calibrate.answer(request, Caller(context))
    }
    table.unary("dither.v1.Registry/RemoveModel", publish) { request, context in
      try await removeModel.answer(request, Caller(context))
    }
  }

  private func addRobustness(to table: inout CallTable) {
    // An audit takes as long as it takes.
    let stream = CallPolicy(role: .audit, defaultDeadline: nil)
    let short = CallPolicy(role: .audit, defaultDeadline: .seconds(30))
    let (audit, watchAudit, cancelAudit) = (audit, watchAudit, cancelAudit)
    let (listAudits, getReport, listProbes) = (listAudits, getReport, listProbes)
    table.serverStreaming("dither.v1.Robustness/Audit", stream) {
      (request, context, send: ResponseWriter<Dither_V1_AuditEvent>) in
      try await Self.send(try await audit.answer(request, Caller(context)), send)
    }
    table.serverStreaming("dither.v1.Robustness/WatchAudit", stream) {
      (request, _, send: ResponseWriter<Dither_V1_AuditEvent>) in
      try await Self.send(try await watchAudit.answer(request), send)
    }
    table.unary("dither.v1.Robustness/CancelAudit", short) { request, context in
      try await cancelAudit.answer(request, Caller(context))
    }
    table.unary("dither.v1.Robustness/ListAudits", short) { request, _ in try await listAudits.answer(request) }
    table.unary("dither.v1.Robustness/GetReport", short) { request, _ in try await getReport.answer(request) }
    table.unary("dither.v1.Robustness/PlanAudit", short) { [planAudit] request, _ in try await planAudit.answer(request)
    }
    table.unary("dither.v1.Robustness/Corrupt", short) { [corrupt] request, context in
      try await corrupt.answer(request, Caller(context))
    }
    table.unary("dither.v1.Robustness/ListProbes", short) { request, _ in listProbes.answer(request) }
  }

  private static func send(
    _ events: AsyncStream<JobEvent>, _ send: ResponseWriter<Dither_V1_AuditEvent>
  ) async throws {
    var audit = "", isOver = false
    for await event in events {
      if case .state(let job) = event {
        audit = job.id
        isOver = job.state.isFinal
      }
      try await send(Dither_V1_AuditEvent(event, of: audit))
    }
    guard isOver else {
      throw ServiceError(
        .draining, at: "audit '\(audit)'", expected: "a server that goes on", got: "one that is draining",
        advice: "watch the audit when the server is back")
    }
  }
}

extension Caller {
  init(_ context: CallContext) {
    let cancellation = context.cancellation
    self.init(
      name: context.identity?.name ?? "",
      deadline: context.timeLeft.map { ContinuousClock.now + .nanoseconds($0.nanoseconds) },
      isCancelled: { cancellation.isCancelled })
  }
}

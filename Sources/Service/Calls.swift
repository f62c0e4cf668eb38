import DitherBasics
import DitherProto
import DitherTransport
import NIOCore
import SwiftProtobuf
import Tracing

/// One call: what the protos declare, what it asks of its caller, and what it does. A type conforms by way of its kind:
/// `UnaryCall`, `PromptCall`, `ServerStreamCall`, `ClientStreamCall`, `BidirectionalCall`.
package protocol ServedCall: Sendable {
  associatedtype Kind: CallKind
  associatedtype Request: Message
  associatedtype Response: Message
  /// The `rpc`, from `Generated/methods.swift`: its name, kind and messages.
  static var method: CallMethod<Kind, Request, Response> { get }
  /// The role that it takes, and how long it may take where the caller does not say.
  static var policy: CallPolicy { get }
  /// Takes what the call works with.
  init(_ services: Services)
  /// Enters the call; its kind does it.
  func serve(in table: inout CallTable)
  /// Its twins in JSON at the HTTP door, none of a call that takes a stream; its kind makes them.
  func jsonRoutes(bodyBytes: Int) -> [HttpRoute]
}

extension ServedCall {
  package func jsonRoutes(bodyBytes: Int) -> [HttpRoute] { [] }
}

/// The calls of this server. What is not here is refused.
package enum Calls {
  /// A line for each `rpc` in `protos/`, which a test compares.
  package static let all: [any ServedCall.Type] = [
    PredictCall.self,
    ListModelsCall.self, GetModelCall.self, GetUploadCall.self, UploadCall.self, SetAliasCall.self, CalibrateCall.self,
    RemoveModelCall.self, RestoreModelCall.self, ListRemovedModelsCall.self, DriftCall.self, ListReplicasCall.self,
    SetRolloutCall.self, EndRolloutCall.self, ListRolloutsCall.self, SignModelCall.self, DescribeModelCall.self,
    ListRevisionsCall.self, DownloadCall.self, ListTrailCall.self,
    AuditCall.self, WatchAuditCall.self, CancelAuditCall.self, ListAuditsCall.self, GetReportCall.self,
    GetAdversarialsCall.self, PlanAuditCall.self, CorruptCall.self, ListProbesCall.self,
    CheckHealthCall.self, WatchHealthCall.self, ReflectionCall.self, AlphaReflectionCall.self,
    ServerLiveCall.self, ServerReadyCall.self, ModelReadyCall.self, ServerMetadataCall.self, ModelMetadataCall.self,
    ModelInferCall.self, ModelStreamInferCall.self, ModelConfigCall.self, ModelStatisticsCall.self,
    RepositoryIndexCall.self, RepositoryModelLoadCall.self, RepositoryModelUnloadCall.self,
  ]

  static func table(_ services: Services) -> CallTable {
    var table = CallTable(mapError: CallError.init(of:))
    for call in all { call.init(services).serve(in: &table) }
    return table
  }
}

/// One message each way, answered by a task.
package protocol UnaryCall: ServedCall where Kind == Unary {
  func answer(_ request: Request, _ caller: Caller) async throws -> Response
}

/// One message each way, answered by `complete` from whatever thread computes, with no task in between: for calls that
/// are faster than a task's start. `answer` itself is run on an event loop and does not wait.
package protocol PromptCall: ServedCall where Kind == Unary {
  typealias Completion = @Sendable (Result<Response, any Error>) -> Void
  func answer(_ request: Request, _ caller: Caller, _ complete: @escaping Completion)
}

/// One message from the client, a stream from the server, at the pace at which the client takes it.
package protocol ServerStreamCall: ServedCall where Kind == ServerStreaming {
  func answer(_ request: Request, _ caller: Caller, _ send: ResponseWriter<Response>) async throws
}

/// A stream from the client, at the pace at which it is asked for, and one answer.
package protocol ClientStreamCall: ServedCall where Kind == ClientStreaming {
  func answer(_ requests: RequestStream<Request>, _ caller: Caller) async throws -> Response
}

/// A stream each way, in any order. The call ends when `answer` returns, whether the client has sent all it wanted or
/// not.
package protocol BidirectionalCall: ServedCall where Kind == Bidirectional {
  func answer(
    _ requests: RequestStream<Request>, _ caller: Caller, _ send: ResponseWriter<Response>
  ) async throws
}

extension UnaryCall {
  package func serve(in table: inout CallTable) {
    table.serve(Self.method, Self.policy) { request, context in try await answer(request, Caller(context)) }
  }
}

extension PromptCall {
  package func serve(in table: inout CallTable) {
    table.serve(Self.method, Self.policy) { request, context, responder in
      answer(request, Caller(context, thread: context.thread)) { responder.finish($0) }
    }
  }
}

extension ServerStreamCall {
  package func serve(in table: inout CallTable) {
    table.serve(Self.method, Self.policy) { request, context, send in
      try await answer(request, Caller(context), send)
    }
  }
}

extension ClientStreamCall {
  package func serve(in table: inout CallTable) {
    table.serve(Self.method, Self.policy) { requests, context in try await answer(requests, Caller(context)) }
  }
}

extension BidirectionalCall {
  package func serve(in table: inout CallTable) {
    table.serve(Self.method, Self.policy) { requests, context, send in
      try await answer(requests, Caller(context), send)
    }
  }
}

extension Caller {
  /// - Parameter thread: of a call that is answered without a task.
  init(_ context: CallContext, thread: ReadingThread? = nil) {
    let cancellation = context.cancellation
    self.init(
      name: context.identity?.name ?? "", scope: context.identity?.scope ?? .all,
      rates: context.identity?.rates ?? RateBounds(),
      deadline: context.timeLeft.map { ContinuousClock.now + .nanoseconds($0.nanoseconds) },
      isCancelled: { cancellation.isCancelled }, thread: thread, call: context.id, trace: context.span?.context)
  }
}

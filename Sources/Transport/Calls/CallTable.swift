import DitherProto
import Foundation
import NIOCore
import SwiftProtobuf

/// What a call asks of its caller and of the server.
public struct CallPolicy: Sendable {
  /// nil: any caller that is known.
  public var role: Role?
  /// nobody has to be known.
  public var isOpen: Bool
  /// For calls that bring none.
  public var defaultDeadline: TimeAmount?
  public init(role: Role?, isOpen: Bool = false, defaultDeadline: TimeAmount? = .seconds(30)) {
    self.role = role
    self.isOpen = isOpen
    self.defaultDeadline = defaultDeadline
  }
}

/// Takes the one answer of a unary call, from any thread, without waiting.
public struct Responder<Response: Message>: Sendable {
  let finish: @Sendable (Result<Data, any Error>) -> Void
  public func succeed(_ response: Response) {
    finish(Result { try response.serializedData() })
  }
  public func fail(_ error: any Error) { finish(.failure(error)) }
}

/// Sends a stream of answers at the pace at which the client takes them.
public struct ResponseWriter<Response: Message>: Sendable {
  let send: @Sendable (Data) async throws -> Void
  /// - Throws: `CallError` when the call is over.
  public func callAsFunction(_ response: Response) async throws { try await send(response.serializedData()) }
}

/// The messages of a client, at the pace at which they are asked for.
public struct RequestStream<Request: Message>: Sendable {
  let take: @Sendable () async throws -> Data?
  /// - Returns: nil behind the last one.
  /// - Throws: `CallError` when the client has gone or a message does not decode.
  public func next() async throws -> Request? {
    guard let bytes = try await take() else { return nil }
    return try decode(bytes)
  }
}

func decode<Request: Message>(_ bytes: Data) throws(CallError) -> Request {
  do { return try Request(serializedBytes: bytes) } catch {
    throw CallError(.invalidArgument, "the request is no \(Request.protoMessageName) message")
  }
}

/// Every call that a server takes. It is filled once, before any door opens.
public struct CallTable: Sendable {
  struct Entry: Sendable {
    enum Handler: Sendable {
      case unary(@Sendable (Data, CallContext, @escaping @Sendable (Result<Data, any Error>) -> Void) -> Void)
      case serverStreaming(
        @Sendable (Data, CallContext, @escaping @Sendable (Data) async throws -> Void) async throws -> Void)
      case clientStreaming(@Sendable (CallContext, @escaping @Sendable () async throws -> Data?) async throws -> Data)
    }
    let policy: CallPolicy
    let handler: Handler
  }

  private(set) var entries: [String: Entry] = [:]
  /// Turns what handlers throw into what callers see.
  let mapError: @Sendable (any Error) -> CallError

  public init(mapError: @escaping @Sendable (any Error) -> CallError) { self.mapError = mapError }

  public var methods: [String] { entries.keys.sorted() }

  private mutating func add(_ method: String, _ policy: CallPolicy, _ handler: Entry.Handler) {
    precondition(entries[method] == nil, "the call \(method) is registered twice")
    entries[method] = Entry(policy: policy, handler: handler)
  }

  /// A call whose handler answers by its responder, from whatever thread it computes on. The handler itself is run on an
  /// event loop and must not block.
  public mutating func unary<Request: Message, Response: Message>(
    _ method: String, _ policy: CallPolicy,
    _ handler: @escaping @Sendable (Request, CallContext, Responder<Response>) -> Void
  ) {
    add(
      method, policy,
      .unary { bytes, context, finish in
        do throws(CallError) {
          handler(try decode(bytes), context, Responder(finish: finish))
        } catch {
          finish(.failure(error))
        }
      })
  }

  public mutating func unary<Request: Message, Response: Message>(
    _ method: String, _ policy: CallPolicy,
    async handler: @escaping @Sendable (Request, CallContext) async throws -> Response
  ) {
    unary(method, policy) { (request: Request, context: CallContext, responder: Responder<Response>) in
      let task = Task {
        do { responder.succeed(try await handler(request, context)) } catch { responder.fail(error) }
      }
      context.cancellation.onCancel { _ in task.cancel() }
    }
  }

  public mutating func serverStreaming<Request: Message, Response: Message>(
    _ method: String, _ policy: CallPolicy,
    _ handler: @escaping @Sendable (Request, CallContext, ResponseWriter<Response>) async throws -> Void
  ) {
    add(
      method, policy,
      .serverStreaming { bytes, context, send in
        try await handler(decode(bytes), context, ResponseWriter(send: send))
      })
  }

  public mutating func clientStreaming<Request: Message, Response: Message>(
    _ method: String, _ policy: CallPolicy,
    _ handler: @escaping @Sendable (RequestStream<Request>, CallContext) async throws -> Response
  ) {
    add(
      method, policy,
      .clientStreaming { context, take in
        try await handler(RequestStream(take: take), context).serializedData()
      })
  }
}

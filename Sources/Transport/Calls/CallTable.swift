import DitherProto
import Foundation
import NIOCore
import SwiftProtobuf

/// A call's demands on its caller and on the server.
public struct CallPolicy: Sendable {
  /// nil: any caller that is known.
  public var role: Role?
  /// nobody has to be known.
  public var isOpen: Bool
  /// For calls that bring none. nil: they may take as long as they take.
  public var defaultDeadline: Duration?
  /// Answered while the server drains or is full too, and counted among no calls in flight.
  public var isVital: Bool
  /// - Parameters:
  ///   - role: nil: any caller that is known.
  ///   - isOpen: whether unknown callers are let in.
  ///   - defaultDeadline: where the client names none.
  ///   - isVital: whether it is answered in a drain and when full.
  public init(role: Role?, isOpen: Bool = false, defaultDeadline: Duration? = .seconds(30), isVital: Bool = false) {
    self.role = role
    self.isOpen = isOpen
    self.defaultDeadline = defaultDeadline
    self.isVital = isVital
  }
}

/// Takes the one answer of a unary call, from any thread, without waiting.
public struct Responder<Response: Message>: Sendable {
  let send: @Sendable (Result<Data, any Error>) -> Void
  /// Once; what comes later is dropped.
  public func finish(_ result: Result<Response, any Error>) {
    send(result.flatMap { response in Result { try response.serializedData() } })
  }
  /// Once; what comes later is dropped.
  public func succeed(_ response: Response) { finish(.success(response)) }
  /// Once; what comes later is dropped.
  public func fail(_ error: any Error) { finish(.failure(error)) }
}

/// Sends a stream of answers at the pace at which the client takes them.
public struct ResponseWriter<Response: Message>: Sendable {
  private let send: @Sendable (Response) async throws -> Void
  /// - Parameter send: returns when the next may be sent.
  public init(_ send: @escaping @Sendable (Response) async throws -> Void) { self.send = send }
  /// - Throws: `CallError` when the call is over.
  public func callAsFunction(_ response: Response) async throws { try await send(response) }
}

/// The messages of a client, at the pace at which they are asked for.
public struct RequestStream<Request: Message>: Sendable {
  private let take: @Sendable () async throws -> Request?
  /// - Parameter take: waits for the next message; nil behind the last one.
  public init(_ take: @escaping @Sendable () async throws -> Request?) { self.take = take }
  /// - Returns: nil behind the last one.
  /// - Throws: `CallError` when the client has gone or a message does not decode.
  public func next() async throws -> Request? { try await take() }
}

/// - Parameter bytes: nil counts as the empty message; `CallState` runs no handler without its request.
func decode<Request: Message>(_ bytes: Data?) throws(CallError) -> Request {
  do { return try Request(serializedBytes: bytes ?? Data()) } catch {
    throw CallError(.invalidArgument, "the request is no \(Request.protoMessageName) message")
  }
}

/// The port of a handler that runs in a task. Bytes of messages, not yet decoded.
struct CallPort: Sendable {
  /// nil: nothing follows.
  let take: @Sendable () async throws -> Data?
  let send: @Sendable (Data) async throws -> Void
}

/// Every call that a server takes. It is filled once, before any door opens.
public struct CallTable: Sendable {
  struct Entry: Sendable {
    enum Handler: Sendable {
      /// Answers from whatever thread it computes on; run on the event loop, and must not block.
      case prompt(@Sendable (Data, CallContext, @escaping @Sendable (Result<Data, any Error>) -> Void) -> Void)
      /// Runs in a task, with its one request unless the client sends a stream, and returns its one answer unless it
      /// has sent a stream.
      case task(@Sendable (Data?, CallContext, CallPort) async throws -> Data?)
    }
    let policy: CallPolicy
    let shape: CallShape
    let handler: Handler
  }

  private(set) var entries: [String: Entry] = [:]
  /// Turns what handlers throw into what callers see.
  let mapError: @Sendable (any Error) -> CallError

  /// - Parameter mapError: what a call's error becomes on the wire.
  public init(mapError: @escaping @Sendable (any Error) -> CallError) { self.mapError = mapError }

  /// In alphabetical order.
  public var methods: [String] { entries.keys.sorted() }

  private mutating func add(_ method: some AnyCallMethod, _ policy: CallPolicy, _ handler: Entry.Handler) {
    precondition(entries[method.name] == nil, "the call \(method.name) is registered twice")
    entries[method.name] = Entry(policy: policy, shape: method.shape, handler: handler)
  }

  /// A call whose handler answers by its responder, from whatever thread it computes on. The handler itself is run on
  /// an event loop and must not block.
  public mutating func serve<Request: Message, Response: Message>(
    _ method: CallMethod<Unary, Request, Response>, _ policy: CallPolicy,
    _ handler: @escaping @Sendable (Request, CallContext, Responder<Response>) -> Void
  ) {
    add(
      method, policy,
      .prompt { bytes, context, finish in
        do throws(CallError) { handler(try decode(bytes), context, Responder(send: finish)) } catch {
          finish(.failure(error))
        }
      })
  }

  /// A unary call whose handler runs in a task of its own, which ends when the call does.
  public mutating func serve<Request: Message, Response: Message>(
    _ method: CallMethod<Unary, Request, Response>, _ policy: CallPolicy,
    async handler: @escaping @Sendable (Request, CallContext) async throws -> Response
  ) { add(method, policy, .task { bytes, context, _ in try await handler(decode(bytes), context).serializedData() }) }

  /// A call that answers with a stream.
  public mutating func serve<Request: Message, Response: Message>(
    _ method: CallMethod<ServerStreaming, Request, Response>, _ policy: CallPolicy,
    _ handler: @escaping @Sendable (Request, CallContext, ResponseWriter<Response>) async throws -> Void
  ) {
    add(
      method, policy,
      .task { bytes, context, port in
        try await handler(decode(bytes), context, ResponseWriter(port))
        return nil
      })
  }

  /// A call that takes a stream.
  public mutating func serve<Request: Message, Response: Message>(
    _ method: CallMethod<ClientStreaming, Request, Response>, _ policy: CallPolicy,
    _ handler: @escaping @Sendable (RequestStream<Request>, CallContext) async throws -> Response
  ) {
    add(method, policy, .task { _, context, port in try await handler(RequestStream(port), context).serializedData() })
  }

  /// A call that takes a stream and answers with one, in any order. It ends when its handler returns, whether the
  /// client has sent all it wanted or not.
  public mutating func serve<Request: Message, Response: Message>(
    _ method: CallMethod<Bidirectional, Request, Response>, _ policy: CallPolicy,
    _ handler: @escaping @Sendable (RequestStream<Request>, CallContext, ResponseWriter<Response>) async throws -> Void
  ) {
    add(
      method, policy,
      .task { _, context, port in
        try await handler(RequestStream(port), context, ResponseWriter(port))
        return nil
      })
  }
}

extension ResponseWriter {
  fileprivate init(_ port: CallPort) { self.init { try await port.send($0.serializedData()) } }
}

extension RequestStream { fileprivate init(_ port: CallPort) { self.init { try await port.take().map(decode) } } }

import DitherProto
import DitherTransport
import Foundation
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization

/// Dither's client, over the framed door. Safe to use from any task; calls run at once on one connection, which is made
/// when it is first needed and made anew when it is lost.
public final class DitherClient: Sendable {
  /// As it was made with.
  public let options: ClientOptions
  private let group: any EventLoopGroup
  private let connector: Connector

  /// Connects with the first call.
  public init(_ options: ClientOptions) {
    self.options = options
    group = MultiThreadedEventLoopGroup.singleton
    connector = Connector(options, group)
  }

  /// A client whose connection stands.
  /// - Throws: UNAVAILABLE with the reason.
  public static func connect(_ options: ClientOptions) async throws -> DitherClient {
    let client = DitherClient(options)
    _ = try await client.connector.connection()
    return client
  }

  /// Ends the connection; calls in flight fail with `unavailable`.
  public func close() async { await connector.close() }

  private var metadata: [String: String] { options.token.map { ["authorization": "Bearer \($0)"] } ?? [:] }

  // MARK: kinds of calls

  /// - Throws: `CallError`; cancelling the task cancels the call on the server.
  public func unary<Request: Message, Response: Message>(
    _ method: CallMethod<Unary, Request, Response>, _ request: Request, timeout: Duration? = nil
  ) async throws -> Response {
    let connection = try await connector.connection(), payload = try request.serializedData()
    let cancellation = Cancellation(), timeout = timeout ?? options.callTimeout
    let answer: Data = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        cancellation.set(
          connection.unary(method.name, metadata: metadata, timeout: timeout.map(TimeAmount.init), request: payload) {
            continuation.resume(with: $0)
          })
      }
    } onCancel: {
      cancellation.cancel()
    }
    return try Response(serializedBytes: answer)
  }

  /// Calls a method that answers with a stream. The call begins at once. Its answers are asked of the server as they
  /// are taken; a stream that is dropped, or whose task is cancelled, cancels the call.
  /// - Throws: `CallError`, from the stream.
  public func stream<Request: Message, Response: Message>(
    _ method: CallMethod<ServerStreaming, Request, Response>, _ request: Request, timeout: Duration? = nil
  ) -> AsyncThrowingStream<Response, any Error> {
    let opening = Task { try await open(method, timeout: timeout, only: request) }
    return AsyncThrowingStream { try await opening.value.next() }
  }

  /// - Parameter body: sends the messages; when it returns, nothing follows.
  public func clientStream<Request: Message, Response: Message>(
    _ method: CallMethod<ClientStreaming, Request, Response>, timeout: Duration? = nil,
    _ body: (@Sendable (Request) async throws -> Void) async throws -> Void
  ) async throws -> Response {
    let call = try await open(method, timeout: timeout)
    return try await withTaskCancellationHandler {
      do {
        try await body { try await call.send($0) }
        call.halfClose()
      } catch let error as CallError where error.code == .cancelled || call.isOver {
        // The server has ended the call early: what it says is the answer.
      } catch {
        call.cancel()
        throw error
      }
      guard let answer = try await call.next() else {
        throw CallError(.internalError, "the server ended \(method.name) without an answer")
      }
      return answer
    } onCancel: {
      call.cancel()
    }
  }

  /// A call with a stream each way.
  /// - Parameter body: sends and takes messages, in any order and from any task. When it returns, what is left of the
  ///   call is cancelled; take answers until `next` is nil to know how the call ended.
  /// - Throws: `CallError`, and what `body` throws.
  public func bidirectional<Request: Message, Response: Message, Result>(
    _ method: CallMethod<Bidirectional, Request, Response>, timeout: Duration? = nil,
    _ body: (OpenCall<Request, Response>) async throws -> Result
  ) async throws -> Result {
    let call = try await open(method, timeout: timeout)
    return try await withTaskCancellationHandler {
      defer { call.cancel() }
      return try await body(call)
    } onCancel: {
      call.cancel()
    }
  }

  /// - Parameter only: the one message of a call that takes one.
  private func open<Kind, Request: Message, Response: Message>(
    _ method: CallMethod<Kind, Request, Response>, timeout: Duration?, only: Request? = nil
  ) async throws -> OpenCall<Request, Response> {
    let inbox = Inbox(), first = try only?.serializedData()
    let handle = try await connector.connection().open(
      method.name, metadata: metadata, timeout: timeout.map(TimeAmount.init), first: first, end: first != nil
    ) { inbox.put($0) }
    return OpenCall(handle, inbox)
  }
}

/// A call with messages still to come. Dropped before its end, it is cancelled.
public final class OpenCall<Request: Message, Response: Message>: Sendable, AsyncSequence {
  private let handle: FramedClient.CallHandle
  private let inbox: Inbox

  fileprivate init(_ handle: FramedClient.CallHandle, _ inbox: Inbox) {
    self.handle = handle
    self.inbox = inbox
  }
  deinit { cancel() }

  /// Whether the server has ended the call; answers may still wait to be taken.
  public var isOver: Bool { inbox.isOver }

  /// Waits until the server takes more.
  /// - Throws: `CallError` when the call is over.
  public func send(_ request: Request) async throws { try await handle.send(request.serializedData()) }
  /// Nothing follows from here.
  public func halfClose() { handle.halfClose() }
  /// Nobody waits for what is left. Does nothing once the server has ended the call.
  public func cancel() { if !isOver { handle.cancel() } }

  /// The next answer, in the order of the server's. For one task at a time; a task that is cancelled cancels the call.
  /// - Returns: nil behind the last.
  /// - Throws: `CallError` when the call ended otherwise.
  public func next() async throws -> Response? {
    let payload = try await withTaskCancellationHandler {
      try await inbox.next()
    } onCancel: {
      handle.cancel()
    }
    guard let payload else { return nil }
    handle.consumed(payload.count)
    return try Response(serializedBytes: payload)
  }

  /// A message of the answer.
  public typealias Element = Response
  /// Takes the messages one by one; what is not taken holds the server back.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let call: OpenCall
    /// The next message; nil: the call has ended well.
    /// - Throws: `CallError`, as the call ended.
    public func next() async throws -> Response? { try await call.next() }
  }
  /// For one reader: two would share the messages.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(call: self) }
}

extension TimeAmount {
  init(_ duration: Duration) {
    self = .nanoseconds(duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000)
  }
}

/// Cancels a call that may not have begun when its task is cancelled.
private final class Cancellation: Sendable {
  private enum State {
    case waiting, asked
    case begun(@Sendable () -> Void)
  }
  private let state = Mutex(State.waiting)

  func set(_ cancel: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      defer { state = .begun(cancel) }
      if case .asked = state { return true } else { return false }
    }
    if isLate { cancel() }
  }

  func cancel() {
    let begun = state.withLock { state -> (@Sendable () -> Void)? in
      defer { if case .waiting = state { state = .asked } }
      if case .begun(let cancel) = state { return cancel } else { return nil }
    }
    begun?()
  }
}

/// The events of one call, from the event loop to a task.
private final class Inbox: Sendable {
  private struct State {
    var messages: [Data] = []
    var end: CallError??
    var waiter: CheckedContinuation<Data?, any Error>?
  }
  private let state = Mutex(State())

  var isOver: Bool { state.withLock { $0.end != nil } }

  func put(_ event: FramedClient.Event) {
    let resume = state.withLock { state -> (CheckedContinuation<Data?, any Error>, Result<Data?, any Error>)? in
      switch event {
      case .message(let payload): state.messages.append(payload)
      case .end(let last, let error):
        if let last { state.messages.append(last) }
        state.end = .some(error)
      }
      guard let waiter = state.waiter, let result = Self.take(&state) else { return nil }
      state.waiter = nil
      return (waiter, result)
    }
    if let (waiter, result) = resume { waiter.resume(with: result) }
  }

  private static func take(_ state: inout State) -> Result<Data?, any Error>? {
    if !state.messages.isEmpty { return .success(state.messages.removeFirst()) }
    guard let end = state.end else { return nil }
    return end.map { .failure($0) } ?? .success(nil)
  }

  /// - Returns: nil behind the last message.
  func next() async throws -> Data? {
    try await withCheckedThrowingContinuation { continuation in
      let result = state.withLock { state -> Result<Data?, any Error>? in
        if let result = Self.take(&state) { return result }
        state.waiter = continuation
        return nil
      }
      if let result { continuation.resume(with: result) }
    }
  }
}

/// Keeps one connection, and makes it again when it is gone.
private actor Connector {
  private let options: ClientOptions
  private let group: any EventLoopGroup
  private var current: FramedClient?
  private var attempt: Task<FramedClient, any Error>?

  init(_ options: ClientOptions, _ group: any EventLoopGroup) {
    self.options = options
    self.group = group
  }

  func connection() async throws -> FramedClient {
    if let current, current.isActive { return current }
    if let attempt { return try await attempt.value }
    let options = options, group = group
    let attempt = Task { () async throws -> FramedClient in
      let target = FramedClient.Target(
        host: options.host, port: options.port, usesTls: options.usesTls, authority: options.authority,
        certificate: options.certificate, key: options.key, connectTimeout: TimeAmount(options.connectTimeout))
      var wait = Duration.milliseconds(50)
      for left in (0..<max(options.attempts, 1)).reversed() {
        do {
          return try await FramedClient.connect(to: target, on: group)
        } catch let error as CallError where error.code == .unavailable && left > 0 {
          try await Task.sleep(for: wait)
          wait *= 2
        }
      }
      throw CallError(.unavailable, "cannot connect to \(options.host):\(options.port)")
    }
    self.attempt = attempt
    defer { self.attempt = nil }
    let made = try await attempt.value
    current = made
    return made
  }

  func close() async {
    await current?.close()
    current = nil
  }
}

import DitherBasics
import DitherProto
import Foundation
import NIOCore

/// Where a door takes what a call sends. All on the connection's event loop.
protocol CallSink: AnyObject {
  /// Whether another message may be sent now.
  var canSend: Bool { get }
  func send(_ payload: Data)
  /// The handler has taken a message of so many bytes.
  func consumed(_ bytes: Int)
  func finish(_ error: CallError?, last: Data?)
}

/// One call, whichever door it came through. Confined to its connection's event loop: not Sendable.
final class ServerCall {
  private enum Phase {
    case awaitingRequest
    case running
    case finished
  }

  private let dispatcher: CallDispatcher
  private let eventLoop: any EventLoop
  private let sink: any CallSink
  private var phase = Phase.awaitingRequest
  private var entry: CallTable.Entry?
  private var context: CallContext?
  private var counted = false
  private let deadlines: DeadlineSet
  private var deadlineKey: Int?
  private var task: Task<Void, Never>?
  private var requestBytes = 0, responseBytes = 0
  /// Unary and server-streaming calls: the only message.
  private var request: Data?
  /// Client-streaming calls: messages not yet taken, and who waits for one.
  private var queue = CircularBuffer<Data>()
  private var isHalfClosed = false
  private var taker: CheckedContinuation<Data?, any Error>?
  /// Server-streaming calls: a message that waits until it may be sent.
  private var waiting: (Data, CheckedContinuation<Void, any Error>)?
  /// Told once, behind the last frame.
  var onEnd: (() -> Void)?

  init(_ dispatcher: CallDispatcher, _ eventLoop: any EventLoop, _ deadlines: DeadlineSet, _ sink: any CallSink) {
    self.dispatcher = dispatcher
    self.deadlines = deadlines
    self.eventLoop = eventLoop
    self.sink = sink
  }

  private var bound: NIOLoopBound<ServerCall> { NIOLoopBound(self, eventLoop: eventLoop) }

  func open(
    method: String, metadata: [String: String], timeout: TimeAmount?, peer: String, door: String, certificate: String?
  ) {
    let now = NIODeadline.now()
    do throws(CallError) {
      guard let entry = dispatcher.table.entries[method] else {
        throw CallError(.unimplemented, "no call '\(method.clipped())' here")
      }
      let identity = try dispatcher.identify(metadata, certificate: certificate, for: entry.policy)
      try dispatcher.enter()
      counted = true
      let deadline = (timeout ?? entry.policy.defaultDeadline.map { TimeAmount($0) }).map { now + $0 }
      self.entry = entry
      context = CallContext(
        id: dispatcher.newID(), method: method, metadata: metadata, identity: identity, deadline: deadline,
        received: now,
        peer: peer, door: door, cancellation: Cancellation())
      if let deadline {
        deadlineKey = deadlines.add(deadline) { [weak self] in
          self?.end(CallError(.deadlineExceeded, "the deadline has passed"), last: nil)
        }
      }
      if case .clientStreaming(let handler) = entry.handler { run(handler) }
    } catch {
      // A record of what was refused needs a context too.
      context = CallContext(
        id: dispatcher.newID(), method: dispatcher.table.entries[method] == nil ? "unknown" : method,
        metadata: metadata,
        identity: nil, deadline: nil, received: now, peer: peer, door: door, cancellation: Cancellation())
      end(error, last: nil)
    }
  }

  func message(_ payload: Data) {
    guard phase != .finished else { return }
    requestBytes += payload.count
    guard payload.count <= dispatcher.limits.messageBytes else {
      return end(
        CallError(
          .resourceExhausted,
          "a message of at most \(dispatcher.limits.messageBytes) bytes is taken, \(payload.count) came"),
        last: nil)
    }
    if case .clientStreaming? = entry?.handler {
      if let taker {
        self.taker = nil
        sink.consumed(payload.count)
        taker.resume(returning: payload)
      } else {
        queue.append(payload)
      }
      return
    }
    guard request == nil else {
      return end(CallError(.invalidArgument, "a second message in a call that takes one"), last: nil)
    }
    request = payload
  }

  func halfClose() {
    guard phase != .finished, !isHalfClosed else { return }
    isHalfClosed = true
    guard let entry, let context else { return }
    if case .clientStreaming = entry.handler {
      if let taker, queue.isEmpty {
        self.taker = nil
        taker.resume(returning: nil)
      }
      return
    }
    guard let request else {
      return end(CallError(.invalidArgument, "the call ended without its message"), last: nil)
    }
    phase = .running
    self.request = nil
    switch entry.handler {
    case .unary(let handler):
      let bound = bound, eventLoop = eventLoop, dispatcher = dispatcher
      dispatcher.handlerStarts()
      handler(request, context) { result in
        if eventLoop.inEventLoop {
          bound.value.answer(result)
        } else {
          eventLoop.execute { bound.value.answer(result) }
        }
        dispatcher.handlerEnds()
      }
    case .serverStreaming(let handler): run(handler, request, context)
    case .clientStreaming: break
    }
  }

  /// The client has cancelled, vanished or broken the protocol: the door has said what there is to say.
  func abort(_ reason: CallError) { finish(reason, tellSink: false, last: nil) }

  /// The sink may take more.
  func writable() {
    guard let (payload, continuation) = waiting, sink.canSend else { return }
    waiting = nil
    write(payload)
    continuation.resume()
  }

  // MARK: handlers

  private func answer(_ result: Result<Data, any Error>) {
    switch result {
    case .success(let data): end(nil, last: data)
    case .failure(let error): end(mapped(error), last: nil)
    }
  }

  private func mapped(_ error: any Error) -> CallError { error as? CallError ?? dispatcher.table.mapError(error) }

  private func run(
    _ handler:
      @escaping @Sendable (Data, CallContext, @escaping @Sendable (Data) async throws -> Void) async throws -> Void,
    _ request: Data, _ context: CallContext
  ) {
    let bound = bound, eventLoop = eventLoop, dispatcher = dispatcher
    dispatcher.handlerStarts()
    task = Task {
      defer { dispatcher.handlerEnds() }
      do {
        try await handler(request, context) { payload in
          try await withCheckedThrowingContinuation { continuation in
            eventLoop.execute { bound.value.send(payload, continuation) }
          }
        }
        eventLoop.execute { bound.value.end(nil, last: nil) }
      } catch {
        eventLoop.execute { bound.value.answer(.failure(error)) }
      }
    }
  }

  private func send(_ payload: Data, _ continuation: CheckedContinuation<Void, any Error>) {
    guard phase == .running else {
      return continuation.resume(throwing: context?.cancellation.reason ?? CallError(.cancelled, "the call is over"))
    }
    guard waiting == nil else {
      return continuation.resume(throwing: CallError(.internalError, "a handler sends two messages at once"))
    }
    if sink.canSend {
      write(payload)
      continuation.resume()
    } else {
      waiting = (payload, continuation)
    }
  }

  private func write(_ payload: Data) {
    responseBytes += payload.count
    sink.send(payload)
  }

  private func run(
    _ handler: @escaping @Sendable (CallContext, @escaping @Sendable () async throws -> Data?) async throws -> Data
  ) {
    guard let context else { return }
    phase = .running
    let bound = bound, eventLoop = eventLoop, dispatcher = dispatcher
    dispatcher.handlerStarts()
    task = Task {
      defer { dispatcher.handlerEnds() }
      let result: Result<Data, any Error>
      do {
        result = .success(
          try await handler(context) {
            try await withCheckedThrowingContinuation { continuation in
              eventLoop.execute { bound.value.take(continuation) }
            }
          })
      } catch {
        result = .failure(error)
      }
      eventLoop.execute { bound.value.answer(result) }
    }
  }

  private func take(_ continuation: CheckedContinuation<Data?, any Error>) {
    if let payload = queue.popFirst() {
      sink.consumed(payload.count)
      continuation.resume(returning: payload)
    } else if phase == .finished {
      continuation.resume(throwing: context?.cancellation.reason ?? CallError(.cancelled, "the call is over"))
    } else if isHalfClosed {
      continuation.resume(returning: nil)
    } else if taker != nil {
      continuation.resume(throwing: CallError(.internalError, "a handler takes two messages at once"))
    } else {
      taker = continuation
    }
  }

  // MARK: the end

  private func end(_ error: CallError?, last: Data?) { finish(error, tellSink: true, last: last) }

  private func finish(_ error: CallError?, tellSink: Bool, last: Data?) {
    guard phase != .finished else { return }
    phase = .finished
    if let deadlineKey { deadlines.remove(deadlineKey) }
    deadlineKey = nil
    if let error {
      context?.cancellation.cancel(error)
      task?.cancel()
    } else {
      context?.cancellation.forget()
    }
    let failure = error ?? CallError(.cancelled, "the call is over")
    taker?.resume(throwing: failure)
    taker = nil
    waiting?.1.resume(throwing: failure)
    waiting = nil
    queue.removeAll()
    request = nil
    responseBytes += last?.count ?? 0
    if tellSink { sink.finish(error, last: last) }
    if counted { dispatcher.leave() }
    if let context {
      dispatcher.observe(
        CallRecord(
          context: context, code: error?.code ?? .ok, duration: NIODeadline.now() - context.received,
          requestBytes: requestBytes,
          responseBytes: responseBytes))
    }
    onEnd?()
    onEnd = nil
  }
}

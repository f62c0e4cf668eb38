import DitherBasics
import DitherProto
import Foundation
import NIOCore
import Tracing

/// Where a door takes what a call sends. All on the connection's event loop.
protocol CallSink: AnyObject {
  /// Whether another message may be sent now.
  var canSend: Bool { get }
  func send(_ payload: Data)
  /// The handler has taken a message of so many bytes.
  func consumed(_ bytes: Int)
  func finish(_ error: CallError?, last: Data?)
}

/// The facts that a door knows of a call before it begins.
struct CallOpening {
  var method: String
  var metadata: [String: String]
  /// As the client asks.
  var timeout: TimeAmount?
  var peer: String
  /// The part of the client's address by which strangers are counted.
  var network: String
  var door: String
  /// The client's, which the client CA has signed.
  var certificate: ClientCertificate?
  /// Whether the thread that reads it may compute a short answer itself.
  var hasTime = true
  /// Whether its messages may be compressed, and whether its answers shall be.
  var sendsGzip = false, isAnsweredByGzip = false
}

/// One call, whichever door it came through: `CallState` decides, this runs handlers, tasks and clocks. Confined to its
/// connection's event loop: not Sendable.
final class ServerCall {
  private let dispatcher: CallDispatcher
  private let eventLoop: any EventLoop
  private let sink: any CallSink
  private let deadlines: DeadlineSet
  private var state = CallState(.unary, messageBytes: 0)
  private var entry: CallTable.Entry?
  private var context: CallContext?
  private var pass: CallDispatcher.Pass?
  private var deadlineKey: Int?
  /// Under which a call that goes on is asked again whose it is.
  private var recognitionKey: Int?
  private var certificate: ClientCertificate?
  /// nil: no message is compressed.
  private var packing: PackedMessages?
  private var packsAnswers = false
  private var task: Task<Void, Never>?
  /// A handler that waits for a message, and one that waits until its message may be sent.
  private var taker: CheckedContinuation<Data?, any Error>?
  private var sender: CheckedContinuation<Void, any Error>?
  /// Told once, behind the last frame.
  var onEnd: (() -> Void)?

  init(_ dispatcher: CallDispatcher, _ eventLoop: any EventLoop, _ deadlines: DeadlineSet, _ sink: any CallSink) {
    self.dispatcher = dispatcher
    self.deadlines = deadlines
    self.eventLoop = eventLoop
    self.sink = sink
  }

  private var bound: NIOLoopBound<ServerCall> { NIOLoopBound(self, eventLoop: eventLoop) }
  /// Whether its caller is known to this server.
  var isIdentified: Bool { context?.identity != nil }
  /// Whether its caller is unknown, and one of too many from the same network.
  private(set) var isFromTiresomeStranger = false

  // MARK: what the client does

  /// - Parameter entry: nil: there is no such call.
  func open(_ opening: CallOpening, _ entry: CallTable.Entry?) {
    let now = NIODeadline.now()
    var identity: Identity?
    do throws(CallError) {
      guard let entry else { throw CallError(.unimplemented, "no call '\(opening.method.clipped())' here") }
      identity = try identify(opening, for: entry.policy)
      // Behind it: a refusal is told in the log with who was refused.
      try dispatcher.authorize(identity, for: entry.policy)
      pass = try dispatcher.enter(identity, entry.policy)
      let deadline = dispatcher.timeout(asked: opening.timeout, entry.policy).map { now + $0 }
      self.entry = entry
      packing = opening.sendsGzip ? PackedMessages(limit: dispatcher.limits.messageBytes) : nil
      packsAnswers = opening.isAnsweredByGzip
      state = CallState(entry.shape, messageBytes: dispatcher.limits.messageBytes)
      context = opening.context(
        dispatcher.newID(), identity: identity, deadline: deadline, received: now, on: eventLoop,
        span: entry.policy.isVital ? nil : dispatcher.trace(opening.method, opening.metadata))
      if state.takesStream {
        if let deadline { expire(at: deadline) }
      } else {
        // A caller that opens a call and is slow to send its request keeps no place.
        let patience = now + TimeAmount(dispatcher.limits.requestPatience)
        expire(at: deadline.map { min($0, patience) } ?? patience)
      }
      perform(state.open())
    } catch {
      var opening = opening
      if entry == nil { opening.method = "unknown" }
      refuse(opening, error, of: identity)
    }
  }

  private func identify(_ opening: CallOpening, for policy: CallPolicy) throws(CallError) -> Identity? {
    certificate = opening.certificate
    do throws(CallError) {
      return try dispatcher.identify(opening.metadata, certificate: certificate, for: policy)
    } catch {
      guard error.code == .unauthenticated, let refusal = dispatcher.strangerRefusal(opening.network) else {
        throw error
      }
      isFromTiresomeStranger = true
      throw refusal
    }
  }

  /// A call that ends before it begins. A record of it needs a context too.
  func refuse(_ opening: CallOpening, _ error: CallError, of identity: Identity? = nil) {
    context = opening.context(dispatcher.newID(), identity: identity, deadline: nil, received: .now(), on: eventLoop)
    end(error)
  }

  /// The door ends the call, and the client has yet to be told.
  func fail(_ error: CallError) { end(error) }

  func message(_ payload: Data) {
    let action = state.receive(payload)
    // The one request of a call is bounded by itself; what follows it shall be read.
    if !state.takesStream { sink.consumed(payload.count) }
    perform(action)
  }

  func halfClose() { perform(state.halfClose()) }

  /// The client has cancelled, vanished or broken the protocol: the door has said what there is to say.
  func abort(_ reason: CallError) { finish(reason, tellSink: false, last: nil) }

  /// The sink may take more.
  func writable() {
    guard sink.canSend, let payload = state.writable() else { return }
    sink.send(payload)
    let sender = sender
    self.sender = nil
    sender?.resume()
  }

  private func perform(_ action: CallState.Action) {
    switch action {
    case .none: break
    case .run(let request): run(request)
    case .deliver(let message):
      if let message { sink.consumed(message.count) }
      let taker = taker
      self.taker = nil
      taker?.resume(returning: message)
    case .fail(let error): end(error)
    }
  }

  private func expire(at deadline: NIODeadline) {
    if let deadlineKey { deadlines.remove(deadlineKey) }
    deadlineKey = deadlines.add(deadline) { [weak self] in
      let isRequest = self?.task == nil && self?.context?.isLate == false
      self?.end(CallError(.deadlineExceeded, isRequest ? "no whole request in time" : "the deadline has passed"))
    }
  }

  /// A token may be revoked while its call goes on.
  private func recognizeAgain() {
    guard let entry, let context, context.identity != nil else { return }
    recognitionKey = deadlines.add(.now() + TimeAmount(dispatcher.limits.recognition)) { [weak self] in
      guard let self else { return }
      do throws(CallError) {
        let identity = try dispatcher.identify(context.metadata, certificate: certificate, for: entry.policy)
        try dispatcher.authorize(identity, for: entry.policy)
        recognizeAgain()
      } catch { end(error) }
    }
  }

  // MARK: handlers

  private func run(_ request: Data?) {
    guard let entry, let context, let pass else { return }
    if !state.takesStream {
      if let deadline = context.deadline {
        if deadline > context.received + TimeAmount(dispatcher.limits.requestPatience) { expire(at: deadline) }
      } else if let deadlineKey {
        deadlines.remove(deadlineKey)
        self.deadlineKey = nil
      }
    }
    let bound = bound, eventLoop = eventLoop, dispatcher = dispatcher, packing = packing
    let answering = packsAnswers ? packing : nil
    dispatcher.handlerStarts()
    self.pass?.hasHandler = true
    switch entry.handler {
    case .prompt(let handler):
      let finish: @Sendable (Result<Data, any Error>) -> Void = { result in
        let isOnLoop = eventLoop.inEventLoop
        let result = answering.map { packing in result.map { packing.packed($0, onLoop: isOnLoop) } } ?? result
        if isOnLoop {
          bound.value.answer(result)
        } else {
          eventLoop.execute { bound.value.answer(result) }
        }
        dispatcher.handlerEnds(pass)
      }
      let request = request ?? Data()
      guard let packing, PackedMessages.isPacked(request) else { return handler(request, context, finish) }
      let unfold: @Sendable () -> Result<Data, any Error> = {
        Result { () throws(any Error) in try packing.unfolded(request) }
      }
      let go: @Sendable (Result<Data, any Error>) -> Void = { result in
        switch result {
        case .success(let message): handler(message, context, finish)
        case .failure(let error): finish(.failure(error))
        }
      }
      guard !packing.isShort(request) else { return go(unfold()) }
      Task {
        let message = unfold()
        eventLoop.execute { go(message) }
      }
    case .task(let handler):
      recognizeAgain()
      let port = CallPort(
        take: {
          let message = try await withCheckedThrowingContinuation { continuation in
            eventLoop.execute { bound.value.take(continuation) }
          }
          guard let packing, let message else { return message }
          return try packing.unfolded(message)
        },
        send: { payload in
          let payload = answering?.packed(payload, onLoop: false) ?? payload
          try await withCheckedThrowingContinuation { continuation in
            eventLoop.execute { bound.value.send(payload, continuation) }
          }
        })
      task = Task {
        defer { dispatcher.handlerEnds(pass) }
        do {
          let asked = try packing.flatMap { packing in try request.map { try packing.unfolded($0) } } ?? request
          let found = try await handler(asked, context, port)
          let last = answering.flatMap { packing in found.map { packing.packed($0, onLoop: false) } } ?? found
          eventLoop.execute { bound.value.finish(nil, tellSink: true, last: last) }
        } catch { eventLoop.execute { bound.value.answer(.failure(error)) } }
      }
    }
  }

  private func answer(_ result: Result<Data, any Error>) {
    switch result {
    case .success(let data): finish(nil, tellSink: true, last: data)
    case .failure(let error): end(error as? CallError ?? dispatcher.table.mapError(error))
    }
  }

  private var whyOver: CallError { context?.cancellation.reason ?? CallError(.cancelled, "the call is over") }

  private func send(_ payload: Data, _ continuation: CheckedContinuation<Void, any Error>) {
    switch state.send(payload, canWrite: sink.canSend) {
    case .write:
      sink.send(payload)
      continuation.resume()
    case .wait: sender = continuation
    case .over: continuation.resume(throwing: whyOver)
    case .twice: continuation.resume(throwing: CallError(.internalError, "a handler sends two messages at once"))
    }
  }

  private func take(_ continuation: CheckedContinuation<Data?, any Error>) {
    switch state.take() {
    case .message(let payload):
      sink.consumed(payload.count)
      continuation.resume(returning: payload)
    case .end: continuation.resume(returning: nil)
    case .wait: taker = continuation
    case .over: continuation.resume(throwing: whyOver)
    case .twice: continuation.resume(throwing: CallError(.internalError, "a handler takes two messages at once"))
    }
  }

  // MARK: the end

  private func end(_ error: CallError) { finish(error, tellSink: true, last: nil) }

  private func finish(_ error: CallError?, tellSink: Bool, last: Data?) {
    guard state.finish(last: last?.count ?? 0) else { return }
    for key in [deadlineKey, recognitionKey] { if let key { deadlines.remove(key) } }
    deadlineKey = nil
    recognitionKey = nil
    if let error {
      context?.cancellation.cancel(error)
      task?.cancel()
    } else {
      context?.cancellation.forget()
    }
    let failure = error ?? CallError(.cancelled, "the call is over")
    taker?.resume(throwing: failure)
    taker = nil
    sender?.resume(throwing: failure)
    sender = nil
    if tellSink { sink.finish(error, last: last) }
    if let pass { dispatcher.leave(pass) }
    if let context {
      dispatcher.observe(
        CallRecord(
          context: context, code: error?.code ?? .ok, duration: NIODeadline.now() - context.received,
          requestBytes: state.requestBytes, responseBytes: state.responseBytes,
          isOpenEnded: entry.map { $0.policy.defaultDeadline == nil } ?? false))
    }
    onEnd?()
    onEnd = nil
  }
}

extension CallOpening {
  fileprivate func context(
    _ id: UInt64, identity: Identity?, deadline: NIODeadline?, received: NIODeadline, on eventLoop: any EventLoop,
    span: (any Tracing.Span)? = nil
  ) -> CallContext {
    CallContext(
      id: id, method: method, metadata: metadata, identity: identity, deadline: deadline, received: received,
      peer: peer, network: network, door: door, cancellation: Cancellation(),
      thread: hasTime ? ReadingThread(eventLoop) : nil, span: span)
  }
}

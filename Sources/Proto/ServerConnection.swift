import Foundation
import SwiftProtobuf

/// The server's side of one framed connection. No socket, clock or lock: frames in, actions out.
public struct ServerConnection: Sendable {
  /// Work for the owner of the socket.
  public enum Action: Equatable, Sendable {
    case send(Dither_V1_Frame)
    case open(call: UInt32, method: String, timeoutMicroseconds: UInt64, metadata: [String: String])
    case message(call: UInt32, Data)
    /// Nothing follows from the client.
    case halfClose(call: UInt32)
    /// The call is over because of what the client did; the frame that says so has been sent.
    case abort(call: UInt32, CallError)
    /// More may be written on this call.
    case writable(call: UInt32)
    /// The connection ends; the GoAway that says why has been sent.
    case close
  }

  private enum Phase { case awaitingHello, open, draining, closed }
  private struct Call {
    var receiveCredit: Int
    var sendCredit: Int
    var halfClosed = false
  }

  /// Our own.
  public let limits: WireLimits
  private var phase = Phase.awaitingHello
  private var calls: [UInt32: Call] = [:]
  private var lastCall: UInt32 = 0
  private var peerCredit = 0
  /// The largest frame that the client takes.
  public private(set) var peerFrameBytes = WireLimits.leastFrameBytes

  public init(_ limits: WireLimits) { self.limits = limits }

  /// Calls in flight.
  public var openCalls: Int { calls.count }
  /// Whether the connection is to end: nothing that comes is taken.
  public var isClosed: Bool { phase == .closed }
  /// Whether the client has said Hello.
  public var hasHello: Bool { phase != .awaitingHello }

  /// One frame in, what follows from it out.
  public mutating func receive(_ frame: Dither_V1_Frame) -> [Action] {
    switch phase {
    case .closed: return []
    case .awaitingHello:
      guard case .hello(let hello) = frame.kind else {
        return close(CallError(.failedPrecondition, "the first frame must be Hello"))
      }
      do { try WireLimits.check(hello) } catch { return close(error) }
      peerCredit = Int(hello.initialCreditBytes)
      peerFrameBytes = Int(hello.maxFrameBytes)
      phase = .open
      return []
    case .open, .draining: break
    }
    switch frame.kind {
    case .open(let open): return receive(open)
    case .message(let message): return receive(message.call, message.payload, end: message.end)
    case .end(let end): return halfClose(end.call)
    case .cancel(let cancel):
      guard calls[cancel.call] != nil else { return [] }  // it crossed our End on the wire
      return abort(cancel.call, CallError(.cancelled, "cancelled by the client"))
    case .credit(let credit):
      guard var call = calls[credit.call] else { return [] }
      guard credit.bytes > 0, call.sendCredit + Int(credit.bytes) <= Int(UInt32.max) else {
        return abort(
          credit.call, CallError(.invalidArgument, "credit of \(credit.bytes) bytes overflows or adds nothing"))
      }
      call.sendCredit += Int(credit.bytes)
      calls[credit.call] = call
      return call.sendCredit > 0 ? [.writable(call: credit.call)] : []
    case .ping(let ping):
      var pong = Dither_V1_Frame()
      pong.pong.nonce = ping.nonce
      return [.send(pong)]
    case .pong: return []
    case .goAway:
      phase = .draining
      return []
    case .hello: return close(CallError(.invalidArgument, "a second Hello"))
    case nil: return close(CallError(.invalidArgument, "a frame of no known kind"))
    }
  }

  private mutating func receive(_ open: Dither_V1_Open) -> [Action] {
    guard open.call > lastCall else {
      return close(
        CallError(.invalidArgument, "call ids are above 0 and rise: \(open.call) came after \(lastCall)"))
    }
    lastCall = open.call
    if phase == .draining {
      return [
        .send(
          .end(
            open.call,
            CallError(.unavailable, "the server is draining: connect anew", details: [.retry(afterMilliseconds: 100)])))
      ]
    }
    guard calls.count < limits.maxConcurrentCalls else {
      let error = CallError(
        .resourceExhausted, "at most \(limits.maxConcurrentCalls) calls at once on a connection",
        details: [.retry(afterMilliseconds: 10)])
      return [.send(.end(open.call, error))]
    }
    let metadataBytes = open.metadata.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    guard metadataBytes <= limits.maxMetadataBytes else {
      let error = CallError(
        .resourceExhausted, "metadata of at most \(limits.maxMetadataBytes) bytes are taken, \(metadataBytes) came")
      return [.send(.end(open.call, error))]
    }
    calls[open.call] = Call(receiveCredit: limits.initialCreditBytes, sendCredit: peerCredit)
    var actions: [Action] = [
      .open(call: open.call, method: open.method, timeoutMicroseconds: open.timeoutUs, metadata: open.metadata)
    ]
    // The first message is not counted: the frame's own limit bounds it.
    if case .first(let payload) = open.payload { actions.append(.message(call: open.call, payload)) }
    if open.end {
      calls[open.call]?.halfClosed = true
      actions.append(.halfClose(call: open.call))
    }
    return actions
  }

  private mutating func receive(_ id: UInt32, _ payload: Data, end: Bool) -> [Action] {
    guard var call = calls[id] else {
      // A call that is over: the message crossed our End. A call that never was is the client's mistake.
      return id <= lastCall ? [] : [.send(.end(id, CallError(.invalidArgument, "call \(id) was never opened")))]
    }
    guard !call.halfClosed else { return abort(id, CallError(.invalidArgument, "a message after the end")) }
    guard call.receiveCredit > 0 else {
      return abort(id, CallError(.resourceExhausted, "a message without credit: wait for Credit frames"))
    }
    call.receiveCredit -= payload.count
    call.halfClosed = end
    calls[id] = call
    return [.message(call: id, payload)] + (end ? [.halfClose(call: id)] : [])
  }

  private mutating func halfClose(_ id: UInt32) -> [Action] {
    guard calls[id] != nil else { return [] }
    guard calls[id]?.halfClosed == false else { return abort(id, CallError(.invalidArgument, "a second end")) }
    calls[id]?.halfClosed = true
    return [.halfClose(call: id)]
  }

  private mutating func abort(_ id: UInt32, _ error: CallError) -> [Action] {
    calls[id] = nil
    return [.send(.end(id, error)), .abort(call: id, error)]
  }

  private mutating func close(_ error: CallError) -> [Action] {
    phase = .closed
    calls = [:]
    return [.send(.goAway(error, lastCall: lastCall)), .close]
  }

  /// Framing is lost.
  public mutating func fail(_ error: CallError) -> [Action] { phase == .closed ? [] : close(error) }

  // MARK: what the server does

  /// Whether a message may be written now: while any credit is left. A message may be larger than that.
  public func mayWrite(_ id: UInt32) -> Bool { calls[id].map { $0.sendCredit > 0 } ?? false }

  /// The next message of a call, charged to its credit; nil: the call is over.
  public mutating func message(_ id: UInt32, _ payload: Data) -> Dither_V1_Frame? {
    guard calls[id] != nil else { return nil }
    calls[id]?.sendCredit -= payload.count
    var frame = Dither_V1_Frame()
    frame.message.call = id
    frame.message.payload = payload
    return frame
  }

  /// The handler has taken so many bytes: the client may send as many more.
  public mutating func consumed(_ id: UInt32, _ bytes: Int) -> Dither_V1_Frame? {
    guard bytes > 0, let call = calls[id], !call.halfClosed else { return nil }
    calls[id]?.receiveCredit += bytes
    return .credit(id, bytes)
  }

  /// The call's last frame; nil if it is over already.
  public mutating func end(_ id: UInt32, _ error: CallError?, last: Data?) -> Dither_V1_Frame? {
    guard calls.removeValue(forKey: id) != nil else { return nil }
    if let last, last.count + 64 > peerFrameBytes {
      return .end(
        id,
        CallError(
          .resourceExhausted,
          "the answer of \(last.count) bytes is larger than the \(peerFrameBytes) that the client takes"))
    }
    var frame = Dither_V1_Frame()
    frame.end.call = id
    if let error { frame.end.status = error.status } else { frame.end.status = Dither_V1_Status() }
    if let last { frame.end.last = last }
    return frame
  }

  /// No new calls; those that are open finish.
  public mutating func drain() -> Dither_V1_Frame? {
    guard phase == .open || phase == .awaitingHello else { return nil }
    if phase == .open { phase = .draining }
    return .goAway(nil, lastCall: lastCall)
  }
}

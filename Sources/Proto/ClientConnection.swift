import Foundation
import SwiftProtobuf

/// The client's side of one framed connection. No socket, clock or lock: frames in, actions out.
public struct ClientConnection: Sendable {
  /// Work for the owner of the socket.
  public enum Action: Equatable, Sendable {
    case send(Dither_V1_Frame)
    /// The server has said Hello: calls may be opened.
    case ready
    case message(call: UInt32, Data)
    /// The call is over: its last message if there is one, and how it ended.
    case end(call: UInt32, last: Data?, CallError?)
    case writable(call: UInt32)
    /// The server takes no new calls on this connection.
    case draining(CallError?)
    case close(CallError)
  }

  private enum Phase { case awaitingHello, open, draining, closed }
  private struct Call {
    var sendCredit: Int
    /// Bytes that the caller has taken and not yet given back as credit.
    var taken = 0
  }

  /// Our own.
  public let limits: WireLimits
  private var phase = Phase.awaitingHello
  private var calls: [UInt32: Call] = [:]
  private var nextCall: UInt32 = 1
  private var peer = Dither_V1_Hello()

  public init(_ limits: WireLimits) { self.limits = limits }

  /// Whether the server's Hello has come.
  public var isReady: Bool { phase == .open }
  /// How many more calls the server takes at once.
  public var room: Int { phase == .open ? max(Int(peer.maxConcurrentCalls) - calls.count, 0) : 0 }
  /// Calls in flight.
  public var openCalls: Int { calls.count }
  /// The largest frame that the server takes.
  public var peerFrameBytes: Int { Int(peer.maxFrameBytes) }

  /// One frame in, what follows from it out.
  public mutating func receive(_ frame: Dither_V1_Frame) -> [Action] {
    switch phase {
    case .closed: return []
    case .awaitingHello:
      if case .goAway(let goAway) = frame.kind { return close(CallError(goAway.status)) }
      guard case .hello(let hello) = frame.kind else {
        return close(CallError(.internalError, "the server's first frame is not Hello"))
      }
      do { try WireLimits.check(hello) } catch { return close(error) }
      peer = hello
      phase = .open
      return [.ready]
    case .open, .draining: break
    }
    switch frame.kind {
    case .message(let message):
      guard calls[message.call] != nil else { return [] }
      return [.message(call: message.call, message.payload)]
    case .end(let end):
      guard calls.removeValue(forKey: end.call) != nil else { return [] }
      var last: Data?
      if case .last(let payload) = end.payload { last = payload }
      return [.end(call: end.call, last: last, end.status.code == 0 ? nil : CallError(end.status))]
    case .credit(let credit):
      guard var call = calls[credit.call] else { return [] }
      call.sendCredit = min(call.sendCredit + Int(credit.bytes), Int(UInt32.max))
      calls[credit.call] = call
      return [.writable(call: credit.call)]
    case .ping(let ping):
      var pong = Dither_V1_Frame()
      pong.pong.nonce = ping.nonce
      return [.send(pong)]
    case .pong: return []
    case .goAway(let goAway):
      if goAway.status.code != 0 { return close(CallError(goAway.status)) }
      phase = .draining
      return [.draining(nil)]
    case .hello, .open, .cancel, nil:
      return close(
        CallError(.internalError, "the server sends a frame that only clients send, or none of a known kind"))
    }
  }

  private mutating func close(_ error: CallError) -> [Action] {
    phase = .closed
    let ended = calls.keys.sorted().map { Action.end(call: $0, last: nil, error) }
    calls = [:]
    return ended + [.close(error)]
  }

  /// The connection is lost or its framing is.
  public mutating func fail(_ error: CallError) -> [Action] { phase == .closed ? [] : close(error) }

  // MARK: what the client does

  /// - Returns: the call's number and the frame that opens it.
  public mutating func open(
    _ method: String, metadata: [String: String], timeoutMicroseconds: UInt64, first: Data?, end: Bool
  ) -> (call: UInt32, frame: Dither_V1_Frame) {
    let id = nextCall
    nextCall += 1
    calls[id] = Call(sendCredit: Int(peer.initialCreditBytes))
    var frame = Dither_V1_Frame()
    frame.open.call = id
    frame.open.method = method
    frame.open.metadata = metadata
    frame.open.timeoutUs = timeoutMicroseconds
    if let first { frame.open.first = first }
    frame.open.end = end
    return (id, frame)
  }

  /// Whether the call has credit to send with.
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

  /// Nothing more follows from us; nil: the call is over.
  public func halfClose(_ id: UInt32) -> Dither_V1_Frame? {
    guard calls[id] != nil else { return nil }
    var frame = Dither_V1_Frame()
    frame.end.call = id
    return frame
  }

  /// The caller has taken so many bytes; credit is given back in halves of the window.
  public mutating func consumed(_ id: UInt32, _ bytes: Int) -> Dither_V1_Frame? {
    guard var call = calls[id] else { return nil }
    call.taken += bytes
    defer { calls[id] = call }
    guard call.taken * 2 >= limits.initialCreditBytes else { return nil }
    let given = call.taken
    call.taken = 0
    return .credit(id, given)
  }

  /// Ends the call from our side; nil: it is over.
  public mutating func cancel(_ id: UInt32) -> Dither_V1_Frame? {
    guard calls.removeValue(forKey: id) != nil else { return nil }
    var frame = Dither_V1_Frame()
    frame.cancel.call = id
    return frame
  }
}

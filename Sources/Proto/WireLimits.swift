/// The limits of one side of a framed connection, as its Hello says them.
public struct WireLimits: Sendable, Equatable {
  /// The framed protocol's.
  public static let version: UInt32 = 1
  /// This side by name.
  public var agent = "dither"
  /// The largest frame that is taken.
  public var maxFrameBytes = 16 << 20
  /// Calls of one connection at the same time.
  public var maxConcurrentCalls = 256
  /// That each call may send before it is given more.
  public var initialCreditBytes = 1 << 20
  /// Bytes of one call's metadata, names and values: as many as the gRPC door takes.
  public var maxMetadataBytes = GrpcRequest.metadataBytes
  /// Below this a peer could not even receive an error.
  public static let leastFrameBytes = 4096
  public init() {}

  /// The first frame of a side with these limits.
  public var hello: Dither_V1_Frame {
    var frame = Dither_V1_Frame()
    frame.hello.version = Self.version
    frame.hello.agent = agent
    frame.hello.maxFrameBytes = UInt32(clamping: maxFrameBytes)
    frame.hello.maxConcurrentCalls = UInt32(clamping: maxConcurrentCalls)
    frame.hello.initialCreditBytes = UInt32(clamping: initialCreditBytes)
    return frame
  }

  /// - Throws: when a Hello announces what we cannot work with.
  public static func check(_ hello: Dither_V1_Hello) throws(CallError) {
    guard hello.version == version else {
      throw CallError(.failedPrecondition, "protocol version \(version) is spoken here, Hello says \(hello.version)")
    }
    guard hello.maxFrameBytes >= UInt32(leastFrameBytes) else {
      throw CallError(
        .failedPrecondition,
        "frames of at least \(leastFrameBytes) bytes are needed, Hello takes \(hello.maxFrameBytes)")
    }
  }
}

extension Dither_V1_Frame {
  /// The last frame of a connection: why it ends, and which calls were seen.
  public static func goAway(_ error: CallError?, lastCall: UInt32) -> Dither_V1_Frame {
    var frame = Dither_V1_Frame()
    frame.goAway.lastCall = lastCall
    if let error { frame.goAway.status = error.status }
    return frame
  }
  /// The last frame of a call that failed.
  public static func end(_ call: UInt32, _ error: CallError) -> Dither_V1_Frame {
    var frame = Dither_V1_Frame()
    frame.end.call = call
    frame.end.status = error.status
    return frame
  }
  /// Lets the other side send so many bytes more.
  public static func credit(_ call: UInt32, _ bytes: Int) -> Dither_V1_Frame {
    var frame = Dither_V1_Frame()
    frame.credit.call = call
    frame.credit.bytes = UInt32(clamping: bytes)
    return frame
  }

  /// One line for the trace: kind, call, sizes, status.
  public var summary: String {
    switch kind {
    case .hello(let h):
      "Hello version=\(h.version) agent=\(h.agent) max_frame=\(h.maxFrameBytes) calls=\(h.maxConcurrentCalls) credit=\(h.initialCreditBytes)"
    case .open(let o):
      "Open call=\(o.call) method=\(o.method) timeout_us=\(o.timeoutUs) bytes=\(o.first.count)\(o.end ? " end" : "")"
    case .message(let m): "Message call=\(m.call) bytes=\(m.payload.count)\(m.end ? " end" : "")"
    case .end(let e):
      "End call=\(e.call) status=\(StatusCode(rawValue: e.status.code) ?? .unknown) bytes=\(e.last.count)"
    case .cancel(let c): "Cancel call=\(c.call)"
    case .credit(let c): "Credit call=\(c.call) bytes=\(c.bytes)"
    case .ping(let p): "Ping nonce=\(p.nonce)"
    case .pong(let p): "Pong nonce=\(p.nonce)"
    case .goAway(let g): "GoAway last_call=\(g.lastCall) status=\(StatusCode(rawValue: g.status.code) ?? .unknown)"
    case nil: "an empty frame"
    }
  }
}

import Foundation

/// The server's side of one gRPC call on its HTTP/2 stream. No socket, clock or lock: headers and bytes in, actions
/// out.
public struct GrpcStream: Sendable {
  /// Work for the owner of the stream.
  public enum Action: Equatable, Sendable {
    case open(GrpcRequest)
    case message(Data)
    /// Nothing follows from the client.
    case halfClose
    /// The call ends with this error, because of what the client sent.
    case refuse(CallError)
    /// This is not gRPC: the stream ends with an HTTP status alone.
    case http(Int)
  }
  /// How the server ends a stream.
  public struct End: Equatable, Sendable {
    /// No header was sent: the trailers are the whole answer.
    public var isAlone: Bool
    /// The client may still be sending, and is told that it need not: RST_STREAM with NO_ERROR, as RFC 9113, 8.1, has
    /// it. At any other code gRPC's C core may take the reset for the answer.
    public var resets: Bool
    /// - Parameters:
    /// - isAlone: no header was sent.
    /// - resets: the client has not ended its side.
    public init(isAlone: Bool, resets: Bool) {
      self.isAlone = isAlone
      self.resets = resets
    }
  }

  /// A message that may be written.
  public struct Message: Equatable, Sendable {
    /// The response's headers go before it.
    public var isFirst: Bool
  }

  private enum Phase { case awaitingHead, open, over }
  private var phase = Phase.awaitingHead
  private var framing: GrpcFraming
  /// The client has ended its side; and the machine has said so.
  private var isWhole = false, toldHalfClose = false
  private var hasHead = false

  /// - Parameter messageBytes: the largest message that is taken.
  public init(messageBytes: Int) { framing = GrpcFraming(limit: messageBytes) }

  /// Whether nothing is taken or sent any more.
  public var isOver: Bool { phase == .over }
  /// Bytes that wait for the rest of their message.
  public var pendingBytes: Int { framing.pendingBytes }

  // MARK: what the client does

  /// A block of headers: the request's, or trailers, which gRPC's clients do not send and which only end their side.
  /// - Returns: what comes first; then ask `next`.
  public mutating func receive(
    headers: some Sequence<(name: String, value: String)>, endStream: Bool
  ) -> Action? {
    isWhole = isWhole || endStream
    guard phase == .awaitingHead else { return nil }
    switch GrpcRequest.read(headers) {
    case .call(let request):
      phase = .open
      framing.takesCompressed = request.sendsGzip
      return .open(request)
    case .refused(let error):
      phase = .open
      return .refuse(error)
    case .http(let status):
      phase = .over
      return .http(status)
    }
  }

  /// Bytes of messages; then ask `next` until it has nothing.
  public mutating func receive(_ bytes: some Sequence<UInt8>, endStream: Bool) {
    isWhole = isWhole || endStream
    if phase == .open { framing.append(bytes) }
  }

  /// The next action that follows from the bytes that came; nil: more are needed, or the stream is over.
  public mutating func next() -> Action? {
    guard phase == .open else { return nil }
    do throws(CallError) {
      if let message = try framing.next() { return .message(message) }
    } catch {
      return .refuse(error)
    }
    guard isWhole, !toldHalfClose else { return nil }
    toldHalfClose = true
    guard framing.pendingBytes == 0 else {
      return .refuse(CallError(.invalidArgument, "the stream ends inside a message"))
    }
    return .halfClose
  }

  // MARK: what the server does

  /// Before each message.
  /// - Returns: whether the response's headers go before it; nil when the stream is over.
  public mutating func message() -> Message? {
    guard phase == .open else { return nil }
    defer { hasHead = true }
    return Message(isFirst: !hasHead)
  }

  /// - Returns: nil when the stream was over.
  public mutating func finish() -> End? {
    guard phase == .open else { return nil }
    close()
    return End(isAlone: !hasHead, resets: !isWhole)
  }

  /// The stream is gone.
  public mutating func close() {
    phase = .over
    framing.clear()
  }
}

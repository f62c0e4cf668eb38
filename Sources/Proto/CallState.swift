import Foundation

/// The messages of one call on the server's side, through whichever door it came: what its shape allows, who waits for
/// whom, and the end. No task, continuation or clock: what happens goes in, what is to be done comes out.
public struct CallState: Sendable {
  /// The step that follows from a message, or the end, of the client.
  public enum Action: Equatable, Sendable {
    case none
    /// The handler is to run: with its one request, or with nil where the client sends a stream.
    case run(Data?)
    /// The handler that waits gets its message; nil: nothing follows.
    case deliver(Data?)
    /// The call ends with this error.
    case fail(CallError)
  }
  /// The result of a handler's asking for a message.
  public enum Taken: Equatable, Sendable {
    case message(Data)
    /// Nothing follows.
    case end
    /// `deliver` will bring it.
    case wait
    /// The call is over.
    case over
    /// It waits for one already.
    case twice
  }
  /// The fate of a message that a handler sends.
  public enum Sent: Equatable, Sendable {
    case write
    /// `writable` will bring it back.
    case wait
    /// The call is over.
    case over
    /// One waits already.
    case twice
  }

  public let shape: CallShape
  /// The largest message that is taken, in bytes.
  public let messageBytes: Int
  /// Messages that a handler has not taken: past it the call ends. Credit and windows bound their bytes, but empty
  /// messages cost none.
  public static let mostQueued = 1 << 16

  private var queue: [Data] = []
  private var head = 0
  private var isHalfClosed = false, hasRun = false, handlerWaits = false
  private var outgoing: Data?
  /// Whether the call has ended, well or not.
  public private(set) var isOver = false
  /// Bytes of messages, so far.
  public private(set) var requestBytes = 0, responseBytes = 0

  public init(_ shape: CallShape, messageBytes: Int) {
    self.shape = shape
    self.messageBytes = messageBytes
  }

  /// Whether the client may send any number of messages.
  public var takesStream: Bool { shape == .clientStreaming || shape == .bidirectional }
  private var queued: Int { queue.count - head }

  // MARK: what the client does

  /// The call has begun.
  public mutating func open() -> Action {
    guard takesStream, !hasRun, !isOver else { return .none }
    hasRun = true
    return .run(nil)
  }

  /// A message of the other side.
  /// - Returns: what follows from it.
  public mutating func receive(_ message: Data) -> Action {
    guard !isOver, !isHalfClosed else { return .none }
    requestBytes += message.count
    guard message.count <= messageBytes else {
      return .fail(
        CallError(
          .resourceExhausted, "a message of at most \(messageBytes) bytes is taken, \(message.count) came"))
    }
    if takesStream {
      if handlerWaits {
        handlerWaits = false
        return .deliver(message)
      }
      guard queued < Self.mostQueued else {
        return .fail(CallError(.resourceExhausted, "more than \(Self.mostQueued) messages that were not yet taken"))
      }
    } else if queued > 0 {
      return .fail(CallError(.invalidArgument, "a second message in a call that takes one"))
    }
    queue.append(message)
    return .none
  }

  /// Nothing follows from the client.
  public mutating func halfClose() -> Action {
    guard !isOver, !isHalfClosed else { return .none }
    isHalfClosed = true
    if takesStream {
      guard handlerWaits else { return .none }
      handlerWaits = false
      return .deliver(nil)
    }
    guard let request = popFirst() else {
      return .fail(CallError(.invalidArgument, "the call ended without its message"))
    }
    hasRun = true
    return .run(request)
  }

  // MARK: what the handler does

  /// The next message of the client's stream.
  public mutating func take() -> Taken {
    if isOver { return .over }
    if let message = popFirst() { return .message(message) }
    if isHalfClosed { return .end }
    if handlerWaits { return .twice }
    handlerWaits = true
    return .wait
  }

  /// - Parameter canWrite: whether the door takes another message now.
  public mutating func send(_ message: Data, canWrite: Bool) -> Sent {
    if isOver { return .over }
    if outgoing != nil { return .twice }
    guard canWrite else {
      outgoing = message
      return .wait
    }
    responseBytes += message.count
    return .write
  }

  /// The door takes another message: the one that waited, if there is one.
  public mutating func writable() -> Data? {
    guard !isOver, let message = outgoing else { return nil }
    outgoing = nil
    responseBytes += message.count
    return message
  }

  /// The end, by either side.
  /// - Parameter last: bytes of the message that goes with it.
  /// - Returns: false when the call was over before.
  public mutating func finish(last: Int = 0) -> Bool {
    guard !isOver else { return false }
    isOver = true
    responseBytes += last
    queue = []
    head = 0
    outgoing = nil
    handlerWaits = false
    return true
  }

  private mutating func popFirst() -> Data? {
    guard head < queue.count else { return nil }
    let message = queue[head]
    queue[head] = Data()
    head += 1
    if head == queue.count {
      queue.removeAll(keepingCapacity: queue.capacity <= 64)
      head = 0
    } else if head >= 1024 {
      queue.removeFirst(head)
      head = 0
    }
    return message
  }
}

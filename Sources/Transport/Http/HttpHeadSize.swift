import NIOCore
import NIOHTTP1

/// How large the head is that a connection's bytes are in: of one beyond its bounds the decoder says no more than that.
/// No socket or clock: bytes in, sizes out.
struct HttpHeadSize {
  /// The first bound that was gone beyond, with what had come by then.
  enum Excess: Equatable {
    case address(bytes: Int)
    case header(String, bytes: Int)
    case headers(Int)
    case whole(bytes: Int)
  }
  private(set) var excess: Excess?

  private let limits: NIOHTTPDecoderLimitConfiguration
  /// The line that the next byte is in: its beginning, and its length so far.
  private var start: [UInt8] = [], length = 0
  /// Whether that line is behind a request's first, before an empty one.
  private var isBehindFirst = false
  /// As far as lines are whole.
  private var headers = 0, bytes = 0

  /// As much of a line as its method or name is looked for in.
  private static let mostStart = 64
  /// Behind the address: a space, the version and the line's end.
  private static let versionBytes = " HTTP/1.1\r".utf8.count

  init(_ limits: NIOHTTPDecoderLimitConfiguration = .init()) { self.limits = limits }

  /// Bodies go through here too: a line of one that looks like a request's first is taken for it, up to the next.
  mutating func read(_ more: ByteBufferView) {
    var rest = more
    while excess == nil, !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")), part = rest[rest.startIndex..<(end ?? rest.endIndex)]
      start += part.prefix(Self.mostStart - start.count)
      length += part.count
      excess = found(isWhole: end != nil)
      guard let end else { return }
      endLine()
      rest = rest[rest.index(after: end)..<rest.endIndex]
    }
  }

  private var isEmpty: Bool { length == 0 || start == [UInt8(ascii: "\r")] }

  /// The length of its method, where the line begins as a request's first does.
  private var methodBytes: Int? {
    let method = start.prefix { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "-") }.count
    return method > 0 && start.dropFirst(method).starts(with: " /".utf8) ? method : nil
  }

  private func found(isWhole: Bool) -> Excess? {
    guard isBehindFirst else {
      guard length > limits.maxHeaderFieldSize, let methodBytes else { return nil }
      let address = length - methodBytes - 1 - (isWhole ? Self.versionBytes : 0)
      return address > limits.maxHeaderFieldSize ? .address(bytes: address) : nil
    }
    if length > limits.maxHeaderFieldSize {
      let name = start.prefix { $0 != UInt8(ascii: ":") }
      return .header(String(decoding: name, as: UTF8.self), bytes: length)
    }
    if !isEmpty, headers + 1 > limits.maxHeaderFieldCount { return .headers(headers + 1) }
    return bytes + length > limits.maxHeaderListSize ? .whole(bytes: bytes + length) : nil
  }

  private mutating func endLine() {
    if isBehindFirst {
      isBehindFirst = !isEmpty
      (headers, bytes) = (headers + 1, bytes + length)
    } else if methodBytes != nil {
      (isBehindFirst, headers, bytes) = (true, 0, length)
    }
    start.removeAll(keepingCapacity: true)
    length = 0
  }
}

/// Stands before the decoder, for what it does not say.
final class HttpHeadWatch: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  private(set) var size = HttpHeadSize()

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    size.read(unwrapInboundIn(data).readableBytesView)
    context.fireChannelRead(data)
  }
}

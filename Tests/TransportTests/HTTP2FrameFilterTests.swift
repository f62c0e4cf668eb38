import DitherTransport
import NIOCore
import NIOEmbedded
import Testing

@Suite("Frames between the socket and NIOHTTP2") struct HTTP2FrameFilterTests {
  /// The preface, and HEADERS of stream 1 of so many bytes.
  private static func opening(_ count: Int) -> ByteBuffer {
    var bytes = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    bytes.writeInteger(UInt32(count) << 8 | 1)
    bytes.writeInteger(UInt8(4))
    bytes.writeInteger(UInt32(1))
    bytes.writeRepeatingByte(0xBE, count: count)
    return bytes
  }
  private static func passed(_ channel: EmbeddedChannel) throws -> Int {
    var count = 0
    while let part = try channel.readInbound(as: ByteBuffer.self) { count += part.readableBytes }
    return count
  }

  @Test("large headers wait for the settings to be acknowledged, and not for ever")
  func patience() throws {
    let channel = EmbeddedChannel(handler: HTTP2FrameFilter()), bytes = Self.opening(9000)
    try channel.writeInbound(bytes)
    #expect(try Self.passed(channel) == 24)
    channel.embeddedEventLoop.advanceTime(by: HTTP2FrameFilter.patience - .seconds(1))
    #expect(try Self.passed(channel) == 0)
    channel.embeddedEventLoop.advanceTime(by: .seconds(2))
    #expect(try Self.passed(channel) == bytes.readableBytes - 24)
    _ = try channel.finish(acceptAlreadyClosed: true)
  }

  @Test("the acknowledgement goes before what waits for it")
  func acknowledged() throws {
    let channel = EmbeddedChannel(handler: HTTP2FrameFilter()), bytes = Self.opening(9000)
    try channel.writeInbound(bytes)
    try channel.writeInbound(ByteBuffer(bytes: [0, 0, 0, 4, 1, 0, 0, 0, 0]))
    #expect(try Self.passed(channel) == bytes.readableBytes + 9)
    _ = try channel.finish(acceptAlreadyClosed: true)
  }

  @Test("small ones pass at once")
  func small() throws {
    let channel = EmbeddedChannel(handler: HTTP2FrameFilter()), bytes = Self.opening(100)
    try channel.writeInbound(bytes)
    #expect(try Self.passed(channel) == bytes.readableBytes)
    _ = try channel.finish(acceptAlreadyClosed: true)
  }
}

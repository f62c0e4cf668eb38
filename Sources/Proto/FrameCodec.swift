import SwiftProtobuf

/// Frames on a byte stream: a varint length, then the message, protobuf's standard delimited form.
public enum FrameCodec {
  public static func encode(_ frame: Dither_V1_Frame) -> [UInt8] {
    // Messages without required fields and with valid strings always serialise.
    guard let body: [UInt8] = try? frame.serializedBytes() else {
      preconditionFailure("a frame that does not serialise")
    }
    var out = [UInt8]()
    out.reserveCapacity(body.count + 5)
    var length = UInt64(body.count)
    while length >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: length) | 0x80)
      length >>= 7
    }
    out.append(UInt8(length))
    out.append(contentsOf: body)
    return out
  }
}

/// Cuts a stream of bytes, however it is split, into frames.
public struct FrameReader: Sendable {
  /// The largest frame that is taken, length not counted.
  public let limit: Int
  private var buffer: [UInt8] = []
  private var at = 0

  public init(limit: Int) { self.limit = limit }

  public mutating func append(_ bytes: some Sequence<UInt8>) {
    if at == buffer.count {
      buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
      at = 0
    } else if at > 1 << 16 {
      buffer.removeFirst(at)
      at = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// Bytes that wait for the rest of their frame.
  public var pendingBytes: Int { buffer.count - at }

  /// The next whole frame.
  /// - Throws: `CallError` when the length is malformed or above the limit, or the message does not decode: framing is
  ///   lost, and the connection has to end.
  public mutating func next() throws(CallError) -> Dither_V1_Frame? {
    var length: UInt64 = 0, position = at, shift: UInt64 = 0
    while true {
      guard position < buffer.count else { return nil }
      let byte = buffer[position]
      position += 1
      length |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
      guard shift < 35 else { throw CallError(.invalidArgument, "malformed frame: a length of more than five bytes") }
    }
    guard length <= UInt64(limit) else {
      throw CallError(.resourceExhausted, "oversize frame: at most \(limit) bytes are taken, \(length) came")
    }
    let end = position + Int(length)
    guard end <= buffer.count else { return nil }
    do {
      let frame = try Dither_V1_Frame(serializedBytes: Array(buffer[position..<end]))
      at = end
      return frame
    } catch {
      throw CallError(.invalidArgument, "malformed frame: \(length) bytes that are no Frame message")
    }
  }
}

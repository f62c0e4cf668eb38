import SwiftProtobuf

/// Frames on a byte stream: a varint length, then the message, protobuf's standard delimited form.
public enum FrameCodec {
  public static func encode(_ frame: Dither_V1_Frame) -> [UInt8] {
    // Messages without required fields and with valid strings always serialize.
    guard let body: [UInt8] = try? frame.serializedBytes() else {
      preconditionFailure("a frame that does not serialize")
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
  public var limit: Int
  private var bytes = ByteQueue()

  /// - Parameter limit: bytes of a frame, its length not counted.
  public init(limit: Int) { self.limit = limit }

  /// Adds bytes as they come from the socket, cut anywhere.
  public mutating func append(_ bytes: some Sequence<UInt8>) { self.bytes.append(bytes) }

  /// Bytes that wait for the rest of their frame.
  public var pendingBytes: Int { bytes.count }

  /// Bytes of memory for them.
  package var reservedBytes: Int { bytes.capacity }

  /// Framing is lost: what waits is let go of.
  public mutating func clear() { bytes.clear() }

  /// Entries of metadata above which a frame is not even decoded: each costs a hundred times its bytes.
  static let mostMetadata = 1024

  /// How many metadata entries an `Open` frame holds, without decoding it. Malformed bytes are left to the decoder.
  private static func metadataEntries(_ frame: ArraySlice<UInt8>) -> Int {
    var count = 0
    var fields = FieldScanner(frame)
    while let field = fields.next() {
      guard field.number == 2, let open = field.bytes else { continue }
      var inner = FieldScanner(open)
      while let field = inner.next() { if field.number == 4 { count += 1 } }
    }
    return count
  }

  /// Bytes of a frame's beginning that are looked at: as much as a call's metadata may be.
  private static let mostBeginning = 20 << 10

  /// The `authorization` of an `Open` that has come in part, where it stands before the payload, as encoders that write
  /// fields in their order have it: whose frame it is can be known before it is whole. nil: none is seen.
  package var openingAuthorization: String? {
    var fields = FieldScanner(bytes[0..<min(bytes.count, Self.mostBeginning)])
    guard fields.enterFrame(), fields.enter(2) else { return nil }
    while let field = fields.next() {
      guard field.number == 4, let entry = field.bytes else { continue }
      var pair = FieldScanner(entry), key: ArraySlice<UInt8> = [], value: ArraySlice<UInt8> = []
      while let part = pair.next() {
        if part.number == 1 { key = part.bytes ?? [] }
        if part.number == 2 { value = part.bytes ?? [] }
      }
      if key.elementsEqual("authorization".utf8) { return String(decoding: value, as: UTF8.self) }
    }
    return nil
  }

  /// The next whole frame.
  /// - Throws: `CallError` when the length is malformed or above the limit, or the message does not decode: framing is
  ///   lost, and the connection has to end.
  public mutating func next() throws(CallError) -> Dither_V1_Frame? {
    var length: UInt64 = 0, start = 0, shift: UInt64 = 0
    while true {
      guard start < bytes.count else { return nil }
      let byte = bytes[start]
      start += 1
      length |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift += 7
      guard shift < 35 else { throw CallError(.invalidArgument, "malformed frame: a length of more than five bytes") }
    }
    guard length <= UInt64(limit) else {
      throw CallError(.resourceExhausted, "oversize frame: at most \(limit) bytes are taken, \(length) came")
    }
    let end = start + Int(length)
    guard end <= bytes.count else {
      bytes.expect(end)
      return nil
    }
    guard Self.metadataEntries(bytes[start..<end]) <= Self.mostMetadata else {
      throw CallError(.resourceExhausted, "more than \(Self.mostMetadata) metadata entries in an Open")
    }
    do {
      let frame = try Dither_V1_Frame(serializedBytes: Array(bytes[start..<end]))
      bytes.drop(end)
      return frame
    } catch {
      throw CallError(.invalidArgument, "malformed frame: \(length) bytes that are no Frame message")
    }
  }
}

/// Walks over the fields of an encoded message without decoding it. Ends where the bytes are malformed.
private struct FieldScanner {
  private let bytes: ArraySlice<UInt8>
  private var at: Int
  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    at = bytes.startIndex
  }

  /// Goes behind a frame's length.
  mutating func enterFrame() -> Bool { varint() != nil }

  /// Goes into a message, whether all of it has come or not.
  /// - Returns: false where the next field is another.
  mutating func enter(_ number: UInt64) -> Bool { varint() == number << 3 | 2 && varint() != nil }

  /// - Returns: a field's number, and its bytes where it has a length of its own.
  mutating func next() -> (number: UInt64, bytes: ArraySlice<UInt8>?)? {
    guard let tag = varint() else { return nil }
    let length: UInt64
    switch tag & 7 {
    case 0: return varint().map { _ in (tag >> 3, nil) }
    case 1: length = 8
    case 2:
      guard let own = varint() else { return nil }
      length = own
    case 5: length = 4
    default: return nil
    }
    guard length <= UInt64(bytes.endIndex - at) else { return nil }
    let start = at
    at += Int(length)
    return (tag >> 3, bytes[start..<at])
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0, shift: UInt64 = 0
    while at < bytes.endIndex, shift < 64 {
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }
}

import DitherBasics

/// Bounds on a model file. A file is untrusted: nothing in it may make the reader use more memory or time than these allow.
public struct OnnxLimits: Sendable {
  public var fileBytes = 512 << 20
  public var nodes = 20_000
  public var initialisers = 20_000
  public var attributesPerNode = 64
  public var inputsPerNode = 1024
  public var rank = 8
  /// Elements of any one value, for one row.
  public var elements = 1 << 28
  /// Bytes of all values that nodes put out, for one row.
  public var activationBytes = 2 << 30
  public var metadataBytes = 1 << 20
  public init() {}
  public static let standard = OnnxLimits()
}

/// Counts what a file holds before anything is decoded, so that a small file cannot unfold into a large structure.
struct OnnxScan {
  private(set) var nodes = 0
  private(set) var initialisers = 0

  init(_ bytes: UnsafeRawBufferPointer) throws(GraphError) {
    try Self.fields(bytes) { field, content throws(GraphError) in
      guard field == 7, let content else { return }
      try Self.fields(content) { field, _ throws(GraphError) in
        if field == 1 { nodes += 1 }
        if field == 5 { initialisers += 1 }
      }
    }
  }

  /// Walks one message's fields, by the wire format (protobuf.dev/programming-guides/encoding).
  private static func fields(
    _ bytes: UnsafeRawBufferPointer, _ body: (UInt64, UnsafeRawBufferPointer?) throws(GraphError) -> Void
  ) throws(GraphError) {
    var at = 0
    func varint() throws(GraphError) -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: 0, to: 70, by: 7) {
        guard at < bytes.count else { break }
        let byte = bytes[at]
        at += 1
        value |= UInt64(byte & 0x7F) << UInt64(min(shift, 63))
        if byte < 0x80 { return value }
      }
      throw malformed("a varint of at most ten bytes", "one that goes on or is cut at byte \(at)")
    }
    while at < bytes.count {
      let tag = try varint()
      switch tag & 7 {
      case 0:
        _ = try varint()
        try body(tag >> 3, nil)
      case 1, 5:
        at += tag & 7 == 1 ? 8 : 4
        guard at <= bytes.count else { throw malformed("a whole file", "one that is cut at byte \(bytes.count)") }
        try body(tag >> 3, nil)
      case 2:
        let length = try varint()
        guard length <= UInt64(bytes.count - at) else {
          throw malformed("a field within the \(bytes.count) bytes that hold it", "\(length) bytes from byte \(at) on")
        }
        try body(tag >> 3, UnsafeRawBufferPointer(rebasing: bytes[at..<at + Int(length)]))
        at += Int(length)
      default: throw malformed("a protobuf message of ONNX", "wire type \(tag & 7) at byte \(at)")
      }
    }
  }
}

func malformed(_ expected: String, _ got: String) -> GraphError {
  GraphError(.malformed, at: "ONNX file", expected: expected, got: got)
}

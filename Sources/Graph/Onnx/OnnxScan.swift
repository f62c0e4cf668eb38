import DitherBasics

/// Counts what a file holds before anything is decoded, so that a small file cannot unfold into a large structure: an
/// empty message takes two bytes in a file and hundreds in memory.
struct OnnxScan {
  /// The messages that are decoded, as a tree: there is no way from one back to itself, so the walk's depth is bounded.
  private enum Message { case model, graph, node, attribute, tensor, valueInfo, type, tensorType, shape, leaf }

  private(set) var nodes = 0
  private(set) var initializers = 0
  /// Messages and strings.
  private(set) var parts = 0
  /// Bytes of integers in variable-length form, which take up to eight times as many in memory.
  private(set) var listedBytes = 0
  /// Whether a constant may say that its numbers lie in another file: it does, or there are graphs inside nodes.
  private(set) var mayPointElsewhere = false

  init(_ bytes: UnsafeRawBufferPointer) throws(GraphError) { try walk(.model, bytes) }
  /// A graph inside a node, which the file's own scan takes for bytes.
  init(graph bytes: UnsafeRawBufferPointer) throws(GraphError) { try walk(.graph, bytes) }

  private mutating func walk(_ message: Message, _ bytes: UnsafeRawBufferPointer) throws(GraphError) {
    var fields = WireFields(bytes)
    while let field = try fields.next() {
      if Self.holdsIntegers(message, field.number) { listedBytes += field.content?.count ?? 1 }
      guard let content = field.content else { continue }
      if message == .graph && field.number == 1 { nodes += 1 }
      if message == .graph && field.number == 5 { initializers += 1 }
      if message == .tensor && field.number == 13 || message == .attribute && field.number == 6 {
        mayPointElsewhere = true
      }
      if let inner = Self.content(of: message, field.number) {
        parts += 1
        if inner != .leaf { try walk(inner, content) }
      }
    }
  }

  /// The kind of message that a field of `message` holds, where each one costs memory of its own; by the numbers in
  /// `protos/onnx/onnx.proto`.
  private static func content(of message: Message, _ field: UInt64) -> Message? {
    switch (message, field) {
    case (.model, 7): .graph
    case (.graph, 1): .node
    case (.graph, 5), (.attribute, 5): .tensor
    case (.graph, 11), (.graph, 12), (.graph, 13): .valueInfo
    case (.node, 5): .attribute
    case (.valueInfo, 2): .type
    case (.type, 1): .tensorType
    case (.tensorType, 2): .shape
    case (.model, 8), (.model, 14), (.model, 25), (.graph, 15), (.node, 1), (.node, 2), (.attribute, 9), (.tensor, 6),
      (.tensor, 13), (.shape, 1):
      .leaf
    default: nil
    }
  }

  private static func holdsIntegers(_ message: Message, _ field: UInt64) -> Bool {
    switch (message, field) {
    case (.tensor, 1), (.tensor, 5), (.tensor, 7), (.tensor, 11), (.attribute, 8): true
    default: false
    }
  }
}

/// The fields of one message, by the wire format (protobuf.dev/programming-guides/encoding).
struct WireFields {
  struct Field {
    let number: UInt64
    /// nil for numbers.
    let content: UnsafeRawBufferPointer?
  }
  private let bytes: UnsafeRawBufferPointer
  /// Where the next field begins.
  private(set) var at = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func next() throws(GraphError) -> Field? {
    guard at < bytes.count else { return nil }
    let tag = try varint()
    switch tag & 7 {
    case 0:
      _ = try varint()
      return Field(number: tag >> 3, content: nil)
    case 1, 5:
      at += tag & 7 == 1 ? 8 : 4
      guard at <= bytes.count else { throw malformed("a whole file", "one that is cut at byte \(bytes.count)") }
      return Field(number: tag >> 3, content: nil)
    case 2:
      let length = try varint()
      guard length <= UInt64(bytes.count - at) else {
        throw malformed("a field within the \(bytes.count) bytes that hold it", "\(length) bytes from byte \(at) on")
      }
      let start = at
      at += Int(length)
      return Field(number: tag >> 3, content: UnsafeRawBufferPointer(rebasing: bytes[start..<at]))
    default: throw malformed("a protobuf message of ONNX", "wire type \(tag & 7) at byte \(at)")
    }
  }

  private mutating func varint() throws(GraphError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard at < bytes.count else { break }
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << min(shift, 63)
      if byte < 0x80 { return value }
    }
    throw malformed("a varint of at most ten bytes", "one that goes on or is cut at byte \(at)")
  }
}

func malformed(_ expected: String, _ got: String) -> GraphError {
  GraphError(.malformed, at: "ONNX file", expected: expected, got: got)
}

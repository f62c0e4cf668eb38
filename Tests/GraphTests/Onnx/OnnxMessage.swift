import DitherGraph

/// A protobuf message, field by field.
struct OnnxMessage {
  private(set) var bytes: [UInt8] = []
  private mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(value & 0x7F | 0x80))
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
  mutating func put(_ field: UInt64, _ value: Int) {
    varint(field << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }
  mutating func put(_ field: UInt64, _ content: [UInt8]) {
    varint(field << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }
  mutating func put(_ field: UInt64, _ text: String) { put(field, Array(text.utf8)) }
  mutating func put(_ field: UInt64, _ build: (inout OnnxMessage) -> Void) {
    var inner = OnnxMessage()
    build(&inner)
    put(field, inner.bytes)
  }
}

extension OnnxMessage {
  static func node(
    _ type: String, _ inputs: [String], _ outputs: [String], domain: String = "",
    attributes: [(inout OnnxMessage) -> Void] = []
  ) -> (inout OnnxMessage) -> Void {
    { node in
      for input in inputs { node.put(1, input) }
      for output in outputs { node.put(2, output) }
      node.put(4, type)
      for attribute in attributes { node.put(5, attribute) }
      if !domain.isEmpty { node.put(7, domain) }
    }
  }

  static func value(_ name: String, _ type: (inout OnnxMessage) -> Void) -> (inout OnnxMessage) -> Void {
    var message = OnnxMessage()
    type(&message)
    let bytes = message.bytes
    return {
      $0.put(1, name)
      $0.put(2, bytes)
    }
  }

  static func tensorType(_ element: Int, _ extents: [Int?]) -> (inout OnnxMessage) -> Void {
    {
      $0.put(1) { tensor in
        tensor.put(1, element)
        tensor.put(2) { shape in
          for extent in extents { shape.put(1) { if let extent { $0.put(1, extent) } else { $0.put(2, "N") } } }
        }
      }
    }
  }
}

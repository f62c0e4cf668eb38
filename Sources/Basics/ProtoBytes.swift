/// A protobuf message's bytes, field by field, for small messages that are in no schema of ours: the few kinds of
/// fields that these have. Source: Protocol Buffers, Encoding.
package struct ProtoBytes {
  /// The message as far as it was written.
  package private(set) var bytes: [UInt8] = []

  /// An empty message.
  package init() {}

  /// An `int64`, `uint64`, `int32`, `uint32`, `bool` or enum.
  package mutating func varint(_ field: Int, _ value: some FixedWidthInteger) {
    append(UInt64(field << 3))
    append(UInt64(truncatingIfNeeded: value))
  }
  /// A `double`.
  package mutating func double(_ field: Int, _ value: Double) {
    append(UInt64(field << 3 | 1))
    append(littleEndian: value.bitPattern)
  }
  /// A `float`.
  package mutating func float(_ field: Int, _ value: Float) {
    append(UInt64(field << 3 | 5))
    append(littleEndian: value.bitPattern)
  }
  /// A `string`.
  package mutating func text(_ field: Int, _ value: String) { message(field, Array(value.utf8)) }
  /// Packed `double`s.
  package mutating func doubles(_ field: Int, _ values: [Double]) {
    var packed = ProtoBytes()
    for value in values { packed.append(littleEndian: value.bitPattern) }
    message(field, packed.bytes)
  }
  /// A message, or `bytes`.
  package mutating func message(_ field: Int, _ content: [UInt8]) {
    append(UInt64(field << 3 | 2))
    append(UInt64(content.count))
    bytes += content
  }

  /// A number of a fixed width, without a field.
  package mutating func append(littleEndian value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  private mutating func append(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

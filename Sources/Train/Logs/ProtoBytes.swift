/// A protobuf message's bytes, field by field: the few kinds of fields that an event file has.
struct ProtoBytes {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ field: Int, _ value: Int) {
    append(UInt64(field << 3))
    append(UInt64(bitPattern: Int64(value)))
  }
  mutating func double(_ field: Int, _ value: Double) {
    append(UInt64(field << 3 | 1))
    append(littleEndian: value.bitPattern)
  }
  mutating func float(_ field: Int, _ value: Float) {
    append(UInt64(field << 3 | 5))
    append(littleEndian: value.bitPattern)
  }
  mutating func text(_ field: Int, _ value: String) { message(field, Array(value.utf8)) }
  mutating func doubles(_ field: Int, _ values: [Double]) {
    var packed = ProtoBytes()
    for value in values { packed.append(littleEndian: value.bitPattern) }
    message(field, packed.bytes)
  }
  mutating func message(_ field: Int, _ content: [UInt8]) {
    append(UInt64(field << 3 | 2))
    append(UInt64(content.count))
    bytes += content
  }

  mutating func append(littleEndian value: some FixedWidthInteger) {
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

/// Changes of an ONNX file that need no reading of it.
public enum OnnxMetadata {
  /// Keys that are added to files which may have them already; every other stands once.
  public static let addedKeys = [Graph.outputKindKey, Graph.taskKey]

  /// The file with one more entry of `metadata_props` behind all else. Of entries with one key the last counts.
  public static func adding(_ value: String, for key: String, to file: [UInt8]) -> [UInt8] {
    let entry = field(1, Array(key.utf8)) + field(2, Array(value.utf8))
    return file + field(14, entry)
  }

  /// A length-delimited field of a protobuf message.
  private static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(UInt64(content.count)) + content
  }

  private static func varint(_ number: UInt64) -> [UInt8] {
    var left = number, bytes: [UInt8] = []
    while left > 0x7F {
      bytes.append(UInt8(left & 0x7F) | 0x80)
      left >>= 7
    }
    return bytes + [UInt8(left)]
  }
}

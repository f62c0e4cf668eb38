import DitherBasics

/// Changes of an ONNX file that need no reading of it.
public enum OnnxMetadata {
  /// Keys that are added to files which may have them already; every other stands once.
  public static let addedKeys = [Graph.outputKindKey, Graph.outputKey, Graph.taskKey, Graph.shapeKey]

  /// The file with one more entry of `metadata_props` behind all else. Of entries with one key the last counts.
  public static func adding(_ value: String, for key: String, to file: [UInt8]) -> [UInt8] {
    var entry = ProtoBytes(), end = ProtoBytes()
    entry.text(1, key)
    entry.text(2, value)
    end.message(14, entry.bytes)
    return file + end.bytes
  }

  /// The file with this one entry for a key: those that it has are left out.
  /// - Throws: where the bytes are no message of protobuf.
  public static func setting(_ value: String, for key: String, in file: [UInt8]) throws(GraphError) -> [UInt8] {
    var kept: [UInt8] = []
    kept.reserveCapacity(file.count + key.utf8.count + value.utf8.count + 32)
    do {
      try file.withUnsafeBytes { bytes in
        var fields = WireFields(bytes), start = 0
        while let field = try fields.next() {
          let isOther = try field.number != 14 || field.content.map { try name(of: $0) } != Array(key.utf8)
          if isOther { kept += bytes[start..<fields.at] }
          start = fields.at
        }
      }
    } catch {
      throw error as? GraphError ?? malformed("a protobuf message of ONNX", "\(error)".clipped())
    }
    return adding(value, for: key, to: kept)
  }

  /// The key of an entry; nil where it has none.
  private static func name(of entry: UnsafeRawBufferPointer) throws(GraphError) -> [UInt8]? {
    var fields = WireFields(entry), name: [UInt8]?
    while let field = try fields.next() {
      if field.number == 1, let content = field.content { name = Array(content) }
    }
    return name
  }
}

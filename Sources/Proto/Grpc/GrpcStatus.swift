import Foundation

/// `google.rpc.Status` with the details that stock clients know, written by hand: three small messages of
/// google/rpc/error_details.proto.
enum GrpcStatus {
  static func encode(_ error: CallError) -> Data {
    var out = Wire()
    out.varint(1, UInt64(error.code.rawValue))
    out.string(2, error.message)
    for detail in error.details {
      var body = Wire(), type = ""
      switch detail {
      case .fieldViolation(let field, let description):
        type = "google.rpc.BadRequest"
        var violation = Wire()
        violation.string(1, field)
        violation.string(2, description)
        body.bytes(1, violation.data)
      case .retry(let milliseconds):
        type = "google.rpc.RetryInfo"
        var duration = Wire()
        duration.varint(1, UInt64(milliseconds / 1000))
        duration.varint(2, UInt64(milliseconds % 1000 * 1_000_000))
        body.bytes(1, duration.data)
      case .resource(let kind, let name, let description):
        type = "google.rpc.ResourceInfo"
        body.string(1, kind)
        body.string(2, name)
        body.string(4, description)
      }
      var any = Wire()
      any.string(1, "type.googleapis.com/\(type)")
      any.bytes(2, body.data)
      out.bytes(3, any.data)
    }
    return out.data
  }

  private struct Wire {
    var data = Data()
    private mutating func raw(_ value: UInt64) {
      var value = value
      while value >= 0x80 {
        data.append(UInt8(truncatingIfNeeded: value) | 0x80)
        value >>= 7
      }
      data.append(UInt8(value))
    }
    mutating func varint(_ field: UInt64, _ value: UInt64) {
      raw(field << 3)
      raw(value)
    }
    mutating func bytes(_ field: UInt64, _ value: Data) {
      raw(field << 3 | 2)
      raw(UInt64(value.count))
      data.append(value)
    }
    mutating func string(_ field: UInt64, _ value: String) { bytes(field, Data(value.utf8)) }
  }
}

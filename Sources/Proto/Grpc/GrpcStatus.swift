import DitherBasics
import Foundation

/// `google.rpc.Status` with the details that stock clients know, written by hand: three small messages of
/// google/rpc/error_details.proto.
enum GrpcStatus {
  static func encode(_ error: CallError) -> Data {
    var out = ProtoBytes()
    out.varint(1, error.code.rawValue)
    out.text(2, error.message)
    for detail in error.details {
      var body = ProtoBytes(), type = ""
      switch detail {
      case .fieldViolation(let field, let description):
        type = "google.rpc.BadRequest"
        var violation = ProtoBytes()
        violation.text(1, field)
        violation.text(2, description)
        body.message(1, violation.bytes)
      case .retry(let milliseconds):
        type = "google.rpc.RetryInfo"
        var duration = ProtoBytes()
        duration.varint(1, milliseconds / 1000)
        duration.varint(2, milliseconds % 1000 * 1_000_000)
        body.message(1, duration.bytes)
      case .resource(let kind, let name, let description):
        type = "google.rpc.ResourceInfo"
        body.text(1, kind)
        body.text(2, name)
        body.text(4, description)
      }
      var any = ProtoBytes()
      any.text(1, "type.googleapis.com/\(type)")
      any.message(2, body.bytes)
      out.message(3, any.bytes)
    }
    return Data(out.bytes)
  }
}

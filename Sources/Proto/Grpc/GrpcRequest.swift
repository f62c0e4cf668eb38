import Foundation

/// The head of a gRPC call, as its HTTP/2 headers say it.
public struct GrpcRequest: Equatable, Sendable {
  /// "dither.v1.Inference/Predict"
  public var method: String
  /// Values of a name that is repeated are joined by commas, as gRPC has it.
  public var metadata: [String: String]
  /// How long the client waits.
  public var timeout: Duration?
  /// Whether the client compresses its messages, by gzip.
  public var sendsGzip = false
  /// Whether it is answered alike.
  public var isAnsweredByGzip: Bool {
    sendsGzip
      && (metadata["grpc-accept-encoding"] ?? "").split(separator: ",")
        .contains { $0.trimmingCharacters(in: .whitespaces) == "gzip" }
  }

  /// - Parameters:
  /// - method: "package.Service/Method", without the slash before it.
  /// - timeout: nil: the client waits as long as it takes.
  public init(method: String, metadata: [String: String], timeout: Duration?) {
    self.method = method
    self.metadata = metadata
    self.timeout = timeout
  }

  /// The most that names and values may come to, in bytes, as gRPC's C core has it.
  public static let metadataBytes = 16 << 10

  /// The outcome of reading headers.
  public enum Outcome: Equatable, Sendable {
    case call(GrpcRequest)
    /// It is gRPC, and cannot be taken.
    case refused(CallError)
    /// It is no gRPC: the status that HTTP has for it.
    case http(Int)
  }

  /// - Parameter headers: names in lower case, as HTTP/2 has them.
  public static func read(_ headers: some Sequence<(name: String, value: String)>) -> Outcome {
    var request = GrpcRequest(method: "", metadata: [:], timeout: nil)
    var verb = "", size = 0
    for (name, value) in headers {
      size += name.utf8.count + value.utf8.count
      switch name {
      case ":method": verb = value
      case ":path": request.method = String(value.drop { $0 == "/" })
      case _ where name.hasPrefix(":"): break
      default:
        if let earlier = request.metadata.updateValue(value, forKey: name) {
          request.metadata[name] = "\(earlier),\(value)"
        }
      }
    }
    guard verb == "POST" else { return .http(405) }
    guard isGrpc(request.metadata["content-type"] ?? "") else { return .http(415) }
    guard size <= metadataBytes else {
      return .refused(
        CallError(.resourceExhausted, "metadata of at most \(metadataBytes) bytes are taken, \(size) came"))
    }
    if let encoding = request.metadata["grpc-encoding"], !["identity", "gzip"].contains(encoding) {
      return .refused(
        CallError(.unimplemented, "compression '\(encoding.prefix(40))' is not taken: send gzip or identity"))
    }
    request.sendsGzip = request.metadata["grpc-encoding"] == "gzip"
    if let text = request.metadata["grpc-timeout"] {
      guard let timeout = timeout(text) else {
        return .refused(
          CallError(.invalidArgument, "grpc-timeout '\(text.prefix(40))' is no time: expected as 100m"))
      }
      request.timeout = timeout
    }
    return .call(request)
  }

  /// Messages are protobuf, in frames of gRPC's own: `application/grpc-web` has others, `application/grpc+json` JSON.
  private static func isGrpc(_ contentType: String) -> Bool {
    if contentType == "application/grpc" { return true }
    let kind = contentType.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
    return ["application/grpc", "application/grpc+proto"].contains(kind)
  }

  /// A number of at most eight digits and a unit: H, M, S, m, u, n.
  public static func timeout(_ text: String) -> Duration? {
    let digits = text.utf8.dropLast()
    guard let unit = text.utf8.last, (1...8).contains(digits.count),
      digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let value = Int64(text.dropLast())
    else { return nil }
    switch Character(Unicode.Scalar(unit)) {
    case "H": return .seconds(value * 3600)
    case "M": return .seconds(value * 60)
    case "S": return .seconds(value)
    case "m": return .milliseconds(value)
    case "u": return .microseconds(value)
    case "n": return .nanoseconds(value)
    default: return nil
    }
  }
}

/// The end of a gRPC call, as its trailers say it.
public enum GrpcTrailers {
  /// - Parameter error: nil: it ended well.
  /// - Returns: names and values in the order in which they are sent.
  public static func headers(_ error: CallError?, isAlone: Bool) -> [(name: String, value: String)] {
    var headers: [(name: String, value: String)] = []
    if isAlone { headers = [(":status", "200"), ("content-type", "application/grpc")] }
    headers.append(("grpc-status", "\(error?.code.rawValue ?? 0)"))
    guard let error else { return headers }
    headers.append(("grpc-message", percentEncoded(error.message)))
    headers.append(("grpc-status-details-bin", GrpcStatus.encode(error).base64EncodedString()))
    if error.code == .unimplemented { headers.append(("grpc-accept-encoding", "identity,gzip")) }
    return headers
  }

  /// As grpc-message is written: bytes outside space to tilde, and percent signs, as %XX.
  public static func percentEncoded(_ text: String) -> String {
    var out = ""
    for byte in text.utf8 {
      if byte >= 0x20, byte <= 0x7E, byte != UInt8(ascii: "%") {
        out.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }
}

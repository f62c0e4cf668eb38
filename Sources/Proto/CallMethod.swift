import SwiftProtobuf

/// Which sides of a call send a stream of messages instead of one.
public enum CallShape: String, Sendable, CaseIterable { case unary, clientStreaming, serverStreaming, bidirectional }

/// A call's shape as a type, so that the compiler refuses a handler or a client of another shape.
public protocol CallKind: Sendable {
  /// The same as a value.
  static var shape: CallShape { get }
}
/// One message each way.
public enum Unary: CallKind { public static let shape = CallShape.unary }
/// Many messages from the client, one from the server.
public enum ClientStreaming: CallKind { public static let shape = CallShape.clientStreaming }
/// One message from the client, many from the server.
public enum ServerStreaming: CallKind { public static let shape = CallShape.serverStreaming }
/// Many messages each way, in any order.
public enum Bidirectional: CallKind { public static let shape = CallShape.bidirectional }

/// A call as `protos/` declares it. `Generated/methods.swift` holds one for every `rpc`; nothing else writes their
/// names.
public struct CallMethod<Kind: CallKind, Request: Message, Response: Message>: Sendable {
  /// As the wire writes it: "dither.v1.Inference/Predict".
  public let name: String
  /// - Parameter name: "package.Service/Method".
  public init(_ name: String) { self.name = name }
}

/// A `CallMethod` of any types.
public protocol AnyCallMethod: Sendable {
  /// As the wire writes it: "dither.v1.Inference/Predict".
  var name: String { get }
  /// Which sides send streams.
  var shape: CallShape { get }
  /// The full names of its messages in `protos/`: "dither.v1.PredictRequest".
  var messages: (request: String, response: String) { get }
}

extension CallMethod: AnyCallMethod {
  public var shape: CallShape { Kind.shape }
  public var messages: (request: String, response: String) { (Request.protoMessageName, Response.protoMessageName) }
}

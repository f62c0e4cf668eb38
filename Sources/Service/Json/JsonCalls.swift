import DitherBasics
import DitherProto
import DitherTransport
import Foundation
import SwiftProtobuf

/// The calls of `dither.v1` as JSON at the HTTP door, at `/v1/SERVICE/METHOD`: messages by proto3's JSON mapping,
/// with the names of `protos/`. A stream of answers is one of server-sent events.
/// Source: protobuf.dev/programming-guides/json; html.spec.whatwg.org, 9.2 Server-sent events.
struct JsonCalls {
  /// The package of our own services, with its dot.
  static let package = "dither.v1."

  private let services: Services

  init(_ services: Services) { self.services = services }

  var routes: [HttpRoute] {
    let calls = Calls.all.flatMap { $0.init(services).jsonRoutes(bodyBytes: services.limits.messageBytes) }
    return calls + [
      // Made at its first request: it is a third of what a start computes.
      HttpRoute(.get, "/v1/openapi.json", .all) { _, _ in HttpResponse(200, "application/json", OpenApi.document) }
    ]
  }

  static func path(of method: some AnyCallMethod) -> String { "/v1/\(method.name.dropFirst(package.count))" }

  static func access(_ policy: CallPolicy) -> HttpRoute.Access { policy.isOpen ? .all : .known(policy.role) }

  private static let style: JSONEncodingOptions = {
    var style = JSONEncodingOptions()
    style.preserveProtoFieldNames = true
    style.useDeterministicOrdering = true
    return style
  }()

  static func text(_ message: some Message) throws -> String { try message.jsonString(options: style) }

  /// The message of a body, of which none is the empty message; of a request without one that of the query's pairs.
  /// - Parameter advice: where a message of this kind is described.
  static func message<Asked: Message>(
    _ request: HttpRequest, advice: String = "see /v1/openapi.json"
  ) throws -> Asked {
    var body = request.body
    if request.method == .get { body = try JSONEncoder().encode(request.query) }
    guard !body.isEmpty else { return Asked() }
    do { return try Asked(jsonUTF8Bytes: body) } catch {
      let mistake = JsonMistake(error, in: body, of: Asked.self, at: request.method == .get ? "query" : "body")
      throw ServiceError(
        .badField, at: mistake.place, expected: mistake.expected, got: mistake.got, advice: mistake.advice ?? advice)
    }
  }
}

extension ServedCall {
  /// Whether it is of our own services, whose calls have a twin in JSON.
  private static var isOwn: Bool { method.name.hasPrefix(JsonCalls.package) }

  fileprivate static func unaryRoutes(
    _ bodyBytes: Int, _ answer: @escaping @Sendable (Request, CallContext) async throws -> Response
  ) -> [HttpRoute] {
    guard isOwn else { return [] }
    return [
      HttpRoute(
        .post, JsonCalls.path(of: method), JsonCalls.access(policy), bodyBytes: bodyBytes,
        deadline: policy.defaultDeadline
      ) { request, context in
        let found = try await answer(JsonCalls.message(request), context)
        return HttpResponse(200, "application/json", Array(try JsonCalls.text(found).utf8))
      }.tellingErrors(as: .json)
    ]
  }

  /// By POST, and, as browsers listen to events, by GET with the request's fields in the query.
  fileprivate static func eventRoutes(
    _ bodyBytes: Int,
    _ answer: @escaping @Sendable (Request, CallContext, ResponseWriter<Response>) async throws -> Void
  ) -> [HttpRoute] {
    guard isOwn else { return [] }
    return [HttpMethod.post, .get].map { verb in
      HttpRoute(
        verb, JsonCalls.path(of: method), JsonCalls.access(policy), bodyBytes: verb == .post ? bodyBytes : 0,
        deadline: policy.defaultDeadline
      ) { request, context in
        let asked: Request = try JsonCalls.message(request)
        return try await ServerSentEvents.response(until: context.cancellation) { send in
          try await answer(asked, context, send)
        }
      }.tellingErrors(as: .json)
    }
  }
}

extension UnaryCall {
  package func jsonRoutes(bodyBytes: Int) -> [HttpRoute] {
    Self.unaryRoutes(bodyBytes) { try await answer($0, Caller($1)) }
  }
}

extension PromptCall {
  package func jsonRoutes(bodyBytes: Int) -> [HttpRoute] {
    Self.unaryRoutes(bodyBytes) { request, context in
      try await withCheckedThrowingContinuation { continuation in
        answer(request, Caller(context)) { continuation.resume(with: $0) }
      }
    }
  }
}

extension ServerStreamCall {
  package func jsonRoutes(bodyBytes: Int) -> [HttpRoute] {
    Self.eventRoutes(bodyBytes) { try await answer($0, Caller($1), $2) }
  }
}

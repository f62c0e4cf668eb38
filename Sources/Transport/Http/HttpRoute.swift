import DitherProto
import Foundation

/// An HTTP request with those of its headers that routes need.
public struct HttpRequest: Sendable {
  public var method: HttpMethod
  /// Decoded, without the query.
  public var path: String
  /// The parts of the path that its route's pattern names.
  public var parameters: [String: String]
  /// The last value of each name.
  public var query: [String: String]
  /// Lower-case names; of a name that is repeated, the last.
  public var headers: [String: String]
  /// At most as many bytes as its route takes.
  public var body: Data

  /// The values of a body that an HTML form has sent; none of one that no form sends.
  public var form: [String: String] {
    HttpText.pairs(String(decoding: body, as: UTF8.self).replacing("+", with: " ")) ?? [:]
  }
}

extension HttpRequest {
  /// Whether a page of this server asks. A browser sends the cookie for pages of other ports of this host too, and says
  /// whose they are: source: w3.org/TR/fetch-metadata, 2.3; RFC 6454, 7.
  public var isOfOwnPage: Bool {
    if let site = headers["sec-fetch-site"] { return site == "same-origin" }
    guard let origin = headers["origin"], let host = headers["host"] else { return false }
    return origin == "https://\(host)" || origin == "http://\(host)"
  }

  /// Whether a browser asks for a page of another site or port: a form there can sign its reader in as somebody else,
  /// or out.
  public var isOfOthersPage: Bool {
    guard !isOfOwnPage else { return false }
    if let site = headers["sec-fetch-site"] { return site != "none" }
    return headers["origin"] != nil
  }
}

/// The methods that routes are for. `HEAD` is answered by the route of `GET`, without a body.
public enum HttpMethod: String, Sendable, CaseIterable {
  case get = "GET"
  case post = "POST"
  case put = "PUT"
  case delete = "DELETE"
}

/// An answer: whole, or written bit by bit.
public struct HttpResponse: Sendable {
  /// All at once, or as it is made.
  public enum Body: Sendable {
    case bytes([UInt8])
    /// Run in the call's task once the headers have gone; each piece goes at the pace at which the client takes it.
    case stream(@Sendable (_ write: @Sendable (Data) async throws -> Void) async throws -> Void)
  }
  /// HTTP's.
  public var status: Int
  /// With its character set.
  public var contentType: String
  /// Beside those that every answer has.
  public var headers: [(name: String, value: String)] = []
  /// The content behind the headers.
  public var body: Body
  /// Whether it is a page with a script of this server, which asks this server.
  public private(set) var isScripted = false
  /// The hash of the one script in a page, as a content security policy names it; nil: it has none of its own.
  public private(set) var scriptHash: String?

  public init(_ status: Int = 200, _ contentType: String, _ body: [UInt8]) {
    self.init(status, contentType, .bytes(body))
  }
  public init(_ status: Int = 200, _ contentType: String, _ body: Body) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
  /// Plain text in UTF-8.
  public static func text(_ text: String, status: Int = 200) -> HttpResponse {
    HttpResponse(status, "text/plain; charset=utf-8", Array(text.utf8))
  }
  /// A page in UTF-8.
  public static func html(_ html: [UInt8], status: Int = 200) -> HttpResponse {
    HttpResponse(status, "text/html; charset=utf-8", html)
  }
  /// A page that has one script in it.
  /// - Parameter scriptHash: the script's, as a content security policy names it: `sha256-…`.
  public static func html(_ html: [UInt8], scriptHash: String) -> HttpResponse {
    var response = HttpResponse(200, "text/html; charset=utf-8", html)
    response.scriptHash = scriptHash
    return response
  }
  /// A page with a script of this server.
  public static func scripted(_ html: [UInt8], status: Int = 200) -> HttpResponse {
    var response = HttpResponse(status, "text/html; charset=utf-8", html)
    response.isScripted = true
    return response
  }
  /// To be asked for with GET elsewhere on this server.
  public static func seeOther(_ path: String) -> HttpResponse {
    var response = text("see \(path)\n", status: 303)
    response.headers = [("location", path)]
    return response
  }
}

/// A call at the HTTP door: a method and a pattern of paths, who may ask, and how it is answered. It goes through the
/// same dispatcher as the calls of the other doors: one identity, one set of limits, deadlines and figures.
public struct HttpRoute: Sendable {
  /// Whom a route serves.
  public enum Access: Sendable {
    /// Everybody, at any time: while the server drains or is full too. Answered on the event loop: it must not wait.
    case always(@Sendable (HttpRequest) -> HttpResponse)
    /// A known caller, with the role if there is one.
    case known(Role?)
    /// As `known`; and everybody on this machine, where the server is for this machine alone. A page of another site
    /// that a browser was led to name as this machine is not: its requests name another host.
    case local(Role?)
    /// Everybody.
    case all
  }

  public let method: HttpMethod
  /// Literal segments, and `{name}` for one that is anything, with literal text around it: "/audits/{id}.json".
  public let pattern: String
  /// Whom it serves.
  public let access: Access
  /// The largest body that is taken; 0: none.
  public let bodyBytes: Int
  /// nil: it may take as long as it takes.
  public let deadline: Duration?
  /// How a call that fails is told of it.
  public enum ErrorForm: Sendable {
    /// For people and scripts.
    case text
    /// An object with the member `error`.
    case json
  }
  private(set) var errorForm = ErrorForm.text
  let answer: @Sendable (HttpRequest, CallContext) async throws -> HttpResponse
  private let segments: [Segment]

  private enum Segment: Equatable {
    case literal(String)
    case named(String, before: String, after: String)
  }

  /// - Parameters:
  ///   - pattern: from "/", see `pattern`.
  ///   - answer: runs in a task of its own, which ends when the call does.
  public init(
    _ method: HttpMethod, _ pattern: String, _ access: Access, bodyBytes: Int = 0, deadline: Duration? = .seconds(30),
    _ answer: @escaping @Sendable (HttpRequest, CallContext) async throws -> HttpResponse
  ) {
    self.method = method
    self.pattern = pattern
    self.access = access
    self.bodyBytes = bodyBytes
    self.deadline = deadline
    self.answer = answer
    segments = Self.split(pattern).map { text in
      guard let open = text.firstIndex(of: "{"), let close = text.lastIndex(of: "}") else { return .literal(text) }
      return .named(
        String(text[text.index(after: open)..<close]), before: String(text[..<open]),
        after: String(text[text.index(after: close)...]))
    }
  }

  /// The same, with another form of its errors.
  public func tellingErrors(as form: ErrorForm) -> HttpRoute {
    var route = self
    route.errorForm = form
    return route
  }

  /// A route that is answered always, at once, on the event loop.
  public static func always(_ pattern: String, _ answer: @escaping @Sendable (HttpRequest) -> HttpResponse) -> HttpRoute
  { HttpRoute(.get, pattern, .always(answer)) { request, _ in answer(request) } }

  /// As figures and logs name it: one for all paths of the pattern.
  var name: String { "\(method.rawValue) \(pattern)" }

  /// - Returns: what the pattern names, if the path is one of its paths.
  func match(_ path: String) -> [String: String]? {
    let parts = Self.split(path)
    guard parts.count == segments.count else { return nil }
    var found: [String: String] = [:]
    for (segment, part) in zip(segments, parts) {
      switch segment {
      case .literal(let text): guard part == text else { return nil }
      case .named(let name, let before, let after):
        guard part.count > before.count + after.count, part.hasPrefix(before), part.hasSuffix(after) else { return nil }
        found[name] = String(part.dropFirst(before.count).dropLast(after.count))
      }
    }
    return found
  }

  fileprivate static func firstSegment(_ path: some StringProtocol) -> String {
    String(path.dropFirst().prefix { $0 != "/" })
  }

  private static func split(_ path: String) -> [String] {
    path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
  }
}

/// The routes of a door.
public struct HttpRoutes: Sendable {
  enum Found {
    case route(HttpRoute, [String: String])
    /// The path is there for these methods.
    case otherMethods([HttpMethod])
    case none
  }
  private let routes: [HttpRoute]
  /// - Parameter routes: the first that matches is taken.
  public init(_ routes: [HttpRoute]) { self.routes = routes }

  /// The form of errors where no route answers: that of programs, where routes for them begin as the path does.
  /// - Parameter path: as the request line has it.
  func errorForm(near path: some StringProtocol) -> HttpRoute.ErrorForm {
    let first = HttpRoute.firstSegment(path)
    return routes.contains { $0.errorForm == .json && HttpRoute.firstSegment($0.pattern) == first } ? .json : .text
  }

  func find(_ method: String, _ path: String) -> Found {
    var others: [HttpMethod] = []
    for route in routes {
      guard let parameters = route.match(path) else { continue }
      if route.method.rawValue == method || route.method == .get && method == "HEAD" {
        return .route(route, parameters)
      }
      others.append(route.method)
    }
    return others.isEmpty ? .none : .otherMethods(others)
  }
}

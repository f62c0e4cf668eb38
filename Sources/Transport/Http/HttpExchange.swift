import DitherBasics
import DitherProto
import Foundation

/// One request at the HTTP door, up to its whole body. No socket, clock or lock: a head and bytes in, actions out.
struct HttpExchange {
  enum Action: Equatable {
    case none
    /// The head is good: the call begins, with the body still to come.
    case open
    /// The request is whole.
    case run(Data)
    case refuse(Refusal)
  }
  /// A request that no handler sees.
  struct Refusal: Equatable {
    var status: Int
    var error: CallError
    /// The methods that its path is there for.
    var allowed: [HttpMethod] = []
    /// The form of its words, where no route has one.
    var form = HttpRoute.ErrorForm.text
    /// Whether the connection ends after it: what follows cannot be told from the rest of the body.
    var closes = false
  }

  private(set) var request: HttpRequest
  private(set) var route: HttpRoute?
  private(set) var isHead = false
  private var isOver = false

  init() { request = HttpRequest(method: .get, path: "/", parameters: [:], query: [:], headers: [:], body: Data()) }

  /// - Parameters:
  ///   - target: path and query, as the request line has them.
  ///   - headers: names as they came.
  mutating func receive(
    method: String, target: String, headers: some Sequence<(name: String, value: String)>, routes: HttpRoutes
  ) -> Action {
    self = HttpExchange()
    isHead = method == "HEAD"
    for (name, value) in headers { request.headers[name.lowercased()] = value }
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    // Looked for only where it is needed.
    var form: HttpRoute.ErrorForm { routes.errorForm(near: parts[0]) }
    guard target.hasPrefix("/"), let path = HttpText.decoded(parts[0]),
      let query = HttpText.pairs(parts.count == 2 ? parts[1] : "")
    else {
      return refuse(400, .invalidArgument, "no address: '\(target.clipped(to: 80))'", form: form)
    }
    request.path = path
    request.query = query
    switch routes.find(method, path) {
    case .none: return refuse(404, .notFound, form == .json ? "no such call" : "no such page", form: form)
    case .otherMethods(let methods):
      let names = methods.map(\.rawValue).joined(separator: ", ")
      return refuse(405, .unimplemented, "only \(names) is answered here", form: form, allowed: methods)
    case .route(let route, let parameters):
      self.route = route
      request.method = route.method
      request.parameters = parameters
    }
    if let length = request.headers["content-length"].flatMap(Int.init), length > bound { return tooLarge(length) }
    return .open
  }

  private var bound: Int { route?.bodyBytes ?? 0 }

  mutating func receive(body: some Collection<UInt8>) -> Action {
    guard !isOver else { return .none }
    guard request.body.count + body.count <= bound else { return tooLarge(request.body.count + body.count) }
    request.body.append(contentsOf: body)
    return .none
  }

  mutating func end() -> Action {
    guard !isOver else { return .none }
    isOver = true
    return .run(request.body)
  }

  private mutating func tooLarge(_ bytes: Int) -> Action {
    let expected = bound == 0 ? "no body is taken here" : "a body of at most \(bound) bytes is taken"
    return refuse(413, .resourceExhausted, "\(expected), \(bytes) came", closes: true)
  }

  private mutating func refuse(
    _ status: Int, _ code: StatusCode, _ message: String, form: HttpRoute.ErrorForm = .text,
    allowed: [HttpMethod] = [], closes: Bool = false
  ) -> Action {
    isOver = true
    return .refuse(
      Refusal(status: status, error: CallError(code, message), allowed: allowed, form: form, closes: closes))
  }
}

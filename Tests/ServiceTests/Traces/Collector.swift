import Foundation
import Synchronization

/// A collector of spans on the loopback: keeps what it is sent, and answers as it is told.
final class Collector: Sendable {
  struct Request: Sendable {
    var head: String
    var body: Data
  }
  /// One of the spans that were taken.
  struct Span: Decodable, Sendable {
    struct Attribute: Decodable, Sendable {
      struct Value: Decodable, Sendable {
        var stringValue: String?
        var intValue: String?
      }
      var key: String
      var value: Value
    }
    struct Status: Decodable, Sendable { var code: Int }
    var traceId: String
    var spanId: String
    var parentSpanId: String?
    var traceState: String?
    var name: String
    var kind: Int
    var startTimeUnixNano: String
    var endTimeUnixNano: String
    var attributes: [Attribute]
    var status: Status
    var start: UInt64 { UInt64(startTimeUnixNano) ?? 0 }
    var end: UInt64 { UInt64(endTimeUnixNano) ?? 0 }
    subscript(_ key: String) -> String? {
      attributes.first { $0.key == key }.flatMap { $0.value.stringValue ?? $0.value.intValue }
    }
  }
  private struct Message: Decodable {
    struct Resource: Decodable { var scopeSpans: [Scope] }
    struct Scope: Decodable { var spans: [Span] }
    var resourceSpans: [Resource]
  }

  let port: Int
  private let listener: Int32
  private let asked = Mutex<[Request]>([])
  private let answers: Mutex<[(status: Int, body: String)]>
  private let seconds: Double

  /// - Parameters:
  ///   - answers: of the first requests; all later ones are taken.
  ///   - seconds: that it takes before each answer.
  init(_ answers: [(status: Int, body: String)] = [], after seconds: Double = 0) throws {
    self.answers = Mutex(answers)
    self.seconds = seconds
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var place = sockaddr_in(), size = socklen_t(MemoryLayout<sockaddr_in>.size)
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let descriptor = listener
    let isOpen = withUnsafeMutablePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isOpen else { throw POSIXError(.EADDRINUSE) }
    port = Int(UInt16(bigEndian: place.sin_port))
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0, let self else {
          if connection >= 0 { close(connection) }
          return
        }
        answer(connection)
        close(connection)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  var requests: [Request] { asked.withLock { $0 } }
  /// Those of requests that were taken or not, in their order.
  var spans: [Span] {
    requests.flatMap { request in
      let message = try? JSONDecoder().decode(Message.self, from: request.body)
      return message?.resourceSpans.flatMap { $0.scopeSpans.flatMap(\.spans) } ?? []
    }
  }

  /// Waits, for a minute at most, until what has come is enough.
  func wait(until isEnough: ([Span]) -> Bool) async throws -> [Span] {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      let spans = spans
      if isEnough(spans) { return spans }
      try await Task.sleep(for: .milliseconds(20))
    }
    return spans
  }

  private func answer(_ connection: Int32) {
    var bytes = Data(), buffer = [UInt8](repeating: 0, count: 65_536)
    func more() -> Bool {
      let count = recv(connection, &buffer, buffer.count, 0)
      if count > 0 { bytes.append(contentsOf: buffer[..<count]) }
      return count > 0
    }
    let end = Data("\r\n\r\n".utf8)
    while bytes.range(of: end) == nil { guard more() else { return } }
    guard let border = bytes.range(of: end) else { return }
    let head = String(decoding: bytes[..<border.lowerBound], as: UTF8.self)
    let length = head.lowercased().firstMatch(of: /content-length: *(\d+)/).flatMap { Int($0.1) } ?? 0
    while bytes.count - border.upperBound < length { guard more() else { return } }
    asked.withLock { $0.append(Request(head: head, body: Data(bytes[border.upperBound...]))) }
    Thread.sleep(forTimeInterval: seconds)
    let answer = answers.withLock { $0.isEmpty ? (status: 200, body: "{}") : $0.removeFirst() }
    let text =
      "HTTP/1.1 \(answer.status) X\r\ncontent-length: \(answer.body.utf8.count)\r\nconnection: close\r\n\r\n\(answer.body)"
    _ = text.withCString { send(connection, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
  }
}

import Foundation
import Synchronization

/// A server of HTTP/1.1 on loopback that answers as a test wants it to: late, in part, with an error, or not at all.
final class FaultyServer: Sendable {
  struct Request: Sendable {
    var method: String
    /// With the query.
    var target: String
    /// Names in small letters.
    var headers: [String: String]
    var body: [UInt8]
  }

  /// An answer.
  struct Reply: Sendable {
    var status = 200
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    /// Bytes of the body that are sent before the connection is closed; nil: all.
    var cut: Int?
    /// Seconds before anything is sent.
    var pause = 0.0

    static func error(_ status: Int, _ code: String, headers: [String: String] = [:]) -> Reply {
      Reply(
        status: status, headers: headers, body: Array("<Error><Code>\(code)</Code><Message>m</Message></Error>".utf8))
    }
    /// Objects by their names.
    static func list(_ keys: [String], next: String? = nil) -> Reply {
      let keys = keys.map { "<Contents><Key>\($0)</Key></Contents>" }.joined()
      let more = next.map { "<IsTruncated>true</IsTruncated><NextContinuationToken>\($0)</NextContinuationToken>" }
      return Reply(body: Array("<ListBucketResult>\(keys)\(more ?? "")</ListBucketResult>".utf8))
    }
  }

  let port: Int
  private let listener: Int32
  private let answer: @Sendable (Request, _ number: Int) -> Reply
  private let seen = Mutex<[Request]>([])

  /// - Parameter answer: to a request, with how many came before it.
  init(_ answer: @escaping @Sendable (Request, _ number: Int) -> Reply) throws {
    self.answer = answer
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in(), length = socklen_t(MemoryLayout<sockaddr_in>.size)
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw POSIXError(.EADDRINUSE) }
    port = Int(UInt16(bigEndian: address.sin_port))
    let thread = Thread { [weak self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread { [weak self] in
          self?.serve(connection)
          close(connection)
        }.start()
      }
    }
    thread.start()
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  var endpoint: String { "http://127.0.0.1:\(port)" }
  var requests: [Request] { seen.withLock { $0 } }

  private func serve(_ connection: Int32) {
    var buffer: [UInt8] = []
    while let request = Self.read(connection, &buffer) {
      let number = seen.withLock { seen in
        seen.append(request)
        return seen.count - 1
      }
      let reply = answer(request, number)
      if reply.pause > 0 { Thread.sleep(forTimeInterval: reply.pause) }
      var head =
        "HTTP/1.1 \(reply.status) X\r\ncontent-length: \(reply.headers["content-length"] ?? "\(reply.body.count)")\r\n"
      for (name, value) in reply.headers where name != "content-length" { head += "\(name): \(value)\r\n" }
      let body = request.method == "HEAD" ? [] : Array(reply.body.prefix(reply.cut ?? .max))
      guard Self.write(connection, Array((head + "\r\n").utf8) + body), reply.cut == nil else { return }
    }
  }

  private static func read(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
    func more() -> Bool {
      var piece = [UInt8](repeating: 0, count: 65_536)
      let count = recv(connection, &piece, piece.count, 0)
      guard count > 0 else { return false }
      buffer += piece[..<count]
      return true
    }
    let end = Array("\r\n\r\n".utf8)
    while buffer.firstRange(of: end) == nil { guard more() else { return nil } }
    guard let place = buffer.firstRange(of: end) else { return nil }
    let lines = String(decoding: buffer[..<place.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ").map(String.init)
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let halves = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      headers[halves[0].lowercased()] = halves.count > 1 ? halves[1] : ""
    }
    if headers["expect"] != nil { _ = write(connection, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
    let count = headers["content-length"].flatMap { Int($0) } ?? 0
    while buffer.count < place.upperBound + count { guard more() else { return nil } }
    let body = Array(buffer[place.upperBound..<place.upperBound + count])
    buffer.removeFirst(place.upperBound + count)
    return Request(method: words[0], target: words.count > 1 ? words[1] : "", headers: headers, body: body)
  }

  private static func write(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(connection, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }
}

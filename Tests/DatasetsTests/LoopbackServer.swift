import Foundation
import Synchronization

/// A web server of a test's own, on a free port of the loopback.
final class LoopbackServer: Sendable {
  enum Reply: Sendable {
    case body([UInt8], headers: [String] = [])
    case status(Int)
    /// Promises more than it sends, then closes.
    case cut([UInt8], promised: Int)
    /// Sends this and then nothing, with the connection held open.
    case stall([UInt8])
  }

  let address: URL
  private let listener: Int32
  private let asked = Mutex<[String]>([])
  private let held = Mutex<[Int32]>([])
  /// The paths that were asked for.
  var requests: [String] { asked.withLock { $0 } }

  init(_ replies: [String: Reply]) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var place = sockaddr_in(), size = socklen_t(MemoryLayout<sockaddr_in>.size)
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let descriptor = listener
    let port: UInt16? =
      withUnsafeMutablePointer(to: &place) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, size) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, $0, &size) == 0
        }
      } ? UInt16(bigEndian: place.sin_port) : nil
    guard let port, let address = URL(string: "http://127.0.0.1:\(port)/mirror") else {
      close(listener)
      throw CocoaError(.fileNoSuchFile)
    }
    self.address = address
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0, let self else {
          if connection >= 0 { close(connection) }
          return
        }
        answer(connection, replies)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    for connection in held.withLock({ $0 }) { close(connection) }
  }

  private func answer(_ connection: Int32, _ replies: [String: Reply]) {
    var request: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
    while !request.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      request += buffer[..<count]
    }
    let words = String(decoding: request, as: UTF8.self).split(separator: " ")
    let path = words.count > 1 ? String(words[1]) : ""
    asked.withLock { $0.append(path) }
    switch replies[path] ?? .status(404) {
    case .body(let body, let headers):
      send("200 OK", headers + ["Content-Length: \(body.count)"], body, to: connection)
    case .status(let status): send("\(status) No", ["Content-Length: 2"], Array("no".utf8), to: connection)
    case .cut(let body, let promised): send("200 OK", ["Content-Length: \(promised)"], body, to: connection)
    case .stall(let body):
      send("200 OK", ["Content-Length: \(body.count + 100)"], body, to: connection)
      return held.withLock { $0.append(connection) }
    }
    shutdown(connection, Int32(SHUT_RDWR))
    close(connection)
  }

  private func send(_ status: String, _ headers: [String], _ body: [UInt8], to connection: Int32) {
    let head = (["HTTP/1.1 \(status)"] + headers + ["Connection: close", "", ""]).joined(separator: "\r\n")
    let bytes = Array(head.utf8) + body
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Foundation.send(connection, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}

import DitherProto
import DitherTransport
import Foundation
import FuzzDriver
import Logging

extension Reader {
  /// The HTTP door on loopback: each input is what one client sends before it stops sending.
  static let http = Reader(name: "http") { bytes in
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var patience = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(Doors.port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    precondition(connected == 0, "the door no longer answers")
    _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    shutdown(socket, Int32(SHUT_WR))
    var answer = [UInt8](repeating: 0, count: 1 << 12)
    while recv(socket, &answer, answer.count, 0) > 0 {}
  }
}

private enum Doors {
  static let port: Int = {
    let found = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var port = 0
    Task.detached {
      let log = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
      let dispatcher = CallDispatcher(
        table: CallTable(mapError: { CallError(.internalError, "\($0)") }), authenticator: Nobody(), logger: log)
      let door = try await HttpDoor.open(
        dispatcher, .init(HttpRoutes(routes), isLocal: false, signInPath: "/sign-in"), host: "127.0.0.1", port: 0,
        tls: nil)
      port = door.port
      doors.append(door)
      found.signal()
    }
    found.wait()
    return port
  }()

  /// A page, a parameter with its query, and a form.
  private static let routes: [HttpRoute] = [
    .always("/healthz") { _ in .text("ok") },
    HttpRoute(.get, "/things/{id}", .all) { request, _ in
      .text("\(request.parameters) \(request.query.sorted { $0.key < $1.key })")
    },
    HttpRoute(.post, "/things/{id}", .all, bodyBytes: 1000) { request, _ in .text("\(request.form.count)") },
    HttpRoute(.get, "/secret", .known(.admin)) { _, _ in .text("secret") },
  ]

  private struct Nobody: Authenticator {
    func identify(bearer token: String) -> Identity? { nil }
    func identify(certificate: ClientCertificate) -> Identity? { nil }
  }

  /// Kept open.
  nonisolated(unsafe) private static var doors: [Door] = []
}

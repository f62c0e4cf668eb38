import DitherTransport
import Foundation
import Logging

/// What libFuzzer calls: the HTTP door on loopback; each input is what one client sends before it stops sending.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
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
  _ = send(socket, data, size, Int32(MSG_NOSIGNAL))
  shutdown(socket, Int32(SHUT_WR))
  var answer = [UInt8](repeating: 0, count: 1 << 12)
  while recv(socket, &answer, answer.count, 0) > 0 {}
  return 0
}

private enum Doors {
  static let port: Int = {
    let found = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var port = 0
    Task.detached {
      let door = try await HttpDoor.open(host: "127.0.0.1", port: 0, tls: nil, logger: Logger(label: "fuzz")) {
        .text("\($0.path) \($0.query.sorted { $0.key < $1.key })\n")
      }
      port = door.port
      doors.append(door)
      found.signal()
    }
    found.wait()
    return port
  }()

  /// Kept open.
  nonisolated(unsafe) private static var doors: [Door] = []
}

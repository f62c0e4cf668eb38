import Foundation

/// A plain connection to a server on this machine, so that a test may send what no client would.
public enum Loopback {
  /// - Returns: the descriptor of a connected socket, which the caller closes. A read waits for 300 s at most: tests that
  ///   compute may hold every thread of the pool for minutes, and a server's task waits as long.
  /// - Throws: `POSIXError` where nobody listens.
  public static func connect(port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      let code = POSIXErrorCode(rawValue: errno) ?? .ECONNREFUSED
      close(descriptor)
      throw POSIXError(code)
    }
    var patience = timeval(tv_sec: 300, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    return descriptor
  }
}

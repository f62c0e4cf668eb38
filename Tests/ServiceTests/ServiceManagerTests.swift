import DitherService
import DitherTestSupport
import Foundation
import Logging
import Testing

/// A socket of a service manager's, as systemd binds one.
final class ManagerSocket: Sendable {
  private let descriptor: Int32

  /// - Parameter address: a path, or `@` and a name.
  init(_ address: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var place = sockaddr_un()
    place.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(address.utf8)
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 } else { bytes.append(0) }
    withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let bound = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    try #require(bound == 0, "\(String(cString: strerror(errno)))")
    var patience = timeval(tv_sec: 0, tv_usec: 20_000)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// The next datagram that is not one of the watchdog's, unless those are asked for; nil after a minute without one.
  func next(skipping skipped: String = "WATCHDOG=1") async -> String? {
    var buffer = [UInt8](repeating: 0, count: 256)
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      let word = count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : skipped
      if word != skipped { return word }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return nil
  }
}

@Suite("The service manager")
struct ServiceManagerTests {
  @Test("hears each word as a datagram, at a path and at an abstract name")
  func words() async throws {
    let scratch = try Scratch()
    for address in [scratch.file("notify"), "@dither-\(UUID().uuidString)"] {
      let socket = try ManagerSocket(address)
      let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": address]))
      for (word, text) in [(ServiceManager.Word.ready, "READY=1"), (.stopping, "STOPPING=1"), (.alive, "WATCHDOG=1")] {
        #expect(manager.tell(word))
        #expect(await socket.next(skipping: "") == text)
      }
    }
  }

  @Test("an address that is none is no manager", arguments: ["", "relative", "/" + String(repeating: "x", count: 200)])
  func nobody(_ address: String) {
    #expect(ServiceManager(environment: ["NOTIFY_SOCKET": address]) == nil)
  }

  @Test("where nobody listens, the word is lost and nothing else")
  func gone() throws {
    let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": try Scratch().file("none")]))
    #expect(!manager.tell(.ready))
  }

  @Test("a watchdog is this process's or none")
  func watchdogs() throws {
    for (environment, period) in [
      ([:], nil), (["WATCHDOG_USEC": "500000"], Duration.milliseconds(500)), (["WATCHDOG_USEC": "0"], nil),
      (["WATCHDOG_USEC": "x"], nil), (["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "7"], .milliseconds(1)),
      (["WATCHDOG_USEC": "1000", "WATCHDOG_PID": "8"], nil),
    ] as [([String: String], Duration?)] {
      let told = environment.merging(["NOTIFY_SOCKET": "/run/notify"]) { $1 }
      #expect(try #require(ServiceManager(environment: told, process: 7)).watchdog == period, "\(environment)")
    }
  }

  @Test("a server says when it serves, that it lives, and when it stops")
  func server() async throws {
    let scratch = try Scratch(), socket = try ManagerSocket(scratch.file("notify"))
    var configuration = ServerConfiguration(stateDirectory: scratch.file("state"))
    (configuration.framedPort, configuration.grpcPort, configuration.httpPort) = (0, 0, 0)
    configuration.logLevel = .critical
    configuration.serviceManager = ServiceManager(
      environment: ["NOTIFY_SOCKET": scratch.file("notify"), "WATCHDOG_USEC": "20000"])
    let running = try await DitherServer(configuration).start()
    #expect(await socket.next() == "READY=1")
    #expect(await socket.next(skipping: "") == "WATCHDOG=1")
    await running.drain(grace: .zero)
    #expect(await socket.next() == "STOPPING=1")
  }
}

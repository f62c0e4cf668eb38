import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Foundation
import Logging
import NIOCore

/// The ways in: the framed door and the gRPC door over one table of calls, and the console; each at a port of its own,
/// or all three at one.
struct Doors: Sendable {
  let framed: Door
  let grpc: Door
  let http: Door
  let dispatcher: CallDispatcher
  /// The certificate authority that the server made for itself.
  let authority: String?

  init(_ configuration: ServerConfiguration, _ services: Services, _ authority: TokenAuthority, _ log: Logger)
    async throws
  {
    let (tls, ownAuthority) = try await Self.tls(configuration, services.store, log)
    var limits = CallDispatcher.Limits()
    limits.messageBytes = configuration.limits.messageBytes
    let observer = CallObserver(
      metrics: services.metrics, log: log, accessLog: services.accessLog, slowness: configuration.slowCall)
    let tracer = services.spans?.tracer
    let dispatcher = CallDispatcher(
      table: Calls.table(services), authenticator: authority, limits: limits, rates: services.rates, logger: log,
      observe: { observer.end($0) }, trace: { tracer?.begin($0, $1) })
    var wire = WireLimits()
    // A message travels in a frame with its call, method and metadata.
    wire.maxFrameBytes = configuration.limits.messageBytes + 64 << 10
    // On loopback the console is for this machine's browser, which does not know a certificate made here.
    let httpTls = configuration.tls == .generated ? nil : tls
    let console = Console(
      services: services, dispatcher: dispatcher, sessions: authority.sessions, usesTls: httpTls != nil)
    var http = HttpDoor.Service(console.routes, isLocal: configuration.isLoopback, signInPath: Console.signIn)
    http.errorPage = { ErrorPage(error: $0).bytes }
    let host = configuration.host
    if let port = configuration.sharedPort {
      var settings = SharedDoor.Settings(tls: tls)
      settings.takesPlainHttp = httpTls == nil
      let door = try await Self.opening("listen") {
        try await SharedDoor.open(dispatcher, http, host: host, port: port, settings, limits: wire)
      }
      self.init(framed: door, grpc: door, http: door, dispatcher: dispatcher, authority: ownAuthority)
      return
    }
    // Doors that are open when a later one cannot be opened are closed again.
    var open: [Door] = []
    do {
      open.append(
        try await Self.opening("framed-port") {
          try await FramedDoor.open(dispatcher, host: host, port: configuration.framedPort, tls: tls, limits: wire)
        })
      open.append(
        try await Self.opening("grpc-port") {
          try await GrpcDoor.open(dispatcher, host: host, port: configuration.grpcPort, tls: tls)
        })
      open.append(
        try await Self.opening("http-port") {
          try await HttpDoor.open(dispatcher, http, host: host, port: configuration.httpPort, tls: httpTls)
        })
      self.init(framed: open[0], grpc: open[1], http: open[2], dispatcher: dispatcher, authority: ownAuthority)
    } catch {
      for door in open { await door.drain(grace: .zero) }
      throw error
    }
  }

  /// A port that is taken is told with the setting that says another.
  private static func opening(_ setting: String, _ open: () async throws -> Door) async throws -> Door {
    do { return try await open() } catch var fault as TransportError where fault.code == .bind {
      fault.advice = "say another with --\(setting); port 0 is any that is free"
      throw fault
    }
  }

  private init(framed: Door, grpc: Door, http: Door, dispatcher: CallDispatcher, authority: String?) {
    self.framed = framed
    self.grpc = grpc
    self.http = http
    self.dispatcher = dispatcher
    self.authority = authority
  }

  private static func tls(
    _ configuration: ServerConfiguration, _ store: any Store, _ log: Logger
  ) async throws -> (TlsSource?, authority: String?) {
    switch configuration.tls {
    case .insecure: return (nil, nil)
    case .generated:
      let made = try SelfSignedAuthority(in: URL(filePath: configuration.stateDirectory + "/tls"))
      _ = try await CommonFiles.settle(
        "certificates", [made.authority, made.files.certificate, made.files.key], in: store)
      return (try TlsSource(made.files, minimum: configuration.tlsMinimum, log: log), made.authority)
    case .files(let certificate, let key, let clientCA):
      let files = TlsSource.Files(certificate: certificate, key: key, clientAuthority: clientCA)
      return (try TlsSource(files, minimum: configuration.tlsMinimum, log: log), nil)
    }
  }

  private var all: [Door] { [framed, grpc, http] }

  /// Comes back once every door has.
  func respond() async {
    for door in all { await door.respond() }
  }

  func drain(grace: Duration) async {
    await withTaskGroup { group in
      for door in all { group.addTask { await door.drain(grace: grace) } }
    }
  }
}

import DitherBasics
import DitherJobs
import DitherProto
import DitherStore
import DitherTransport
import Foundation
import Logging

/// A server that is not yet running.
public struct DitherServer: Sendable {
  /// As it was started with.
  public let configuration: ServerConfiguration

  public init(_ configuration: ServerConfiguration) { self.configuration = configuration }

  /// Opens the store, publishes the models folder, opens the doors, goes on with audits that were interrupted, and
  /// writes the ready file.
  /// - Throws: what is wrong with the configuration, the state directory or an address.
  public func start() async throws -> RunningServer {
    var log = Logger(label: "dither")
    log.logLevel = configuration.logLevel
    let services = try await Services(configuration, log: log)
    let tokens = services.store.tokens
    let firstToken = try await Self.firstToken(tokens)
    let session = Token.secret()
    let authority = TokenAuthority(
      tokens: tokens, session: session,
      terms: .init(rates: configuration.callerRates, clients: configuration.clients), log: log)
    let doors = try await Doors(configuration, services, authority, log)
    try await services.audits.resume()
    let server = RunningServer(
      configuration: configuration, services: services, doors: doors, firstToken: firstToken,
      sessionToken: session)
    do {
      try server.writeReadyFile()
    } catch {
      await server.drain(grace: .zero)
      throw error
    }
    configuration.serviceManager?.tell(.ready)
    log.info(
      "ready",
      metadata: [
        "framed": "\(doors.framed.port)", "grpc": "\(doors.grpc.port)", "http": "\(doors.http.port)",
        "models": "\(services.registry.current.versions.count)",
      ])
    return server
  }

  /// - Returns: nil where there are tokens: of this server's earlier life, or of one that shares its store.
  private static func firstToken(_ tokens: any TokenRecords) async throws(StoreError) -> String? {
    guard try await tokens.list().isEmpty else { return nil }
    do throws(StoreError) { return try await tokens.create("admin", roles: [Role.admin.rawValue]) } catch {
      guard error.code == .alreadyExists else { throw error }
      return nil
    }
  }
}

/// A server that takes calls, until it is drained.
public final class RunningServer: Sendable {
  /// As it was started with.
  public let configuration: ServerConfiguration
  /// The token that the first start of a state directory makes, to be shown this once.
  public let firstToken: String?
  /// Good for every role for as long as this process lives; the ready file carries it.
  public let sessionToken: String
  package let services: Services
  private let doors: Doors
  private let watch: Task<Void, Never>?

  init(
    configuration: ServerConfiguration, services: Services, doors: Doors, firstToken: String?, sessionToken: String
  ) {
    self.configuration = configuration
    self.services = services
    self.doors = doors
    self.firstToken = firstToken
    self.sessionToken = sessionToken
    watch = configuration.serviceManager?.watch { await doors.respond() }
  }

  /// The one it listens at, also where 0 was asked for.
  public var framedPort: Int { doors.framed.port }
  /// The one it listens at, also where 0 was asked for.
  public var grpcPort: Int { doors.grpc.port }
  /// The one it listens at, also where 0 was asked for.
  public var httpPort: Int { doors.http.port }
  /// The authority that clients shall trust, as a PEM file; nil where the server did not make its certificate itself.
  public var authorityPath: String? { doors.authority }
  /// The public half of the key that signs reports, as a PEM file: for `dither verify --key`.
  public var reportKeyPath: String { Ed25519.PrivateKey.publicPath(of: configuration.reportKeyPath) }
  /// How clients of the framed door write this server's address.
  public var address: String {
    let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
    return "\(configuration.tls == .insecure ? "dither+plain" : "dither")://\(host):\(framedPort)"
  }

  /// Longer than a connection may take to learn that it is to end: calls that are on their way meanwhile are taken.
  private static let farewell = Duration.milliseconds(1500)

  /// Says that it is leaving, and takes calls for the time of a lame duck, until balancers know. Then takes no new
  /// ones, lets those in flight end for at most `grace`, and closes. Audits go on at the next start.
  public func drain(grace: Duration = .seconds(30)) async {
    configuration.serviceManager?.tell(.stopping)
    services.readiness.leave()
    if grace > .zero, configuration.lameDuck > .zero { try? await Task.sleep(for: configuration.lameDuck) }
    async let stopped: Void = services.audits.stop()
    // Each door tells its connections first: a call that is answered with a refusal is lost to most clients.
    let refusal = Task { [dispatcher = doors.dispatcher] in
      try? await Task.sleep(for: Self.farewell)
      dispatcher.drain()
    }
    await doors.drain(grace: grace)
    refusal.cancel()
    await refusal.value
    await stopped
    services.batcher.close()
    watch?.cancel()
  }

  func writeReadyFile() throws(ServiceError) {
    guard let path = configuration.readyFile else { return }
    try ReadyFile(
      framed: framedPort, grpc: grpcPort, http: httpPort, token: sessionToken, ca: authorityPath ?? "",
      reportKey: reportKeyPath
    ).write(to: path)
  }
}

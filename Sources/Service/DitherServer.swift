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
  public func start() async throws -> RunningServer { try await start(log: Logger(label: "dither")) }

  /// - Parameter log: gets the level of the configuration.
  package func start(log: Logger) async throws -> RunningServer {
    var log = log
    log.logLevel = configuration.logLevel
    let services = try await Services(configuration, log: log)
    let tokens = services.store.tokens
    let session = Token.secret()
    let authority = TokenAuthority(
      tokens: tokens, session: session,
      terms: .init(rates: configuration.callerRates, clients: configuration.clients), log: log)
    let doors = try await Doors(configuration, services, authority, log)
    try await services.audits.resume()
    func running(_ firstToken: String?) -> RunningServer {
      RunningServer(
        configuration: configuration, services: services, doors: doors, firstToken: firstToken, sessionToken: session)
    }
    let firstToken: String?
    do {
      try configuration.readyFile.map { try ready(doors, session).write(to: $0) }
      // Last, as it is shown once: a start that fails would keep it to itself, and none would be made again.
      firstToken = try await Self.firstToken(services.store.tokens(by: "first start"))
    } catch {
      await running(nil).drain(grace: .zero)
      throw error
    }
    let server = running(firstToken)
    configuration.serviceManager?.tell(.ready)
    log.info(
      "ready",
      metadata: [
        "framed": "\(doors.framed.port)", "grpc": "\(doors.grpc.port)", "http": "\(doors.http.port)",
        "models": "\(services.registry.current.versions.count)",
      ])
    return server
  }

  private func ready(_ doors: Doors, _ session: String) -> ReadyFile {
    ReadyFile(
      framed: doors.framed.port, grpc: doors.grpc.port, http: doors.http.port, token: session,
      ca: doors.authority ?? "", reportKey: Ed25519.PrivateKey.publicPath(of: configuration.reportKeyPath),
      address: configuration.address(port: doors.framed.port, isLocal: true))
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
  public var address: String { configuration.address(port: framedPort, isLocal: false) }

  /// Longer than a connection may take to learn that it is to end: calls that are on their way meanwhile are taken.
  private static let farewell = Duration.milliseconds(1500)

  /// Says that it is leaving, and takes calls for the time of a lame duck, until balancers know. Then takes no new
  /// ones, lets those in flight end for at most `grace`, and closes. Audits go on at the next start.
  public func drain(grace: Duration = .seconds(30)) async {
    configuration.serviceManager?.tell(.stopping)
    services.readiness.leave()
    if grace > .zero, configuration.lameDuck > .zero { try? await Task.sleep(for: configuration.lameDuck) }
    async let stopped: Void = services.audits.stop()
    async let left: Void = services.replicas.leave()
    // Each door tells its connections first: a call that is answered with a refusal is lost to most clients.
    let refusal = Task { [dispatcher = doors.dispatcher] in
      try? await Task.sleep(for: Self.farewell)
      dispatcher.drain()
    }
    await doors.drain(grace: grace)
    refusal.cancel()
    await refusal.value
    await stopped
    await left
    services.batcher.close()
    await services.finishTelling()
    watch?.cancel()
  }
}

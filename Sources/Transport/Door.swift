import DitherBasics
import DitherProto
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

public enum TransportFault: FaultCode {
  case bind, tls, address
  public var category: FaultCategory { self == .bind ? .unavailable : .invalidArgument }
}
public typealias TransportError = Fault<TransportFault>

/// A listening socket with the connections that came through it, on an event loop of its own.
public final class Door: Sendable {
  public let name: String
  public let port: Int
  private let group: MultiThreadedEventLoopGroup
  private let listener: any Channel
  private let connections: Connections
  /// How many handlers may still speak to this door's event loop.
  private let runningHandlers: @Sendable () -> Int
  private let draining = Mutex<Task<Void, Never>?>(nil)

  init(
    name: String, port: Int, group: MultiThreadedEventLoopGroup, listener: any Channel, connections: Connections,
    runningHandlers: @escaping @Sendable () -> Int
  ) {
    self.name = name
    self.port = port
    self.group = group
    self.listener = listener
    self.connections = connections
    self.runningHandlers = runningHandlers
  }

  public var connectionCount: Int { connections.count }

  /// Takes no new connections, tells those that are open, waits for their calls at most `grace`, then closes.
  /// A second call waits for the first.
  public func drain(grace: Duration) async {
    let task = draining.withLock { draining in
      let task = draining ?? Task { await self.drainOnce(grace: grace) }
      draining = task
      return task
    }
    await task.value
  }

  private func drainOnce(grace: Duration) async {
    try? await listener.close()
    connections.drain()
    let end = ContinuousClock.now + grace
    while connections.count > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
    connections.close()
    // Handlers that were told to stop come back soon; one that does not keeps its event loop.
    let patience = ContinuousClock.now + Self.patience
    while runningHandlers() > 0 {
      if ContinuousClock.now > patience { return }
      try? await Task.sleep(for: .milliseconds(2))
    }
    try? await group.shutdownGracefully()
  }

  private static let patience = Duration.seconds(5)

  /// - Throws: `TransportFault.bind` when the address is taken or not ours.
  static func open(
    name: String, host: String, port: Int, tls: TlsSource?, alpn: String, limit: Int, logger: Logger,
    runningHandlers: @escaping @Sendable () -> Int = { 0 },
    _ configure: @escaping @Sendable (any Channel, Connections) -> EventLoopFuture<Void>
  ) async throws -> Door {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1), connections = Connections(limit: limit)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 16)
      .childChannelInitializer { channel in
        guard connections.hasRoom else {
          logger.warning("\(name): more than \(limit) connections, one is closed")
          return channel.close()
        }
        do {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context(alpn: alpn)))
          }
        } catch {
          return channel.eventLoop.makeFailedFuture(error)
        }
        return configure(channel, connections)
      }
    do {
      let listener = try await bootstrap.bind(host: host, port: port).get()
      return Door(
        name: name, port: listener.localAddress?.port ?? port, group: group, listener: listener,
        connections: connections, runningHandlers: runningHandlers)
    } catch {
      try? await group.shutdownGracefully()
      throw TransportError(
        .bind, at: "\(name) door", expected: "to listen on \(host):\(port)", got: "\(error)",
        advice: "choose another port; 0 is any that is free")
    }
  }
}

/// The open connections of a door.
final class Connections: Sendable {
  private struct Open: Sendable {
    let channel: any Channel
    let drain: @Sendable () -> Void
  }
  private let limit: Int
  private let open = Mutex<[ObjectIdentifier: Open]>([:])
  init(limit: Int) { self.limit = limit }

  var count: Int { open.withLock { $0.count } }
  var hasRoom: Bool { count < limit }

  /// - Parameter drain: called on any thread when no new calls are to begin.
  func add(_ channel: any Channel, drain: @escaping @Sendable () -> Void) {
    let key = ObjectIdentifier(channel)
    open.withLock { $0[key] = Open(channel: channel, drain: drain) }
    channel.closeFuture.whenComplete { _ in self.open.withLock { $0[key] = nil } }
  }
  func drain() { for connection in open.withLock({ Array($0.values) }) { connection.drain() } }
  func close() { for connection in open.withLock({ Array($0.values) }) { connection.channel.close(promise: nil) } }
}

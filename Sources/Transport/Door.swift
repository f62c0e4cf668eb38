import DitherBasics
import DitherProto
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// Faults of a door that opens.
public enum TransportFault: FaultCode {
  case bind, tls, address
  /// A port that is taken may be free later; the rest is the caller's mistake.
  public var category: FaultCategory { self == .bind ? .unavailable : .invalidArgument }
}
/// An error of a door.
public typealias TransportError = Fault<TransportFault>

/// A listening socket with the connections that came through it, on an event loop of its own.
public final class Door: Sendable {
  public let name: String
  /// The one it listens at.
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

  /// Open now.
  public var connectionCount: Int { connections.count }

  /// Comes back once every event loop has come round to it: who asks one that is stuck waits.
  public func respond() async {
    for loop in group.makeIterator() { _ = try? await loop.submit {}.get() }
  }

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

  /// - Parameters:
  ///   - threads: event loops, over which connections are spread.
  ///   - insistsOnAlpn: whether a TLS connection that has not agreed on `alpn` is closed; else its protocol sees to it.
  ///   - mostFlushes: in one piece, see `FlushesTogether`; nil: the protocol sees to it.
  /// - Throws: `TransportFault.bind` when the address is taken or not ours.
  static func open(
    name: String, host: String, port: Int, tls: TlsSource?, alpn: String, limit: Int, logger: Logger,
    threads: Int = 1, insistsOnAlpn: Bool = false, mostFlushes: Int? = .max,
    runningHandlers: @escaping @Sendable () -> Int = { 0 },
    _ configure: @escaping @Sendable (any Channel, Connections) -> EventLoopFuture<Void>
  ) async throws -> Door {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads), connections = Connections(limit: limit)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // A peer that has vanished without a word is noticed in the end.
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 16)
      .childChannelInitializer { channel in
        guard connections.hasRoom(for: channel.remoteAddress) else {
          logger.warning("\(name): no room for another connection of \(channel.remoteAddress?.ipAddress ?? "unknown")")
          return channel.close()
        }
        do {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context(alpn: [alpn])))
            if insistsOnAlpn { try channel.pipeline.syncOperations.addHandler(AlpnGuard(alpn)) }
          }
          if let mostFlushes {
            try channel.pipeline.syncOperations.addHandler(FlushesTogether(most: mostFlushes))
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
      let got = (error as? IOError).map { String(cString: strerror($0.errnoCode)).lowercased() } ?? "\(error)"
      throw TransportError(
        .bind, at: "\(name) door", expected: "to listen on \(host):\(port)", got: got,
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
  private struct State {
    var open: [ObjectIdentifier: Open] = [:]
    var byNetwork: [String: Int] = [:]
  }
  private let limit: Int
  private let state = Mutex(State())
  init(limit: Int) { self.limit = limit }

  var count: Int { state.withLock { $0.open.count } }

  /// No network gets more than three quarters of the places, so that it cannot shut the door to all others.
  func hasRoom(for address: SocketAddress?) -> Bool {
    state.withLock { state in
      state.open.count < limit && state.byNetwork[address?.network ?? "", default: 0] * 4 < limit * 3
    }
  }

  /// - Parameter drain: called on any thread when no new calls are to begin. For a channel that is known it takes the
  ///   place of the one before.
  func add(_ channel: any Channel, drain: @escaping @Sendable () -> Void) {
    let key = ObjectIdentifier(channel), network = channel.remoteAddress?.network ?? ""
    let isNew = state.withLock { state in
      let isNew = state.open.updateValue(Open(channel: channel, drain: drain), forKey: key) == nil
      if isNew { state.byNetwork[network, default: 0] += 1 }
      return isNew
    }
    guard isNew else { return }
    channel.closeFuture.whenComplete { _ in
      self.state.withLock { state in
        state.open[key] = nil
        let left = state.byNetwork[network, default: 1] - 1
        state.byNetwork[network] = left > 0 ? left : nil
      }
    }
  }
  private var all: [Open] { state.withLock { Array($0.open.values) } }
  func drain() { for connection in all { connection.drain() } }
  func close() { for connection in all { connection.channel.close(promise: nil) } }
}

extension ChannelHandlerContext {
  /// Closes once all that was written before is on its way: a close by itself drops what a slow reader has not taken.
  /// - Parameter patience: after which it closes in any case.
  func closeBehindWrites(within patience: TimeAmount? = nil) {
    let written = eventLoop.makePromise(of: Void.self), channel = channel
    written.futureResult.whenComplete { _ in channel.close(promise: nil) }
    if let patience {
      let timer = eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
      channel.closeFuture.whenComplete { _ in timer.cancel() }
    }
    writeAndFlush(NIOAny(channel.allocator.buffer(capacity: 0)), promise: written)
  }
}

/// Closes a connection that has agreed on another protocol within TLS, or on none: what speaks another is not to be
/// answered as if it spoke this one. Source: RFC 7301, 3.2, whose alert BoringSSL's default does not send.
private final class AlpnGuard: ChannelInboundHandler {
  typealias InboundIn = NIOAny

  private let expected: String
  private var isAgreed = false
  init(_ expected: String) { self.expected = expected }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted(let negotiated) = event {
      isAgreed = negotiated == expected
      guard isAgreed else { return context.close(promise: nil) }
    }
    context.fireUserInboundEventTriggered(event)
  }

  /// A client may send its first call with the end of the handshake: it would be done before the connection is closed.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isAgreed { context.fireChannelRead(data) }
  }
}

import DitherProto
import DitherTestSupport
import DitherTransport
import Foundation
import Logging
import NIOCore
import SwiftProtobuf
import Synchronization
import Testing

typealias Bytes = Google_Protobuf_BytesValue

/// Calls of every kind that do next to nothing, and what became of them.
final class Toys: Sendable {
  /// Calls of `toy/Wait` that run, and that were told to stop.
  let waiting = Atomic(0), stopped = Atomic(0)
  /// Messages that `toy/Count` has handed over.
  let sent = Atomic(0)
  /// Calls of `toy/Echo` that were answered.
  let echoed = Atomic(0)
  /// Lets `toy/Wait` end well.
  let released = Atomic(false)

  var table: CallTable {
    var table = CallTable(mapError: { CallError(.internalError, "\($0)") })
    let predict = CallPolicy(role: .predict, defaultDeadline: Duration.seconds(20).asBuilt)
    table.serve(CallMethod<Unary, Bytes, Bytes>("toy/Echo"), predict) {
      [self] (request: Bytes, _, responder: Responder<Bytes>) in
      responder.succeed(Bytes(Data(request.value.reversed())))
      echoed.add(1, ordering: .relaxed)
    }
    // Whole seconds until the deadline.
    table.serve(CallMethod<Unary, Bytes, Bytes>("toy/Left"), predict) {
      (_: Bytes, context, responder: Responder<Bytes>) in
      responder.succeed(Bytes(Data("\((context.timeLeft?.nanoseconds ?? 0) / 1_000_000_000)".utf8)))
    }
    table.serve(CallMethod<Unary, Bytes, Bytes>("toy/Fail"), predict) { (request: Bytes, _) -> Bytes in
      let code = StatusCode(rawValue: UInt32(request.value.first ?? 2)) ?? .unknown
      throw CallError(
        code, "too wide: 10 % más",
        details: [.fieldViolation(field: "width", description: "expected 1, got 2"), .retry(afterMilliseconds: 70)])
    }
    table.serve(CallMethod<Unary, Bytes, Bytes>("toy/Wait"), predict) { [self] (_: Bytes, _) -> Bytes in
      waiting.add(1, ordering: .relaxed)
      while !released.load(ordering: .relaxed) {
        do { try await Task.sleep(for: .milliseconds(2)) } catch {
          stopped.add(1, ordering: .relaxed)
          throw CallError(.cancelled, "told to stop")
        }
      }
      return Bytes(Data("released".utf8))
    }
    table.serve(CallMethod<ClientStreaming, Bytes, Google_Protobuf_UInt64Value>("toy/Sum"), predict) {
      (requests: RequestStream<Bytes>, _) -> Google_Protobuf_UInt64Value in
      var sum = 0
      while let request = try await requests.next() { sum += request.value.count }
      return .init(UInt64(sum))
    }
    // Each message comes back reversed; "bye" ends the call before the client does.
    table.serve(CallMethod<Bidirectional, Bytes, Bytes>("toy/Chat"), predict) { [self] requests, _, send in
      do {
        while let request = try await requests.next() {
          if request.value == Data("bye".utf8) { return }
          try await send(Bytes(Data(request.value.reversed())))
          sent.add(1, ordering: .relaxed)
        }
        try await send(Bytes(Data("end".utf8)))
      } catch {
        stopped.add(1, ordering: .relaxed)
        throw error
      }
    }
    // So many messages of so many bytes, written as "200,1000".
    table.serve(CallMethod<ServerStreaming, Bytes, Bytes>("toy/Count"), predict) {
      [self] (request: Bytes, _, send: ResponseWriter<Bytes>) in
      let parts = String(decoding: request.value, as: UTF8.self).split(separator: ",").compactMap { Int($0) }
      for number in 0..<parts[0] {
        try await send(Bytes(Data(repeating: UInt8(truncatingIfNeeded: number), count: parts[1])))
        sent.add(1, ordering: .relaxed)
      }
    }
    table.serve(CallMethod<Unary, Bytes, Bytes>("toy/Secret"), CallPolicy(role: .admin)) {
      (request: Bytes, _, responder: Responder<Bytes>) in
      responder.succeed(request)
    }
    return table
  }
}

final class Keys: Authenticator {
  /// Whether nobody is known any more.
  let areRevoked = Atomic(false)
  func identify(bearer token: String) throws(CallError) -> Identity? {
    guard !areRevoked.load(ordering: .relaxed) else { return nil }
    return switch token {
    case "app": Identity(name: "app", roles: [.predict])
    case "root": Identity(name: "root", roles: [.admin])
    case "paced": Identity(name: "paced", roles: [.predict], rates: RateBounds(calls: 2))
    case "session_of-ended": throw CallError(.unauthenticated, "the token of 'ended' ended")
    default: nil
    }
  }
  func identify(certificate: ClientCertificate) -> Identity? {
    certificate.commonName == "robot" ? Identity(name: "robot", roles: [.predict]) : nil
  }
}

extension CallerRates {
  /// For whom time stands still.
  static var frozen: CallerRates { CallerRates { .uptimeNanoseconds(1_000_000_000) } }
}

/// The ways in that every behavior is tested through.
enum DoorKind: String, CaseIterable, Sendable {
  case framed, framedTls, grpc, grpcTls
  /// At one port with the others.
  case sharedFramed, sharedFramedTls, sharedGrpc, sharedGrpcTls
  var isFramed: Bool { [.framed, .framedTls, .sharedFramed, .sharedFramedTls].contains(self) }
  var usesTls: Bool { [.framedTls, .grpcTls, .sharedFramedTls, .sharedGrpcTls].contains(self) }
  var isShared: Bool { rawValue.hasPrefix("shared") }
}

/// A door on any port, over toy calls.
final class ToyServer: Sendable {
  let toys = Toys(), keys = Keys()
  let dispatcher: CallDispatcher
  /// The calls whose spans would begin, each with its `traceparent`.
  let traced = Traced()
  let door: Door
  let kind: DoorKind
  let authority: String?
  private let folder = FileManager.default.temporaryDirectory.appending(path: "dither-toys-\(UUID().uuidString)")

  init(_ kind: DoorKind, _ change: (inout CallDispatcher.Limits) -> Void = { _ in }) async throws {
    var limits = CallDispatcher.Limits()
    (limits.framePatience, limits.requestPatience) = (limits.framePatience.asBuilt, limits.requestPatience.asBuilt)
    change(&limits)
    self.kind = kind
    let made = kind.usesTls ? try SelfSignedAuthority(in: folder) : nil
    authority = made?.authority
    let tls = try made.map { try TlsSource($0.files) }
    dispatcher = CallDispatcher(
      table: toys.table, authenticator: keys, limits: limits, rates: .frozen,
      logger: Logger(label: "toys") { _ in SwiftLogNoOpLogHandler() },
      trace: { [traced] method, metadata in
        traced.all.withLock { $0.append("\(method) \(metadata["traceparent"] ?? "-")") }
        return nil
      })
    let host = "127.0.0.1"
    if kind.isShared {
      let http = HttpDoor.Service(HttpRoutes([.always("/healthz") { _ in .text("ok") }]), isLocal: false)
      door = try await SharedDoor.open(dispatcher, http, host: host, port: 0, SharedDoor.Settings(tls: tls))
    } else if kind.isFramed {
      door = try await FramedDoor.open(dispatcher, host: host, port: 0, tls: tls)
    } else {
      door = try await GrpcDoor.open(dispatcher, host: host, port: 0, tls: tls)
    }
  }

  func client() async throws -> any ToyClient {
    kind.isFramed ? try await FramedToyClient(self) : try await GrpcToyClient(self)
  }

  func close() async {
    await door.drain(grace: .zero)
    try? FileManager.default.removeItem(at: folder)
  }
}

/// Hears which spans would begin.
final class Traced: Sendable {
  let all = Mutex<[String]>([])
}

/// What came of a call.
struct Outcome: Sendable {
  var messages: [Data] = []
  /// nil: it ended well.
  var error: CallError?
}

/// One connection of a test's own.
protocol ToyClient: Sendable {
  /// - Parameter isRead: whether what comes is taken at all.
  func begin(
    _ method: String, _ messages: [Data], token: String?, timeout: TimeAmount?, isRead: Bool
  ) async throws -> any ToyCall
  /// A call that goes on: nothing is sent, and nothing is ended.
  func open(_ method: String, metadata: [String: String], timeout: TimeAmount?, isRead: Bool) async throws
    -> any ToyCall
  /// Without a word.
  func vanish() async
}

protocol ToyCall: Sendable {
  func cancel()
  func outcome() async -> Outcome
  /// Waits until it may be sent.
  func send(_ message: Data) async throws
  func halfClose()
  /// For a call that was begun unread.
  func resumeReading() async
  /// What has come.
  var collector: Collector { get }
}

extension ToyCall {
  func say(_ text: String) async throws { try await send(Bytes(Data(text.utf8)).serializedData()) }
  /// The payload of the answer with this number; nil when the call is over before it.
  func answer(_ number: Int) async throws -> String? {
    while true {
      let (outcome, isOver) = collector.now
      if outcome.messages.count > number {
        return String(decoding: try Bytes(serializedBytes: outcome.messages[number]).value, as: UTF8.self)
      }
      if isOver { return nil }
      try await Task.sleep(for: .milliseconds(1))
    }
  }
}

extension ToyClient {
  func call(
    _ method: String, _ payloads: [Data] = [Data()], token: String? = "app", timeout: TimeAmount? = nil
  ) async throws -> Outcome {
    try await start(method, payloads, token: token, timeout: timeout).outcome()
  }
  func chat(
    metadata: [String: String] = [:], timeout: TimeAmount? = nil, isRead: Bool = true
  ) async throws -> any ToyCall {
    let all = metadata.merging(["authorization": "Bearer app"]) { own, _ in own }
    return try await open("toy/Chat", metadata: all, timeout: timeout, isRead: isRead)
  }
  func start(
    _ method: String, _ payloads: [Data] = [Data()], token: String? = "app", timeout: TimeAmount? = nil,
    isRead: Bool = true
  ) async throws -> any ToyCall {
    try await begin(
      method, try payloads.map { try Bytes($0).serializedData() }, token: token, timeout: timeout, isRead: isRead)
  }
}

extension Outcome {
  /// The payloads of `Bytes` answers.
  var payloads: [Data] { messages.compactMap { try? Bytes(serializedBytes: $0).value } }
}

/// Collects what comes until the end.
final class Collector: Sendable {
  private struct State {
    var outcome = Outcome()
    var isOver = false
    var waiter: CheckedContinuation<Outcome, Never>?
  }
  private let state = Mutex(State())

  var now: (Outcome, isOver: Bool) { state.withLock { ($0.outcome, $0.isOver) } }
  func add(_ message: Data) { state.withLock { $0.outcome.messages.append(message) } }
  func end(_ error: CallError?) {
    let (waiter, outcome) = state.withLock { state -> (CheckedContinuation<Outcome, Never>?, Outcome) in
      guard !state.isOver else { return (nil, state.outcome) }
      state.isOver = true
      state.outcome.error = error
      defer { state.waiter = nil }
      return (state.waiter, state.outcome)
    }
    waiter?.resume(returning: outcome)
  }
  func outcome() async -> Outcome {
    await withCheckedContinuation { continuation in
      let ready = state.withLock { state -> Outcome? in
        if state.isOver { return state.outcome }
        state.waiter = continuation
        return nil
      }
      if let ready { continuation.resume(returning: ready) }
    }
  }
}

/// Waits until it is so.
func until(_ condition: () -> Bool) async throws {
  let end = ContinuousClock.now + Duration.seconds(20).asBuilt
  while !condition() {
    try #require(ContinuousClock.now < end, "it never came to be")
    try await Task.sleep(for: .milliseconds(2))
  }
}

import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import DitherTransport
import Foundation
import SwiftProtobuf
import Synchronization
import Logging

/// The services without a door, on a directory of their own.
struct InProcess {
  let scratch: Scratch
  let services: Services
  let caller = Caller(name: "tester")

  /// - Parameter kind: of the store; not said: the one over which the test runs (``EveryEngine``).
  init(
    in scratch: Scratch? = nil, over kind: StoreKind = .current, models: [String: [UInt8]] = [:],
    rates: CallerRates = CallerRates(),
    configure: (inout ServerConfiguration) -> Void = { _ in }
  ) async throws {
    self.scratch = try scratch ?? Scratch()
    var configuration = ServerConfiguration(stateDirectory: self.scratch.path)
    configuration.computeThreads = 2
    configure(&configuration)
    let folder = configuration.stateDirectory
    if configuration.openStore == nil {
      configuration.openStore = { uploads in try await kind.open(folder, uploads: uploads) }
    }
    services = try await Self.start(configuration, rates)
    for (name, bytes) in models.sorted(by: { $0.key < $1.key }) { _ = try await upload(bytes, as: name) }
  }

  /// A server that was here before holds its directory until its last thread has let go of it.
  private static func start(_ configuration: ServerConfiguration, _ rates: CallerRates) async throws -> Services {
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    for _ in 0..<200 {
      do { return try await Services(configuration, log: log, rates: rates) } catch let error as StoreError
        where error.code == .inUse
      {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
    return try await Services(configuration, log: log, rates: rates)
  }

  /// A whole upload, in pieces of `piece` bytes.
  func upload(
    _ bytes: [UInt8], as name: String, sha256: String? = nil, aliases: [String] = [], card: String = "",
    from first: Int = 0, to end: Int? = nil, piece: Int = 1000
  ) async throws -> Dither_V1_UploadResponse {
    var begin = Dither_V1_UploadBegin()
    begin.name = name
    begin.bytes = UInt64(bytes.count)
    begin.sha256 = sha256 ?? Sha256.hash(bytes).hex
    begin.aliases = aliases
    begin.cardJson = card
    let end = end ?? bytes.count
    let pieces = stride(from: first, to: end, by: piece).map { start in
      Dither_V1_UploadRequest.with {
        $0.chunk.offset = UInt64(start)
        $0.chunk.data = Data(bytes[start..<min(start + piece, end)])
      }
    }
    let requests = [Dither_V1_UploadRequest.with { $0.begin = begin }] + pieces
    return try await UploadCall(services).answer(inTurn(requests), caller)
  }

  func request(_ model: String, _ rows: [[Float]], shape: [Int64]? = nil) -> Dither_V1_PredictRequest {
    var request = Dither_V1_PredictRequest()
    request.model = model
    request.input.type = .float32
    request.input.shape = shape ?? [Int64(rows.count), Int64(rows.first?.count ?? 0)]
    request.input.data = rows.joined().reduce(into: Data()) { data, value in
      withUnsafeBytes(of: value) { data.append(contentsOf: $0) }
    }
    request.seed = 7
    return request
  }

  func predict(
    _ model: String, _ rows: [[Float]], shape: [Int64]? = nil, caller: Caller? = nil,
    _ change: (inout Dither_V1_PredictRequest) -> Void = { _ in }
  ) async throws -> Dither_V1_PredictResponse {
    var request = request(model, rows, shape: shape)
    change(&request)
    return try await withCheckedThrowingContinuation { continuation in
      PredictCall(services).answer(request, caller ?? self.caller) { continuation.resume(with: $0) }
    }
  }
}

/// Hands out messages one at a time, as a door does.
func inTurn(_ requests: [Dither_V1_UploadRequest]) -> UploadCall.Requests {
  let left = Mutex(requests[...])
  return .init { left.withLock { $0.popFirst() } }
}

/// Rows in [0, 1] that look random.
func rows(_ count: Int, of length: Int) -> [[Float]] {
  (0..<count).map { row in
    (0..<length).map { column -> Float in
      let mixed = row * 131 + column * 7919 + 17
      return Float(mixed % 97) / 96
    }
  }
}

/// Whether an error is of this category and its text has these words.
func isFault(_ error: any Error, _ category: FaultCategory, _ words: String = "") -> Bool {
  guard let fault = error as? any AnyFault else { return false }
  return fault.category == category && (words.isEmpty || fault.description.contains(words))
}

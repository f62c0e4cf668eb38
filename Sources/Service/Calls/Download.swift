import DitherBasics
import DitherProto
import DitherStore
import DitherTransport
import Foundation
import SwiftProtobuf
import Synchronization

/// `Registry/Download`: a version and its file, as it was uploaded.
package struct DownloadCall: ServerStreamCall {
  package static let method = Dither_V1_Registry.download
  package static let policy = CallPolicy(role: .publish, defaultDeadline: .seconds(1800))

  /// Bytes of a piece.
  static let piece = 256 << 10

  let registry: ModelRegistry
  let room: DownloadRoom

  package init(_ services: Services) {
    registry = services.registry
    room = services.downloads
  }

  package func answer(
    _ request: Dither_V1_DownloadRequest, _ caller: Caller, _ send: ResponseWriter<Dither_V1_DownloadResponse>
  ) async throws {
    let version = try await registry.find(request.model, for: caller.scope)
    try await room.holding(version.model.bytes) {
      let file = try await registry.store.blobs.read(version.blob)
      try await send(.with { $0.model = try Dither_V1_Model(version, in: registry) })
      for offset in stride(from: 0, to: file.count, by: Self.piece) {
        try caller.proceed()
        try await send(
          .with {
            $0.chunk.offset = UInt64(offset)
            $0.chunk.data = Data(file[offset..<min(offset + Self.piece, file.count)])
          })
      }
    }
  }
}

/// Memory for the files of downloads that run: each is read and checked whole before its first byte is sent.
final class DownloadRoom: Sendable {
  private let most: Int
  private let held = Mutex(0)

  /// - Parameter most: bytes of all together; one file alone may be larger.
  init(most: Int) { self.most = most }

  /// - Throws: where there is no room for so many bytes beside the others.
  func holding(_ bytes: Int, _ body: () async throws -> Void) async throws {
    let fits = held.withLock { held in
      guard held == 0 || held + bytes <= most else { return false }
      held += bytes
      return true
    }
    guard fits else {
      throw ServiceError(
        .overloaded, at: "downloads", expected: "at most \(most) bytes of files at a time", got: "more",
        advice: "try again later", retryAfterMilliseconds: 2000)
    }
    defer { held.withLock { $0 -= bytes } }
    try await body()
  }
}

import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import DitherTransport
import Foundation
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Download") struct DownloadTests {
  private static func download(
    _ server: InProcess, _ model: String, each: @escaping @Sendable (Int) async throws -> Void = { _ in }
  ) async throws -> [Dither_V1_DownloadResponse] {
    let parts = Mutex<[Dither_V1_DownloadResponse]>([])
    let writer = ResponseWriter<Dither_V1_DownloadResponse> { part in
      let count = parts.withLock { parts in
        parts.append(part)
        return parts.count
      }
      try await each(count)
    }
    try await DownloadCall(server.services).answer(.with { $0.model = model }, server.caller, writer)
    return parts.withLock { $0 }
  }

  @Test("the version, then its file byte by byte, by any reference")
  func whole() async throws {
    let server = try await InProcess(), file = try TestModels.mlp()
    let digest = try await server.upload(file, as: "net", aliases: ["best"]).model.digest
    for reference in ["net", "net@1", "net:best", digest] {
      let parts = try await Self.download(server, reference)
      #expect(parts.first?.model.digest == digest && parts.first?.model.bytes == UInt64(file.count))
      let bytes = parts.dropFirst().reduce(into: Data()) { $0 += $1.chunk.data }
      #expect([UInt8](bytes) == file)
      #expect(parts.dropFirst().first?.chunk.offset == 0)
    }
    await #expect { _ = try await Self.download(server, "net@2") } throws: { isFault($0, .notFound) }
    #expect(DownloadCall.policy.role == .publish)
  }

  @Test("files of downloads that run have a bound, and one that ended gives its room back")
  func bounded() async throws {
    let file = try TestModels.mlp()
    let server = try await InProcess(models: ["net": file]) { $0.limits.uploadBytes = file.count }
    // Two fit, a third does not.
    _ = try await Self.download(server, "net") { count in
      guard count == 1 else { return }
      _ = try await Self.download(server, "net") { count in
        guard count == 1 else { return }
        await #expect { _ = try await Self.download(server, "net") } throws: {
          isFault($0, .resourceExhausted, "downloads")
        }
      }
    }
    #expect(try await Self.download(server, "net").count > 1)
  }

  @Test("a file that was changed on the disk is not sent")
  func damaged() async throws {
    let server = try await InProcess(models: ["net": TestModels.mlp()])
    let path = server.scratch.path + "/" + (try #require(server.scratch.files.first))
    try Data([1, 2, 3]).write(to: URL(filePath: path))
    await #expect { _ = try await Self.download(server, "net") } throws: { isFault($0, .dataLoss) }
  }
}

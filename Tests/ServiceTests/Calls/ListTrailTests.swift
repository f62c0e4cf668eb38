import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTransport
import SwiftProtobuf
import Testing

@Suite("ListTrail") struct ListTrailTests {
  private static func pages(
    _ server: InProcess, _ request: Request
  ) async throws -> [[Int64]] {
    var pages: [[Int64]] = [], request = request
    repeat {
      let page = try await ListTrailCall(server.services).answer(request, server.caller)
      pages.append(page.entries.map(\.number))
      request.pageToken = page.nextPageToken
    } while !request.pageToken.isEmpty && pages.count < 20
    return pages
  }
  private typealias Request = Dither_V1_ListTrailRequest

  @Test("deeds by calls are on record under their callers, page by page, for an admin alone")
  func pages() async throws {
    #expect(ListTrailCall.policy.role == .admin)
    let server = try await InProcess()
    for seed: UInt64 in 1...3 { _ = try await server.upload(TestModels.mlp(seed: seed), as: "net", aliases: ["best"]) }
    let first = try await ListTrailCall(server.services).answer(.with { $0.oldestFirst = true }, server.caller)
    #expect(first.entries.map(\.action).prefix(2) == ["model.upload", "alias.move"])
    #expect(first.entries.allSatisfy { $0.who == "tester" } && first.entries.count == 6)
    var check = TrailCheck()
    for entry in first.entries {
      try check.follow(
        TrailEntry(
          number: entry.number, milliseconds: entry.atMs, who: entry.who, action: entry.action, subject: entry.subject,
          detail: entry.detail, hash: entry.hash))
    }
    #expect(try await Self.pages(server, .with { $0.pageSize = 4 }) == [[6, 5, 4, 3], [2, 1]])
    #expect(
      try await Self.pages(
        server,
        .with {
          $0.pageSize = 2
          $0.oldestFirst = true
          $0.action = "alias.move"
        }) == [[2, 4], [6]])
    #expect(try await Self.pages(server, .with { $0.subject = "net@2" }) == [[3]])
    #expect(try await Self.pages(server, .with { $0.who = "nobody" }) == [[]])
  }

  @Test("an action that is none, and what is no page, is refused")
  func refused() async throws {
    let server = try await InProcess()
    await #expect { _ = try await Self.pages(server, .with { $0.action = "alias.moved" }) } throws: {
      isFault($0, .invalidArgument, "did you mean 'alias.move'")
    }
    await #expect { _ = try await Self.pages(server, .with { $0.pageToken = "x" }) } throws: {
      isFault($0, .invalidArgument, "page_token")
    }
    await #expect { _ = try await Self.pages(server, .with { $0.pageSize = -1 }) } throws: {
      isFault($0, .invalidArgument, "page_size")
    }
  }
}

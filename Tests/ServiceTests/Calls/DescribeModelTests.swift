import DitherBasics
import DitherProto
import DitherService
import DitherStore
import SwiftProtobuf
import Testing

@Suite("DescribeModel and ListRevisions") struct DescribeModelTests {
  private static func describe(
    _ server: InProcess, _ model: String, _ change: (inout Dither_V1_DescribeModelRequest) -> Void
  ) async throws -> Dither_V1_Model {
    var request = Dither_V1_DescribeModelRequest()
    request.model = model
    change(&request)
    return try await DescribeModelCall(server.services).answer(request, server.caller)
  }

  private static func revisions(_ server: InProcess, size: Int32 = 0) async throws -> [[UInt64]] {
    var pages: [[UInt64]] = [], request = Dither_V1_ListRevisionsRequest()
    (request.model, request.pageSize) = ("net", size)
    repeat {
      let page = try await ListRevisionsCall(server.services).answer(request, server.caller)
      pages.append(page.revisions.map(\.number))
      request.pageToken = page.nextPageToken
    } while !request.pageToken.isEmpty && pages.count < 50
    return pages
  }

  private static func server() async throws -> InProcess {
    let server = try await InProcess()
    _ = try await server.upload(TestModels.mlp(), as: "net", aliases: ["best"], card: #"{"by":"ann"}"#)
    return server
  }

  @Test("a change is seen at once by whoever asks, and is on record")
  func changes() async throws {
    let server = try await Self.server()
    let first = try await Self.describe(server, "net:best") { $0.tags = ["stage": "trial"] }
    #expect(first.revision == 1 && first.tags == ["stage": "trial"] && first.cardJson == #"{"by":"ann"}"#)
    let second = try await Self.describe(server, "net@1") {
      $0.cardJson = #"{"by":"bob"}"#
      $0.tags = ["owner": "vision"]
      $0.droppedTags = ["stage"]
      $0.expected = .expectedRevision(1)
    }
    #expect(second.revision == 2 && second.tags == ["owner": "vision"] && second.cardJson == #"{"by":"bob"}"#)
    let found = try await GetModelCall(server.services).answer(.with { $0.model = "net" }, server.caller)
    #expect(found == second)
    #expect(try await Self.revisions(server) == [[2, 1, 0]])
    #expect(try await Self.revisions(server, size: 1) == [[2], [1], [0]])
    // The file with the new card is no new version.
    let again = try await server.upload(TestModels.mlp(), as: "net", card: #"{"by":"bob"}"#)
    #expect(again.existed && again.model.version == 1)
    let trail = try await ListTrailCall(server.services).answer(.with { $0.action = "model.describe" }, server.caller)
    #expect(trail.entries.map(\.subject) == ["net@1", "net@1"])
  }

  @Test("long cards make short pages")
  func pages() async throws {
    let server = try await Self.server()
    for number in 1...9 {
      let card = "{\"text\":\"\(String(repeating: "x", count: 250_000))\(number)\"}"
      _ = try await Self.describe(server, "net") { $0.cardJson = card }
    }
    #expect(try await Self.revisions(server) == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]])
  }

  @Test("models are listed by their tags")
  func tags() async throws {
    let server = try await Self.server()
    for name in ["other", "third"] { _ = try await server.upload(TestModels.mlp(), as: name) }
    _ = try await Self.describe(server, "net") { $0.tags = ["stage": "live", "team": "a=b"] }
    _ = try await Self.describe(server, "other") { $0.tags = ["stage": "trial"] }
    for (tags, names) in [
      (["stage"], ["net", "other"]), (["stage=live"], ["net"]), (["stage=live", "team"], ["net"]),
      (["team=a=b"], ["net"]),
      (["stage", "team=b"], []), (["sta"], []), ([], ["net", "other", "third"]),
    ] as [([String], [String])] {
      let found = try ListModelsCall(server.services).answer(.with { $0.tags = tags }, server.caller)
      #expect(found.models.map(\.name) == names, "\(tags)")
    }
  }

  @Test("what cannot be is refused and changes nothing")
  func refused() async throws {
    let server = try await Self.server()
    let changes: [(FaultCategory, String, (inout Dither_V1_DescribeModelRequest) -> Void)] = [
      (.invalidArgument, "card_json", { $0.cardJson = "[1]" }),
      (.invalidArgument, "card_json", { $0.cardJson = "{\"a\":\"\(String(repeating: "x", count: 300_000))\"}" }),
      (.invalidArgument, "tags", { $0.tags = ["a b": "c"] }),
      (.invalidArgument, "dropped_tags", { $0.droppedTags = Array(repeating: "a", count: 65) }),
      (.invalidArgument, "expected_revision", { $0.expected = .expectedRevision(.max) }),
      (
        .failedPrecondition, "revision",
        {
          $0.tags = ["a": "b"]
          $0.expected = .expectedRevision(3)
        }
      ),
      (.notFound, "model", { $0.model = "net@7" }),
    ]
    for (category, words, change) in changes {
      await #expect { _ = try await Self.describe(server, "net", change) } throws: { isFault($0, category, words) }
    }
    #expect(try await Self.revisions(server) == [[0]])
  }
}

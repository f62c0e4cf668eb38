import DitherBasics
import DitherProto
import DitherService
import DitherStore
import DitherTestSupport
import SwiftProtobuf
import Testing

@Suite("ListModels", .overEveryEngine, .sayingWhichStore) struct ListModelsTests {
  private static func page(
    _ server: InProcess, size: Int32 = 0, _ token: String = "", prefix: String = ""
  ) throws -> Dither_V1_ListModelsResponse {
    try ListModelsCall(server.services).answer(
      .with {
        $0.pageSize = size
        $0.pageToken = token
        $0.prefix = prefix
      }, server.caller)
  }

  /// All pages, each as its versions.
  private static func pages(
    _ server: InProcess, size: Int32, prefix: String = "", after each: (Int) async throws -> Void = { _ in }
  ) async throws -> [[String]] {
    var pages: [[String]] = [], token = ""
    repeat {
      let page = try page(server, size: size, token, prefix: prefix)
      pages.append(page.models.map { "\($0.name)@\($0.version)" })
      token = page.nextPageToken
      try await each(pages.count)
    } while !token.isEmpty && pages.count < 100
    return pages
  }

  private static func remove(_ server: InProcess, _ model: String) async throws {
    _ = try await RemoveModelCall(server.services).answer(.with { $0.model = model }, server.caller)
  }

  /// net@3, net@2, net@1, other@1, shop@2, shop@1.
  private static func shelf() async throws -> InProcess {
    let server = try await InProcess(), file = try TestModels.mlp()
    for (name, count) in [("net", 3), ("other", 1), ("shop", 2)] {
      for card in 0..<count { _ = try await server.upload(file, as: name, card: "{\"card\":\(card)}") }
    }
    return server
  }
  private static let all = ["net@3", "net@2", "net@1", "other@1", "shop@2", "shop@1"]

  @Test("pages of any size hold each version once, in order", arguments: [0, 1, 2, 3, 4, 5, 6, 7, Int32.max])
  func sizes(_ size: Int32) async throws {
    let server = try await Self.shelf(), pages = try await Self.pages(server, size: size)
    #expect(pages.flatMap { $0 } == Self.all)
    let most = size == 0 ? Self.all.count : Int(size)
    #expect(pages.dropLast().allSatisfy { $0.count == most } && (pages.last?.isEmpty == false))
    #expect(try await Self.pages(server, size: size, prefix: "shop").flatMap { $0 } == ["shop@2", "shop@1"])
    #expect(try await Self.pages(server, size: size, prefix: "nobody") == [[]])
  }

  @Test("versions that come and go between two pages move no other")
  func changes() async throws {
    let server = try await Self.shelf()
    let pages = try await Self.pages(server, size: 2) { page in
      guard page == 1 else { return }
      // Where the first page ended, and what the second would have begun with; then one ahead, and one behind.
      try await Self.remove(server, "net@2")
      try await Self.remove(server, "net@1")
      _ = try await server.upload(TestModels.mlp(), as: "net", card: "{}")
      _ = try await server.upload(TestModels.mlp(), as: "shop", card: "{}")
    }
    #expect(pages == [["net@3", "net@2"], ["other@1", "shop@3"], ["shop@2", "shop@1"]])
  }

  @Test("long cards make short pages, that a stock client takes")
  func bytes() async throws {
    let server = try await InProcess(), file = try TestModels.mlp()
    for number in 0..<12 {
      let card = "{\"text\":\"\(String(repeating: "x", count: 250_000))\(number)\"}"
      _ = try await server.upload(file, as: "net", card: card, piece: 10_000)
    }
    var token = "", sizes: [Int] = []
    repeat {
      let page = try Self.page(server, token)
      #expect((try page.serializedBytes() as [UInt8]).count < 2 << 20)
      sizes.append(page.models.count)
      token = page.nextPageToken
    } while !token.isEmpty && sizes.count < 20
    #expect(sizes == [4, 4, 4])
  }

  @Test("what is no page is refused, with what to do")
  func refused() async throws {
    let server = try await Self.shelf()
    #expect { try Self.page(server, size: -1) } throws: { isFault($0, .invalidArgument, "page_size") }
    for token in ["x", "net@1", "bmV0", "////", "bmV0QDA="] {  // the last: net@0
      #expect { try Self.page(server, token) } throws: { isFault($0, .invalidArgument, "leave it out") }
    }
  }
}

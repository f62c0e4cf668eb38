import DitherBasics
import DitherProto
import DitherService
import DitherStore
import SwiftProtobuf
import Testing

@Suite("ListAudits") struct ListAuditsTests {
  private static func page(
    _ server: InProcess, size: Int32 = 0, _ token: String = "", model: String = ""
  ) async throws -> Dither_V1_ListAuditsResponse {
    try await ListAuditsCall(server.services).answer(
      .with {
        $0.pageSize = size
        $0.pageToken = token
        $0.model = model
      }, server.caller)
  }

  /// All pages, each as the names of its audits.
  private static func pages(
    _ server: InProcess, size: Int32, model: String = "", after each: (Int) async throws -> Void = { _ in }
  ) async throws -> [[String]] {
    var pages: [[String]] = [], token = ""
    repeat {
      let page = try await page(server, size: size, token, model: model)
      pages.append(page.audits.map(\.audit))
      token = page.nextPageToken
      try await each(pages.count)
    } while !token.isEmpty && pages.count < 100
    return pages
  }

  private static func add(_ server: InProcess, _ id: String, _ subject: String, at milliseconds: Int64) async throws {
    var job = Job(id: id, kind: "audit", subject: subject, spec: [], createdBy: "tester")
    job.createdMilliseconds = milliseconds
    try await server.services.store.jobs.create(job)
  }

  /// j9 is the newest; every third is of another model, and two are ensembles'.
  private static func shelf() async throws -> InProcess {
    let server = try await InProcess()
    let subjects = [
      "net@1", "shop@1", "net@2", "net@1", "shop@1", "net@1+shop@1", "net@2", "shop@1+net@1", "net@1", "net@2",
    ]
    for (at, subject) in subjects.enumerated() { try await add(server, "j\(at)", subject, at: Int64(1000 + at / 3)) }
    return server
  }

  @Test("pages of any size hold each audit once, newest first", arguments: [0, 1, 2, 3, 4, 9, 10, 11, Int32.max])
  func sizes(_ size: Int32) async throws {
    let server = try await Self.shelf()
    for (model, expected) in [
      ("", "9876543210"), ("net", "986320"), ("net@2", "962"), ("shop", "41"), ("net+shop", ""), ("nobody", ""),
    ] {
      let pages = try await Self.pages(server, size: size, model: model)
      #expect(pages.flatMap { $0 } == expected.map { "j\($0)" }, "\(model)")
      let most = size == 0 ? 1000 : Int(size)
      #expect(pages.dropLast().allSatisfy { $0.count == most }, "\(model)")
      #expect(pages.count == 1 || pages.last?.isEmpty == false, "\(model)")
    }
  }

  @Test("audits that begin between two pages move no other")
  func changes() async throws {
    let server = try await Self.shelf()
    let pages = try await Self.pages(server, size: 4) { page in
      if page == 1 { try await Self.add(server, "k", "net@1", at: 5000) }
    }
    #expect(pages.flatMap { $0 } == (0...9).reversed().map { "j\($0)" })
  }

  @Test("what is no page is refused, with what to do")
  func refused() async throws {
    let server = try await Self.shelf()
    await #expect { try await Self.page(server, size: -1) } throws: { isFault($0, .invalidArgument, "page_size") }
    for token in ["x", "////", "bmV0", "eCB5"] {  // the last: "x y"
      await #expect { try await Self.page(server, token) } throws: { isFault($0, .invalidArgument, "leave it out") }
    }
  }
}

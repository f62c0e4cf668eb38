import DitherBasics
import DitherStore
import DitherTestSupport
import Testing

@Suite("Quotas of owners") struct QuotaTests {
  /// Models of four bytes each.
  private static func publish(
    _ models: any ModelRecords, _ content: String, _ quota: OwnerQuota, by author: String = "ann"
  ) async throws -> Bool {
    try await models.publish(model("net", content), PublicationTerms(quota: quota), by: author).existed
  }

  @Test(
    "versions and bytes are bounded by owner, kept ones too, and what is there already is nothing new",
    arguments: StoreKind.all)
  func quotas(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    let two = OwnerQuota(versions: 2), ten = OwnerQuota(bytes: 10)
    for content in ["aaaa", "bbbb"] { #expect(try await !Self.publish(models, content, two)) }
    await #expect { _ = try await Self.publish(models, "cccc", two) } throws: { isFault($0, .quota, "2 versions") }
    await #expect { _ = try await Self.publish(models, "cccc", ten) } throws: { isFault($0, .quota, "8 and 4 more") }
    #expect(try await Self.publish(models, "aaaa", two))
    #expect(try await Self.publish(models, "bbbb", ten))
    #expect(try await !Self.publish(models, "cccc", two, by: "bob"))
    let held = try await models.holdings(of: "ann"), none = try await models.holdings(of: "eve")
    #expect(held.versions == 2 && held.bytes == 8 && none.versions == 0 && none.bytes == 0)
    // A version that can be restored has its room; one that is purged has none.
    _ = try await models.remove("net", version: 1, RemovalTerms(kept: .seconds(60)), by: "")
    await #expect { _ = try await Self.publish(models, "dddd", two) } throws: { isFault($0, .quota) }
    _ = try await models.remove("net", version: 1, by: "")
    #expect(try await !Self.publish(models, "dd", OwnerQuota(versions: 2, bytes: 6)))
    #expect(try await models.all().map(\.reference) == ["net@4", "net@3", "net@2"])
  }

  @Test("of those who publish at once, as many as fit do", arguments: StoreKind.all)
  func race(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    let made = await withTaskGroup(of: Bool.self) { group in
      for at in 0..<12 {
        group.addTask { (try? await Self.publish(models, "\(at)", OwnerQuota(versions: 5))) == false }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(made == 5)
  }
}

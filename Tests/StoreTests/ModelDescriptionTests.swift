import DitherBasics
import DitherStore
import DitherTestSupport
import Testing

@Suite struct ModelDescriptionTests {
  @Test("cards and tags change, and what they were stays on record", arguments: StoreKind.all)
  func revisions(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    do {
      let models = try await kind.open(scratch.path).models
      for content in ["a", "b"] {
        _ = try await models.publish(model("net", content, card: #"{"by":"ann"}"#), aliases: ["best"], by: "ann")
      }
      func change(_ change: DescriptionChange, by author: String) async throws -> VersionDescription {
        try await models.describe("net", version: 1, change, by: author).description
      }
      let first = try await change(DescriptionChange(tags: ["stage": "trial", "owner": "vision"]), by: "bob")
      #expect(
        first.number == 1 && first.card == #"{"by":"ann"}"# && first.tags == ["stage": "trial", "owner": "vision"])
      let second = try await change(
        DescriptionChange(card: #"{"by":"bob"}"#, tags: ["stage": "live"], droppedTags: ["owner", "none"]), by: "eve")
      #expect(second.number == 2 && second.card == #"{"by":"bob"}"# && second.tags == ["stage": "live"])
      // Nothing new is no revision.
      let same = try await change(DescriptionChange(card: #"{"by":"bob"}"#, tags: ["stage": "live"]), by: "ann")
      #expect(same == second)
      let third = try await change(DescriptionChange(droppedTags: ["stage"]), by: "ann")
      #expect(third.number == 3 && third.card == #"{"by":"bob"}"# && third.tags.isEmpty)
    }
    let models = try await kind.open(scratch.path).models
    let versions = try await models.all()
    #expect(
      versions.map(\.card) == [#"{"by":"ann"}"#, #"{"by":"bob"}"#] && versions.map(\.description.number) == [0, 3])
    #expect(versions[1].model.card == #"{"by":"ann"}"#)
    let all = try await models.revisions(of: "net", version: 1, before: nil, limit: 9)
    #expect(all.map(\.number) == [3, 2, 1, 0] && all.map(\.createdBy) == ["ann", "eve", "bob", "ann"])
    #expect(all.map(\.card) == [nil, #"{"by":"bob"}"#, nil, #"{"by":"ann"}"#])
    #expect(all.map(\.tags) == [[:], ["stage": "live"], ["stage": "trial", "owner": "vision"], [:]])
    #expect(try await models.revisions(of: "net", version: 1, before: 3, limit: 2).map(\.number) == [2, 1])
    #expect(try await models.revisions(of: "net", version: 1, before: 1, limit: 2).map(\.number) == [0])
    #expect(try await models.revisions(of: "net", version: 1, before: 0, limit: 2).isEmpty)
    await #expect { _ = try await models.revisions(of: "net", version: 7, before: nil, limit: 2) } throws: {
      isFault($0, .notFound)
    }
  }

  @Test(
    "the same file with the card of then or of now is the version, with another one is not", arguments: StoreKind.all)
  func identity(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a", card: #"{"by":1}"#), aliases: [], by: "")
    _ = try await models.describe("net", version: 1, DescriptionChange(card: #"{"by":2}"#), by: "")
    for (card, version) in [(#"{"by":1}"#, 1), (#"{"by": 2}"#, 1), ("", 1), (#"{"by":3}"#, 2)] as [(String, Int64)] {
      let found = try await models.publish(model("net", "a", card: card), aliases: [], by: "").version
      #expect(found.version == version, "\(card)")
    }
  }

  @Test("of those who change a version at once from one revision, one does", arguments: StoreKind.all)
  func compareAndSet(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a"), aliases: [], by: "")
    let winners = await withTaskGroup(of: Bool.self) { group in
      for writer in 0..<8 {
        group.addTask {
          let change = DescriptionChange(tags: ["by": "\(writer)"], expected: 0)
          return (try? await models.describe("net", version: 1, change, by: "")) != nil
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(winners == 1)
    await #expect {
      _ = try await models.describe("net", version: 1, DescriptionChange(card: "", expected: 9), by: "")
    } throws: {
      isFault($0, .conflict, "got 1")
    }
  }

  @Test(
    "tags are names and short words",
    arguments: [
      ["a b": ""], ["": "x"], ["a": "line\nline"], ["a": String(repeating: "x", count: 257)],
      Dictionary(uniqueKeysWithValues: (0..<65).map { ("k\($0)", "") }),
    ] as [[String: String]], StoreKind.all)
  func badTags(_ tags: [String: String], _ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a"), aliases: [], by: "")
    await #expect { _ = try await models.describe("net", version: 1, DescriptionChange(tags: tags), by: "") } throws: {
      isFault($0, .badName)
    }
    #expect(try await models.all().map(\.description.number) == [0])
  }
}

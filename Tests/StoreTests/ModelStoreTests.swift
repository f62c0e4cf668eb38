import DitherBasics
import DitherStore
import DitherTestSupport
import Testing

@Suite struct ModelStoreTests {
  private func model(_ name: String, _ content: String, card: String = "{}") -> NewModel {
    NewModel(
      name: name, blob: BlobID(Sha256.hash(content.utf8)), bytes: content.utf8.count, card: card, signature: "{}",
      noise: "", defaultSamples: 0)
  }

  @Test func versionsAreImmutableAndNumbersAreNotUsedTwice() throws {
    let scratch = try Scratch()
    let models = try Store(directory: scratch.path).models
    let first = try models.publish(model("net", "a"), aliases: ["best"], by: "ann")
    let again = try models.publish(model("net", "a"), aliases: ["prod"], by: "bob")
    #expect(!first.existed && again.existed && again.version.version == 1)
    #expect(again.version.aliases == ["best", "prod"] && again.version.createdBy == "ann")
    let second = try models.publish(model("net", "b"), aliases: ["best"], by: "bob")
    #expect(second.version.reference == "net@2")
    #expect(try models.remove("net", version: 2, by: "ann").map(\.version) == [2])
    let third = try models.publish(model("net", "b"), aliases: [], by: "bob")
    #expect(third.version.version == 3 && !third.existed)
    #expect(try models.all().map(\.reference) == ["net@3", "net@1"])
    #expect(try models.history(of: "best", name: "net").map(\.version) == [nil, 2, 1])
  }

  @Test("a version is its file and its card")
  func cards() throws {
    let scratch = try Scratch()
    let models = try Store(directory: scratch.path).models
    for (card, version, existed) in [
      (#"{"by": "me", "data": "none"}"#, 1, false), ("", 1, true), (#"{"data":"none","by":"me"}"#, 1, true),
      (#"{"by": "you"}"#, 2, false), ("", 2, true), (#"{"by": "me", "data": "none"}"#, 1, true),
    ] as [(String, Int64, Bool)] {
      let found = try models.publish(model("net", "a", card: card), aliases: [], by: "")
      #expect(found.version.version == version && found.existed == existed, "\(card)")
    }
    #expect(try models.all().map(\.model.card) == [#"{"by": "you"}"#, #"{"by": "me", "data": "none"}"#])
  }

  @Test(
    "references",
    arguments: [
      ("net", "net@2"), ("net@1", "net@1"), ("net:best", "net@1"), ("other", "other@1"),
      ("sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "net@1"),
    ])
  func resolves(_ text: String, _ expected: String) throws {
    let scratch = try Scratch()
    let models = try Store(directory: scratch.path).models
    _ = try models.publish(model("net", "a"), aliases: ["best"], by: "")
    _ = try models.publish(model("net", "b"), aliases: [], by: "")
    _ = try models.publish(model("other", "c"), aliases: [], by: "")
    #expect(try ModelIndex(models.all()).resolve(ModelReference(text)).reference == expected)
  }

  @Test(
    "what is not there is said with what is",
    arguments: [
      ("nett", "did you mean 'net'"), ("net@7", "one of '1'"), ("net:bst", "one of 'best'"),
      ("zebra", "list the models"),
    ])
  func missing(_ text: String, _ words: String) throws {
    let scratch = try Scratch()
    let models = try Store(directory: scratch.path).models
    _ = try models.publish(model("net", "a"), aliases: ["best"], by: "")
    let index = try ModelIndex(models.all())
    #expect {
      _ = try index.resolve(ModelReference(text))
    } throws: {
      ($0 as? StoreError).map { $0.code == .notFound && $0.description.contains(words) } ?? false
    }
  }

  @Test(
    "names that could be paths or nothing",
    arguments: ["", "../x", "a/b", ".hidden", "-x", "a b", "ä", "net@0", "net@", "net@x", "net:", "sha256:12", "a:b:c"])
  func badNames(_ text: String) {
    #expect { _ = try ModelReference(text) } throws: { ($0 as? StoreError)?.category == .invalidArgument }
  }

  @Test("calibrations are numbered by version, kept, and the newest is the version's")
  func calibrations() throws {
    let scratch = try Scratch()
    func open() throws -> ModelStore { try Store(directory: scratch.path).models }
    do {
      let models = try open()
      for content in ["a", "b"] { _ = try models.publish(model("net", content), aliases: ["best"], by: "") }
      #expect(try models.all().allSatisfy { $0.calibration == nil })
      #expect(try models.calibrate("net", version: 1, Array("one".utf8), by: "ann").calibration?.number == 1)
      #expect(try models.calibrate("net", version: 2, Array("other".utf8), by: "ann").calibration?.number == 1)
      let again = try models.calibrate("net", version: 1, Array("two".utf8), by: "bob")
      #expect(again.calibration?.number == 2 && again.calibration?.content == Array("two".utf8))
    }
    let models = try open()
    #expect(try models.all().map { $0.calibration?.content } == [Array("other".utf8), Array("two".utf8)])
    let kept = try models.calibrations(of: "net", version: 1)
    #expect(kept.map(\.number) == [2, 1] && kept.map(\.createdBy) == ["bob", "ann"])
    #expect { _ = try models.calibrate("net", version: 3, Array("".utf8), by: "") } throws: {
      ($0 as? StoreError)?.code == .notFound
    }
  }

  @Test func aliasesNeedTheirVersion() throws {
    let scratch = try Scratch()
    let models = try Store(directory: scratch.path).models
    _ = try models.publish(model("net", "a"), aliases: [], by: "")
    #expect(try models.setAlias("best", of: "net", to: 1, by: "").aliases == ["best"])
    #expect { _ = try models.setAlias("best", of: "net", to: 2, by: "") } throws: {
      ($0 as? StoreError)?.code == .notFound
    }
  }
}

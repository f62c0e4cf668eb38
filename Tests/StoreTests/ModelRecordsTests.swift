import DitherBasics
import DitherStore
import DitherTestSupport
import Testing

@Suite struct ModelRecordsTests {
  @Test(arguments: StoreKind.all) func versionsAreImmutableAndNumbersAreNotUsedTwice(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let models = try await kind.open(scratch.path).models
    let first = try await models.publish(model("net", "a"), aliases: ["best"], by: "ann")
    let again = try await models.publish(model("net", "a"), aliases: ["prod"], by: "bob")
    #expect(!first.existed && again.existed && again.version.version == 1)
    #expect(again.version.aliases == ["best", "prod"] && again.version.createdBy == "ann")
    let second = try await models.publish(model("net", "b"), aliases: ["best"], by: "bob")
    #expect(second.version.reference == "net@2")
    #expect(try await models.remove("net", version: 2, by: "ann").map(\.version) == [2])
    let third = try await models.publish(model("net", "b"), aliases: [], by: "bob")
    #expect(third.version.version == 3 && !third.existed)
    #expect(try await models.all().map(\.reference) == ["net@3", "net@1"])
    #expect(try await models.history(of: "best", name: "net").map(\.version) == [nil, 2, 1])
  }

  @Test("a version is its file and its card", arguments: StoreKind.all)
  func cards(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let models = try await kind.open(scratch.path).models
    for (card, version, existed) in [
      (#"{"by": "me", "data": "none"}"#, 1, false), ("", 1, true), (#"{"data":"none","by":"me"}"#, 1, true),
      (#"{"by": "you"}"#, 2, false), ("", 2, true), (#"{"by": "me", "data": "none"}"#, 1, true),
    ] as [(String, Int64, Bool)] {
      let found = try await models.publish(model("net", "a", card: card), aliases: [], by: "")
      #expect(found.version.version == version && found.existed == existed, "\(card)")
    }
    #expect(try await models.all().map(\.model.card) == [#"{"by": "you"}"#, #"{"by": "me", "data": "none"}"#])
  }

  @Test(
    "references",
    arguments: [
      ("net", "net@2"), ("net@1", "net@1"), ("net:best", "net@1"), ("other", "other@1"),
      ("sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "net@1"),
    ], StoreKind.all)
  func resolves(_ row: (String, String), _ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a"), aliases: ["best"], by: "")
    _ = try await models.publish(model("net", "b"), aliases: [], by: "")
    _ = try await models.publish(model("other", "c"), aliases: [], by: "")
    #expect(try await ModelIndex(models.all()).resolve(ModelReference(row.0)).reference == row.1)
  }

  @Test(
    "what is not there is said with what is",
    arguments: [
      ("nett", "did you mean 'net'"), ("net@7", "one of '1'"), ("net:bst", "one of 'best'"),
      ("zebra", "list the models"),
    ], StoreKind.all)
  func missing(_ row: (String, String), _ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a"), aliases: ["best"], by: "")
    let index = try await ModelIndex(models.all())
    #expect {
      _ = try index.resolve(ModelReference(row.0))
    } throws: {
      ($0 as? StoreError).map { $0.code == .notFound && $0.description.contains(row.1) } ?? false
    }
  }

  @Test(
    "names that could be paths or nothing",
    arguments: ["", "../x", "a/b", ".hidden", "-x", "a b", "ä", "net@0", "net@", "net@x", "net:", "sha256:12", "a:b:c"])
  func badNames(_ text: String) {
    #expect { _ = try ModelReference(text) } throws: { ($0 as? StoreError)?.category == .invalidArgument }
  }

  @Test("calibrations are numbered by version, kept, and the newest is the version's", arguments: StoreKind.all)
  func calibrations(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    func open() async throws -> any ModelRecords { try await kind.open(scratch.path).models }
    do {
      let models = try await open()
      for content in ["a", "b"] { _ = try await models.publish(model("net", content), aliases: ["best"], by: "") }
      #expect(try await models.all().allSatisfy { $0.calibration == nil })
      #expect(try await models.calibrate("net", version: 1, Array("one".utf8), by: "ann").calibration?.number == 1)
      #expect(try await models.calibrate("net", version: 2, Array("other".utf8), by: "ann").calibration?.number == 1)
      let again = try await models.calibrate("net", version: 1, Array("two".utf8), by: "bob")
      #expect(again.calibration?.number == 2 && again.calibration?.content == Array("two".utf8))
    }
    let models = try await open()
    #expect(try await models.all().map { $0.calibration?.content } == [Array("other".utf8), Array("two".utf8)])
    let kept = try await models.calibrations(of: "net", version: 1)
    #expect(kept.map(\.number) == [2, 1] && kept.map(\.createdBy) == ["bob", "ann"])
    await #expect { _ = try await models.calibrate("net", version: 3, Array("".utf8), by: "") } throws: {
      ($0 as? StoreError)?.code == .notFound
    }
  }

  @Test(arguments: StoreKind.all) func aliasesNeedTheirVersion(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a"), aliases: [], by: "")
    #expect(try await models.setAlias("best", of: "net", to: 1, by: "").aliases == ["best"])
    await #expect { _ = try await models.setAlias("best", of: "net", to: 2, by: "") } throws: {
      ($0 as? StoreError)?.code == .notFound
    }
  }

  @Test("an alias that is a number would be a version elsewhere", arguments: StoreKind.all)
  func numbers(_ kind: StoreKind) async throws {
    let scratch = try Scratch()
    let models = try await kind.open(scratch.path).models
    _ = try await models.publish(model("net", "a"), aliases: ["v1", "1.0", "2-b"], by: "")
    for alias in ["1", "007", "18446744073709551616"] {
      await #expect { _ = try await models.setAlias(alias, of: "net", to: 1, by: "") } throws: {
        isFault($0, .badName, "a name that is no number")
      }
      await #expect { _ = try await models.publish(model("net", "b"), aliases: [alias], by: "") } throws: {
        isFault($0, .badName, "a name that is no number")
      }
      // Of former days.
      #expect(try ModelReference("net:\(alias)") == .alias("net", alias))
    }
    #expect(try await models.all().map(\.reference) == ["net@1"])
  }

  @Test("an alias moves only from where it is expected", arguments: StoreKind.all)
  func compareAndSet(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    for content in ["a", "b", "c"] { _ = try await models.publish(model("net", content), aliases: [], by: "") }
    func move(_ expected: AliasExpectation, to version: Int64) async throws -> [String] {
      try await models.setAlias("best", of: "net", to: version, expecting: expected, by: "ann").aliases
    }
    await #expect { _ = try await move(.version(1), to: 2) } throws: { isFault($0, .conflict, "no such alias") }
    #expect(try await move(.absent, to: 1) == ["best"])
    await #expect { _ = try await move(.absent, to: 2) } throws: { isFault($0, .conflict, "version 1") }
    #expect(try await move(.version(1), to: 2) == ["best"])
    await #expect { _ = try await move(.version(1), to: 3) } throws: { isFault($0, .conflict, "version 2") }
    #expect(try await move(.anything, to: 3) == ["best"])
    #expect(try await models.history(of: "best", name: "net").map(\.version) == [3, 2, 1])
  }

  @Test("of those who move an alias at once from one place, one wins", arguments: StoreKind.all)
  func race(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    for content in ["a", "b"] { _ = try await models.publish(model("net", content), aliases: ["best"], by: "") }
    let winners = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 {
        group.addTask {
          (try? await models.setAlias("best", of: "net", to: 1, expecting: .version(2), by: "")) != nil
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(winners == 1)
  }

  @Test("writers at once leave no gap, and aliases as their history says", arguments: StoreKind.all)
  func manyWriters(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<8 {
        group.addTask {
          for at in 0..<10 {
            _ = try await models.publish(model("net\(at % 3)", "\(writer) \(at)"), aliases: ["best"], by: "\(writer)")
          }
        }
      }
      try await group.waitForAll()
    }
    let all = try await models.all()
    #expect(all.count == 80)
    for name in ["net0", "net1", "net2"] {
      let versions = all.filter { $0.name == name }.map(\.version)
      #expect(versions == (1...Int64(versions.count)).reversed())
      let last = try await models.history(of: "best", name: name).first?.version
      #expect(all.filter { $0.name == name && $0.aliases == ["best"] }.map(\.version) == [try #require(last)])
    }
  }

  @Test(arguments: StoreKind.all) func stampsOfImportsStay(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), models = try await kind.open(scratch.path).models
    #expect(try await models.importStamp("a.onnx") == nil)
    for stamp in ["1", "2"] { try await models.setImportStamp("a.onnx", stamp) }
    #expect(try await models.importStamp("a.onnx") == "2")
  }
}

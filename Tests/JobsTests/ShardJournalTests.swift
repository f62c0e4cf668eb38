import DitherBasics
import DitherJobs
import DitherTestSupport
import Foundation
import Testing

@Suite struct ShardJournalTests {
  private static func facts(seed: String = "1", model: String = "a") -> [ShardJournal.Fact] {
    [
      .init("model", model, remedy: "give the same file"), .init("seed", seed, remedy: "say the same --seed"),
    ]
  }
  private func journal(_ folder: String, _ facts: [ShardJournal.Fact] = facts()) throws -> ShardJournal {
    try ShardJournal(folder: folder, kind: "audit", facts: facts)
  }

  @Test("what one process keeps, the next one finds")
  func keeps() throws {
    let scratch = try Scratch(), journal = try journal(scratch.path)
    let results: [[UInt8]] = [[1, 2, 3], [], Array("two\nlines\n".utf8), [UInt8](repeating: 10, count: 70_000)]
    for (shard, result) in results.enumerated() {
      #expect(journal.result(of: shard) == nil)
      try journal.keep(result, of: shard)
    }
    let next = try self.journal(scratch.path)
    for (shard, result) in results.enumerated() { #expect(next.result(of: shard) == result) }
    #expect(next.result(of: 4) == nil)
    #expect(scratch.files == ["journal.json"] + results.indices.map { "shard-\($0)" })
  }

  @Test("a file where the folder should be is refused as a mistake of whoever said it")
  func file() throws {
    let scratch = try Scratch(), path = scratch.file("journal")
    try Data("mine".utf8).write(to: URL(filePath: path))
    let error = #expect(throws: JobError.self) { try journal(path) }
    #expect(error?.code == .journal && error?.got == "a file" && error?.advice != nil)
    #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
  }

  /// Ways in which a shard's file is not what was written.
  private static let damages: [(String, @Sendable (Data) -> Data)] = [
    ("cut", { $0.dropLast(1) }), ("empty", { _ in Data() }), ("longer", { $0 + [0] }),
    ("a bit of the result", { Data($0.dropLast(1)) + [($0.last ?? 0) ^ 1] }),
    (
      "a bit of the digest",
      { data in
        var data = data
        data[40] ^= 1
        return data
      }
    ),
    ("no line", { _ in Data("nothing".utf8) }),
  ]

  @Test("a file that has changed is no result, and its shard is kept anew", arguments: damages.indices)
  func damaged(_ at: Int) throws {
    let scratch = try Scratch(), journal = try journal(scratch.path)
    try journal.keep([1, 2, 3, 4], of: 0)
    let url = URL(filePath: scratch.file("shard-0"))
    try Self.damages[at].1(try Data(contentsOf: url)).write(to: url)
    #expect(journal.result(of: 0) == nil, "\(Self.damages[at].0)")
    try journal.keep([1, 2, 3, 4], of: 0)
    #expect(journal.result(of: 0) == [1, 2, 3, 4])
  }

  @Test("the file of another shard, or of another journal, is no result")
  func strangers() throws {
    let scratch = try Scratch(), mine = try journal(scratch.file("mine"))
    let other = try journal(scratch.file("other"), Self.facts(seed: "2"))
    try other.keep([7], of: 0)
    try mine.keep([8], of: 1)
    try FileManager.default.copyItem(atPath: scratch.file("other/shard-0"), toPath: scratch.file("mine/shard-0"))
    try FileManager.default.copyItem(atPath: scratch.file("mine/shard-1"), toPath: scratch.file("mine/shard-2"))
    #expect(mine.result(of: 0) == nil && mine.result(of: 1) == [8] && mine.result(of: 2) == nil)
  }

  @Test("a second result that is the same is nothing new; another one is told, and the first stays")
  func divergent() throws {
    let scratch = try Scratch(), journal = try journal(scratch.path)
    try journal.keep([1], of: 0)
    try journal.keep([1], of: 0)
    #expect { try journal.keep([2], of: 0) } throws: { ($0 as? JobError)?.code == .divergent }
    #expect(journal.result(of: 0) == [1])
  }

  @Test(
    "a journal of something else is refused with what differs and what to do",
    arguments: [
      (facts(seed: "2"), ["seed: expected '1', with which it was begun, got '2'", "say the same --seed", "--journal"]),
      (facts(model: "b"), ["model: expected 'a'", "give the same file"]),
      ([facts()[0]], ["the journal of this audit"]),
    ] as [([ShardJournal.Fact], [String])])
  func refused(_ facts: [ShardJournal.Fact], _ words: [String]) throws {
    let scratch = try Scratch()
    try journal(scratch.path).keep([1], of: 0)
    #expect { try journal(scratch.path, facts) } throws: { error in
      (error as? JobError)?.code == .journal && words.allSatisfy { "\(error)".contains($0) }
    }
    #expect(try journal(scratch.path).result(of: 0) == [1])
    #expect { try ShardJournal(folder: scratch.path, kind: "sweep", facts: Self.facts()) } throws: {
      "\($0)".contains("the journal of this sweep")
    }
  }

  @Test("a folder with something else in the record's place is refused, and one that cannot be made")
  func noJournal() throws {
    let scratch = try Scratch()
    try Data("{}".utf8).write(to: URL(filePath: scratch.file("journal.json")))
    #expect { try journal(scratch.path) } throws: { ($0 as? JobError)?.code == .journal }
    #expect { try journal("/proc/no/such") } throws: { ($0 as? JobError)?.code == .storage }
  }

  @Test("many that begin one journal and bring the same shards leave it whole")
  func race() async throws {
    let scratch = try Scratch(), path = scratch.path
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let journal = try ShardJournal(folder: path, kind: "audit", facts: Self.facts())
          for shard in 0..<20 { try journal.keep([UInt8](repeating: UInt8(shard), count: 5000), of: shard) }
        }
      }
      try await group.waitForAll()
    }
    let journal = try journal(path)
    for shard in 0..<20 { #expect(journal.result(of: shard) == [UInt8](repeating: UInt8(shard), count: 5000)) }
    #expect(scratch.files.count == 21)
  }
}

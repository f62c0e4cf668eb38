import DitherBasics
import DitherJobs
import Testing

@Suite struct WorkPartTests {
  @Test("every shard is one part's", arguments: [1, 2, 3, 7])
  func partition(_ count: Int) throws {
    let parts = try (1...count).map { try WorkPart(parsing: "\($0)/\(count)") }
    for shard in 0..<50 { #expect(parts.count { $0.contains(shard) } == 1) }
    #expect(parts.map(\.description) == (1...count).map { "\($0)/\(count)" })
  }

  @Test(
    "what is no part is refused with the reason",
    arguments: [
      ("0/3", "counted from 1"), ("4/3", "from 1 to N"), ("1", "I/N"), ("a/3", "I/N"), ("1/0", "I/N"),
      ("-1/3", "I/N"), ("1/3/5", "I/N"), ("1/10001", "10000 at most"), ("", "I/N"),
    ])
  func refused(_ text: String, _ words: String) {
    #expect { try WorkPart(parsing: text) } throws: {
      ($0 as? JobError)?.code == .part && "\($0)".contains(words)
    }
  }
}

import DitherBasics
import Testing

@Suite("Names by patterns")
struct NameScopeTests {
  struct Row: Sendable {
    var patterns: [String]
    var name: String
    var isAllowed: Bool
    init(_ patterns: [String], _ name: String, _ isAllowed: Bool) {
      (self.patterns, self.name, self.isAllowed) = (patterns, name, isAllowed)
    }
  }

  @Test(
    "a name is within a scope where a pattern fits it; without a pattern all are",
    arguments: [
      Row([], "anything", true), Row(["net"], "net", true), Row(["net"], "nett", false), Row(["net"], "Net", false),
      Row(["net*"], "net", true), Row(["net*"], "network", true), Row(["net*"], "my-net", false),
      Row(["*-mlp"], "mnist-mlp", true), Row(["*-mlp"], "mnist-mlp-noise", false), Row(["a*b*c"], "a.b-c", true),
      Row(["a*b*c"], "acb", false), Row(["a*a"], "a", false), Row(["*"], "x", true),
      Row(["x", "lab-*"], "lab-1", true), Row(["x", "lab-*"], "y", false),
    ])
  func allows(_ row: Row) { #expect(NameScope(row.patterns).allows(row.name) == row.isAllowed) }

  @Test(
    "a pattern has letters of names and stars",
    arguments: [
      ("fashion-*", true), ("*", true), ("A.b_c-9", true), ("", false), ("a b", false), ("a,b", false), ("a?", false),
      ("é", false), (String(repeating: "a", count: 64), true), (String(repeating: "a", count: 65), false),
    ])
  func patterns(_ row: (text: String, isPattern: Bool)) { #expect(NameScope.isPattern(row.text) == row.isPattern) }
}

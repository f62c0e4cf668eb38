import DitherBasics
import Testing

@Suite("Sentences of faults") struct FaultSentenceTests {
  private enum Code: FaultCode {
    case one
    var category: FaultCategory { .invalidArgument }
  }

  @Test(
    "what a fault writes is read back",
    arguments: [
      ("model", "the name of a model here", "'nope'", "list the models"), ("a: b", "1 to 5", "9", nil),
      ("input 'x'", "[N, 3]", "'a; b'", "send three"), ("--gate", "X", "'it's; so'", nil),
      ("x.npy, row 3", "a number", "two, three", "remove one"),
    ] as [(String, String, String, String?)])
  func roundTrip(_ row: (place: String, expected: String, got: String, advice: String?)) throws {
    let fault = Fault<Code>(.one, at: row.place, expected: row.expected, got: row.got, advice: row.advice)
    let read = try #require(FaultSentence(fault.description))
    #expect(read.place == row.place && read.expected == row.expected)
    // Without an advice behind it, a semicolon in quotes is the only one.
    let words = [read.got, read.advice].compactMap { $0 }.joined(separator: "; ")
    #expect(words == [row.got, row.advice].compactMap { $0 }.joined(separator: "; "))
  }

  @Test("other sentences are none", arguments: ["", "the token is not known", ": expected a, got b", "x: expected y"])
  func others(_ text: String) { #expect(FaultSentence(text) == nil) }
}

import DitherTransport
import Testing

@Suite("Bytes of half messages")
struct ByteBudgetTests {
  @Test("all have a bound together, and one network three quarters of it")
  func shares() {
    let budget = ByteBudget(limit: 400)
    #expect(budget.take(300, from: "a") && !budget.take(1, from: "a"))
    #expect(budget.take(100, from: "b") && !budget.take(1, from: "b") && budget.used == 400)
    budget.giveBack(50, from: "a")
    #expect(budget.take(50, from: "c") && !budget.take(1, from: "d") && budget.used == 400)
    for (bytes, network) in [(250, "a"), (100, "b"), (50, "c")] { budget.giveBack(bytes, from: network) }
    #expect(budget.used == 0 && budget.take(300, from: "c"))
  }
}

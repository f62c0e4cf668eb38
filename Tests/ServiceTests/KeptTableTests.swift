import DitherService
import Testing

@Suite("Values of versions that come and go")
struct KeptTableTests {
  @Test("a hundred thousand versions that come and go leave no more than a few and twice those that stay")
  func churn() {
    var table = KeptTable<Int, Int>(), asked = 0
    let stays = Set(stride(from: 0, to: 1000, by: 10))
    var largest = 0
    for number in 0..<100_000 {
      func known() -> Set<Int> {
        asked += 1
        return stays.union([number])
      }
      let count = table.change(number, default: 0, among: known) { value in
        value += 1
        return value
      }
      #expect(count == 1)
      largest = max(largest, table.values.count)
    }
    #expect(largest <= 2 * (stays.count + 1) && asked < 2000)
    #expect(stays.allSatisfy { table[$0] == 1 })
  }

  @Test("what is there is changed, and nobody is asked about it")
  func update() {
    var table = KeptTable<String, Int>()
    table.update("a") { $0 += 1 }
    #expect(table["a"] == nil)
    for _ in 0..<1000 { table.change("a", default: 0, among: { [] }) { $0 += 1 } }
    table.update("a") { $0 += 1 }
    #expect(table["a"] == 1001)
  }
}

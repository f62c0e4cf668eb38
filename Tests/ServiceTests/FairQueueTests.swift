import DitherService
import Testing

@Suite("Turns of callers who wait")
struct FairQueueTests {
  private typealias Queue = FairQueue<(caller: String, cost: Double)>

  private func send(_ count: Int, by caller: String, cost: Double, to queue: inout Queue) {
    for _ in 0..<count { queue.insert((caller, cost), of: caller, cost: cost) }
  }

  /// Work that one thread does in so many seconds.
  private func serve(_ queue: inout Queue, for seconds: Double) -> [String: Double] {
    var served: [String: Double] = [:], spent = 0.0
    while spent < seconds, let work = queue.begin() {
      served[work.caller, default: 0] += work.cost
      spent += work.cost
    }
    return served
  }

  @Test("of one caller the first comes first")
  func order() {
    var queue = Queue()
    for number in 0..<100 { queue.insert(("a", Double(number + 1)), of: "a", cost: Double(number + 1)) }
    #expect(queue.seconds == 5050 && queue.wait(of: "a") == 5050 && queue.wait(of: "b") == 1)
    for number in 0..<100 {
      let work = queue.begin()
      #expect(work?.cost == Double(number + 1))
    }
    #expect(queue.entries.isEmpty)
  }

  @Test("callers with work get the same time, however much they send and however large it is")
  func shares() {
    var queue = Queue()
    send(4000, by: "flood", cost: 0.002, to: &queue)
    send(150, by: "large", cost: 0.05, to: &queue)
    send(750, by: "middle", cost: 0.01, to: &queue)
    let served = serve(&queue, for: 15)
    // Within the largest work of each.
    for (caller, most) in [("flood", 0.002), ("large", 0.05), ("middle", 0.01)] {
      let seconds = served[caller] ?? 0
      #expect(abs(seconds - 5) <= most + 0.05, "\(caller): \(seconds) s of 15")
    }
  }

  @Test("who sends little waits for one work of each other caller, behind a thousand of them")
  func little() {
    var queue = Queue()
    send(1000, by: "flood", cost: 0.01, to: &queue)
    send(1000, by: "other", cost: 0.01, to: &queue)
    var longest = 0.0
    for _ in 0..<100 {
      _ = queue.begin()
      queue.insert(("quiet", 0.001), of: "quiet", cost: 0.001)
      longest = max(longest, queue.wait(of: "nobody yet"))
      var waited = 0.0
      while let work = queue.begin(), work.caller != "quiet" { waited += work.cost }
      #expect(waited <= 0.03, "\(waited) s")
    }
    #expect(longest <= 0.04, "\(longest) s")
  }

  @Test("idling is no credit, and a past of work no debt once nobody waits")
  func idling() {
    var queue = Queue()
    send(2000, by: "steady", cost: 0.01, to: &queue)
    let alone = serve(&queue, for: 10)
    #expect(alone["steady"] ?? 0 >= 10)
    // Who was away for ten seconds gets half from now on, and no more.
    send(2000, by: "back", cost: 0.01, to: &queue)
    let served = serve(&queue, for: 4)
    let (steady, back) = (served["steady"] ?? 0, served["back"] ?? 0)
    #expect(abs(steady - back) <= 0.021, "\(steady) and \(back) s")
    while queue.begin() != nil {}
    send(10, by: "steady", cost: 0.01, to: &queue)
    send(10, by: "new", cost: 0.01, to: &queue)
    let after = serve(&queue, for: 0.1)
    let difference = abs((after["steady"] ?? 0) - (after["new"] ?? 0))
    #expect(difference <= 0.011)
  }

  @Test("in a queue of bounded length the last gives way until each caller has as much")
  func givingWay() {
    var queue = Queue(), refused: [String: Int] = [:]
    let most = 60
    func offer(_ caller: String) {
      if queue.entries.count >= most {
        guard queue.place(of: caller) < queue.entries.count, let last = queue.dropLast() else {
          refused[caller, default: 0] += 1
          return
        }
        refused[last.caller, default: 0] += 1
      }
      queue.insert((caller, 0.01), of: caller, cost: 0.01)
    }
    for _ in 0..<1000 { offer("flood") }
    #expect(queue.entries.count == most && refused == ["flood": 940])
    for caller in ["a", "b"] { for _ in 0..<1000 { offer(caller) } }
    let held = Dictionary(grouping: queue.entries, by: \.caller).mapValues(\.count)
    for caller in ["flood", "a", "b"] {
      let count = held[caller] ?? 0
      #expect((19...21).contains(count), "\(held)")
    }
    // Who has little is never refused.
    for _ in 0..<5 { offer("quiet") }
    #expect(refused["quiet"] == nil && queue.entries.count == most)
  }

  @Test("what comes along with a turn leaves the order of the others")
  func batches() {
    var queue = Queue()
    send(4, by: "a", cost: 1, to: &queue)
    send(2, by: "b", cost: 0.5, to: &queue)
    let first = queue.begin()
    queue.takeAlong { $0.caller == "b" }
    #expect(first?.caller == "a" && queue.entries.map(\.caller) == ["a", "a", "a"] && queue.seconds == 3)
    // Who came along has had his turns.
    send(1, by: "b", cost: 1, to: &queue)
    #expect(queue.entries.map(\.caller) == ["a", "b", "a", "a"])
  }
}

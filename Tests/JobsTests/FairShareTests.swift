import DitherJobs
import DitherTensor
import Testing

@Suite struct FairShareTests {
  @Test("jobs that always wait are served alike, however many threads each has", arguments: UInt64(1)...6)
  func alike(_ seed: UInt64) {
    var random = PhiloxGenerator(seed: seed, stream: 0xFA)
    let places = Int.random(in: 1...3, using: &random)
    var share = FairShare(places: places), served: [String: Double] = [:], holding: [(job: String, left: Double)] = []
    for job in 0..<5 {
      for _ in 0..<(1 + job * 2) { share.ask("\(job)") }
      served["\(job)"] = 0
    }
    for _ in 0..<3000 {
      while let job = served.keys.first(where: { share.isNext($0) }) {
        share.take(job)
        holding.append((job, Double.random(in: 0.1...1, using: &random)))
      }
      #expect(holding.count == places, "no place is empty while somebody waits")
      let done = holding.remove(at: Int.random(in: 0..<holding.count, using: &random))
      share.giveBack(done.job, after: done.left)
      served[done.job, default: 0] += done.left
      share.ask(done.job)
    }
    // What is on a place is not counted yet.
    let most = served.values.max() ?? 0, least = served.values.min() ?? 0
    #expect(most - least <= Double(places) * 1 + 1, "\(served)")
  }

  @Test("a new job has no debt to collect, and its turn is due at once")
  func newcomer() {
    var share = FairShare(places: 1)
    share.ask("long")
    share.take("long")
    #expect(!share.isDue("long", after: 100), "nobody waits")
    share.giveBack("long", after: 100)
    share.ask("long")
    share.take("long")
    share.ask("new")
    #expect(share.isDue("long", after: 0.1) && !share.isNext("new"))
    share.giveBack("long", after: 0.1)
    share.ask("long")
    #expect(share.isNext("new"))
    share.take("new")
    #expect(!share.isDue("new", after: 0.05) && share.isDue("new", after: 0.2), "the long one is not starved")
    share.leave("long")
    #expect(!share.isDue("new", after: 100))
  }
}

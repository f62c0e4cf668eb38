import DitherBasics
import DitherStore
import DitherTestSupport
import Foundation
import Testing

@Suite struct JobRecordsTests {
  private static let lease = Duration.seconds(60)

  @Test(arguments: StoreKind.all) func journalsSurviveTheProcess(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), id = Job.newID()
    do {
      let jobs = try await kind.open(scratch.path).jobs
      try await jobs.create(job(id, spec: [123]))
      try await jobs.setState(.running, of: id)
      #expect(try await jobs.put([1, 2], for: 3, of: id) == .stored)
      #expect(try await jobs.put([1, 2], for: 3, of: id) == .known(isSame: true))
      #expect(try await jobs.put([9], for: 3, of: id) == .known(isSame: false))
    }
    let jobs = try await kind.open(scratch.path).jobs
    #expect(try await jobs.unfinished(kind: "audit").map(\.id) == [id])
    #expect(try await jobs.unfinished(kind: "sweep").isEmpty)
    #expect(try await jobs.shards(of: id) == [3: [1, 2]])
    #expect(try await jobs.job(id).spec == [123])
    await #expect { _ = try await jobs.job("none") } throws: { isFault($0, .notFound) }
  }

  @Test("of two jobs of one id the first stays", arguments: StoreKind.all)
  func joined(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    #expect(try await jobs.create(job("a", spec: [1])))
    try await jobs.put([7], for: 0, of: "a")
    #expect(try await !jobs.create(job("a", spec: [2])))
    #expect(try await jobs.job("a").spec == [1])
    #expect(try await jobs.shards(of: "a") == [0: [7]])
  }

  @Test("a job after one that came to nothing has its results, for its maker", arguments: StoreKind.all)
  func inherited(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("a"))
    _ = try await jobs.begin("a", as: "mine", after: .zero)
    try await jobs.lay(4, of: "a")
    for _ in 0..<3 { _ = try await jobs.claim(0...0, of: "a", by: "dead", for: .zero) }
    try await jobs.put([9], for: 0, of: "a", by: "mine")
    try await jobs.put([1], for: 1, of: "a", by: "mine")
    _ = try await jobs.claim(2...2, of: "a", by: "me", for: Self.lease)
    try await jobs.setState(.failed, of: "a")
    #expect(try await jobs.create(job("b"), after: "a"))
    #expect(try await jobs.create(job("c"), after: "none"))
    // Two were lost on the first: too few for it to be given up.
    #expect(try await jobs.shards(of: "b") == [0: [9], 1: [1]])
    #expect(try await jobs.shards(of: "c").isEmpty)
    #expect(try await jobs.begin("b", as: "another", after: .seconds(60)) == .others)
    #expect(try await jobs.begin("b", as: "mine", after: .seconds(60)) == .joined)
    try await jobs.lay(4, of: "b")
    #expect(try await jobs.claim(0...3, of: "b", by: "me", for: Self.lease)?.shard == 2)
    _ = try await jobs.claim(3...3, of: "a", by: "dead", for: .zero)
    for _ in 0..<3 { _ = try await jobs.claim(3...3, of: "a", by: "dead", for: .zero) }
    try await jobs.put([8], for: 3, of: "a", by: "mine")
    #expect(try await jobs.create(job("d"), after: "a"))
    #expect(try await jobs.shards(of: "d") == [0: [9], 1: [1]])
  }

  @Test("how far something has come is its maker's, and goes with the job's end", arguments: StoreKind.all)
  func progress(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    for id in ["done", "failed", "anew", "restarted"] {
      try await jobs.create(job(id, spec: [1]))
      _ = try await jobs.begin(id, as: "mine", after: .zero)
      try await jobs.keep([1], as: "a", of: id, by: "mine")
      try await jobs.keep([2, 0, 255], as: "a", of: id, by: "mine")
      try await jobs.keep([3], as: "b", of: id, by: "mine")
      try await jobs.keep([4], as: "a", of: id, by: "another")
      let (a, b) = (try await jobs.kept("a", of: id), try await jobs.kept("b", of: id))
      #expect(a == [2, 0, 255] && b == [3])
      #expect(try await jobs.kept("c", of: id) == nil)
    }
    #expect(try await jobs.finish("done", json: [], html: [], by: "mine"))
    try await jobs.setState(.failed, of: "failed")
    #expect(try await jobs.begin("anew", as: "another", after: .zero) == .anew)
    #expect(try await jobs.restart("restarted", from: [1], to: [2]))
    for id in ["done", "failed", "anew", "restarted"] {
      #expect(try await jobs.kept("a", of: id) == nil, "\(id)")
    }
    for id in ["done", "failed", "anew"] {
      try await jobs.keep([5], as: "a", of: id, by: "mine")
      #expect(try await jobs.kept("a", of: id) == nil, "\(id)")
    }
  }

  @Test(arguments: StoreKind.all) func aJobThatBeginsAnewForgetsItsShards(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    for id in ["a", "b"] {
      try await jobs.create(job(id, spec: [1]))
      try await jobs.put([7], for: 0, of: id)
      try await jobs.setSpent(milliseconds: 10, of: id)
      try await jobs.setSpent(milliseconds: 5, of: id)
    }
    #expect(try await jobs.restart("a", from: [1], to: [2]))
    #expect(try await !jobs.restart("a", from: [1], to: [3]))
    let (a, b) = (try await jobs.job("a"), try await jobs.job("b"))
    #expect(a.spec == [2] && a.spentMilliseconds == 0 && b.spec == [1] && b.spentMilliseconds == 10)
    #expect(try await jobs.shards(of: "a").isEmpty)
    #expect(try await jobs.shards(of: "b") == [0: [7]])
  }

  @Test(arguments: StoreKind.all) func aFinalStateStays(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    for id in ["a", "b"] { try await jobs.create(job(id)) }
    #expect(try await jobs.setState(.cancelled, of: "a", message: "asked"))
    #expect(try await !jobs.finish("a", json: [1], html: [2]))
    #expect(try await !jobs.setState(.running, of: "a"))
    #expect(try await jobs.report("a") == nil)
    #expect(try await jobs.finish("b", json: [1], html: [2]))
    let report = try #require(try await jobs.report("b"))
    #expect(report.json == [1] && report.html == [2])
    #expect(try await jobs.unfinished(kind: "audit").isEmpty)
    #expect(try await jobs.list(kind: "audit").map(\.state) == [.done, .cancelled])
  }

  @Test("lists go on behind a place, whether its job is there or not, and of one model", arguments: StoreKind.all)
  func places(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    let subjects = ["net@1", "net2@1", "net@2", "net@1+other@1", "ne@1", "other@1+net@1"]
    for (at, subject) in subjects.enumerated() {
      var job = Job(id: "j\(at)", kind: "audit", subject: subject, spec: [], createdBy: "")
      // Two at a time in one millisecond: there the name says which is newer.
      job.createdMilliseconds = Int64(1000 + at / 2)
      try await jobs.create(job)
    }
    func page(_ model: String?, behind place: JobPlace?, _ limit: Int = 2) async throws -> [String] {
      try await jobs.list(kind: "audit", of: model, before: place, limit: limit).map(\.id)
    }
    #expect(try await page(nil, behind: nil) == ["j5", "j4"])
    #expect(try await page(nil, behind: JobPlace(createdMilliseconds: 1002, id: "j5"), 3) == ["j4", "j3", "j2"])
    #expect(try await page(nil, behind: JobPlace(createdMilliseconds: 1001, id: "j25")) == ["j2", "j1"])
    #expect(try await page(nil, behind: JobPlace(createdMilliseconds: 1000, id: "j0")).isEmpty)
    #expect(try await page("net", behind: nil, 9) == ["j3", "j2", "j0"])
    #expect(try await page("net", behind: JobPlace(createdMilliseconds: 1001, id: "j3")) == ["j2", "j0"])
    #expect(try await page("n", behind: nil).isEmpty)
  }

  @Test("a shard is one worker's, until its lease ends", arguments: StoreKind.all)
  func claims(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("j"))
    let first = try #require(try await jobs.claim(shard: 0, of: "j", by: "ann", for: Self.lease))
    #expect(first.attempt == 1 && first.lost == 0 && first.owner == "ann")
    #expect(try await jobs.claim(shard: 0, of: "j", by: "bob", for: Self.lease) == nil)
    #expect(try await jobs.claim(shard: 1, of: "j", by: "bob", for: Self.lease) != nil)
    #expect(try await jobs.renew(first, for: .milliseconds(1)))
    try await Task.sleep(for: .milliseconds(5))
    // She is too late: another has it, and she is told.
    let second = try #require(try await jobs.claim(shard: 0, of: "j", by: "bob", for: Self.lease))
    #expect(second.attempt == 2 && second.lost == 1)
    #expect(try await !jobs.renew(first, for: Self.lease))
    try await jobs.release(first)
    #expect(try await jobs.renew(second, for: Self.lease))
    // What she brings all the same stays, being the first.
    #expect(try await jobs.put([5], for: 0, of: "j") == .stored)
    #expect(try await jobs.put([5], for: 0, of: "j") == .known(isSame: true))
    #expect(try await !jobs.renew(second, for: Self.lease))
    #expect(try await jobs.claim(shard: 0, of: "j", by: "eve", for: Self.lease) == nil)
    #expect(try await jobs.shards(of: "j") == [0: [5]])
  }

  @Test("a shard that is given back is had at once, and blames nobody", arguments: StoreKind.all)
  func releases(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("j"))
    for attempt in 1...5 {
      let claim = try #require(try await jobs.claim(shard: 0, of: "j", by: "ann", for: Self.lease))
      #expect(claim.attempt == attempt && claim.lost == 0 && !claim.isPoisoned)
      try await jobs.release(claim)
    }
  }

  @Test("three who never came back are enough", arguments: StoreKind.all)
  func poison(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("j"))
    for lost in 0...3 {
      let claim = try #require(try await jobs.claim(shard: 0, of: "j", by: "ann", for: .milliseconds(1)))
      #expect(claim.lost == lost && claim.isPoisoned == (lost == 3))
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test("a worker hears that its job has ended", arguments: StoreKind.all)
  func cancelled(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("j"))
    let claim = try #require(try await jobs.claim(shard: 0, of: "j", by: "ann", for: Self.lease))
    try await jobs.setState(.cancelled, of: "j")
    #expect(try await !jobs.renew(claim, for: Self.lease))
  }

  @Test("of many who want the same shards each has some, and no shard two", arguments: StoreKind.all)
  func crowd(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("j"))
    let claims = try await withThrowingTaskGroup(of: [ShardClaim].self) { group in
      for worker in 0..<8 {
        group.addTask {
          var mine: [ShardClaim] = []
          for shard in 0..<40 {
            if let claim = try await jobs.claim(shard: shard, of: "j", by: "\(worker)", for: Self.lease) {
              mine.append(claim)
            }
          }
          return mine
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(claims.map(\.shard).sorted() == Array(0..<40) && claims.allSatisfy { $0.attempt == 1 })
  }

  @Test("the first free shard is had, and the report lies behind them", arguments: StoreKind.all)
  func next(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("j"))
    #expect(try await jobs.shardCount(of: "j") == nil)
    #expect(try await jobs.claim(0...2, of: "j", by: "ann", for: Self.lease) == nil)
    for _ in 0..<2 { try await jobs.lay(3, of: "j") }
    #expect(try await jobs.shardCount(of: "j") == 3)
    try await jobs.put([1], for: 1, of: "j")
    #expect(try await jobs.done(of: "j") == [1])
    var had: [Int] = []
    while let claim = try await jobs.claim(0...2, of: "j", by: "ann", for: Self.lease) { had.append(claim.shard) }
    #expect(had == [0, 2])
    #expect(try await jobs.claim(3...3, of: "j", by: "ann", for: Self.lease)?.shard == 3)
    #expect(try await jobs.claim(3...3, of: "j", by: "bob", for: Self.lease) == nil)
  }

  @Test("a job is its maker's, until nothing was heard of him for long", arguments: StoreKind.all)
  func makers(_ kind: StoreKind) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs, long = Duration.seconds(600)
    try await jobs.create(job("j"))
    #expect(try await jobs.begin("j", as: "old", after: long) == .joined)
    #expect(try await jobs.begin("j", as: "old", after: long) == .joined)
    #expect(try await jobs.job("j").state == .running)
    #expect(try await jobs.put([1], for: 0, of: "j", by: "old") == .stored)
    #expect(try await jobs.begin("j", as: "new", after: long) == .others)
    #expect(try await jobs.done(of: "j") == [0])
    #expect(try await jobs.begin("j", as: "new", after: .zero) == .anew)
    #expect(try await jobs.done(of: "j").isEmpty)
    // He comes back: nothing of his is taken.
    #expect(try await jobs.put([1], for: 0, of: "j", by: "old") == .foreign)
    #expect(try await !jobs.finish("j", json: [1], html: [1], by: "old"))
    #expect(try await jobs.put([2], for: 0, of: "j", by: "new") == .stored)
    #expect(try await jobs.put([1], for: 0, of: "j", by: "old") == .foreign)
    #expect(try await jobs.shards(of: "j") == [0: [2]])
    #expect(try await jobs.finish("j", json: [1], html: [1], by: "new"))
    #expect(try await jobs.begin("j", as: "new", after: long) == .ended)
    #expect(try await jobs.begin("none", as: "new", after: long) == .ended)
  }

  @Test(
    "a shard that came out in two ways is told of, before and after the end", arguments: StoreKind.all, [true, false])
  func divergence(_ kind: StoreKind, _ isEarly: Bool) async throws {
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs
    try await jobs.create(job("j"))
    try await jobs.put([1], for: 0, of: "j")
    if isEarly { try await jobs.diverged([2], for: 0, of: "j") }
    #expect(try await jobs.finish("j", json: [], html: []))
    if !isEarly { try await jobs.diverged([2], for: 0, of: "j") }
    let found = try await jobs.job("j")
    #expect(found.state == .done && found.message.contains("shard 0"))
    for result in [[1], [2]] as [[UInt8]] { #expect(found.message.contains(Sha256.hash(result).hex)) }
    // A shard that was left out has no result to differ from.
    try await jobs.create(job("k"))
    for _ in 0...3 { _ = try await jobs.claim(shard: 0, of: "k", by: "ann", for: .zero) }
    try await jobs.put([9], for: 0, of: "k")
    try await jobs.diverged([2], for: 0, of: "k")
    #expect(try await jobs.finish("k", json: [], html: []))
    #expect(try await jobs.job("k").message.isEmpty)
  }
}

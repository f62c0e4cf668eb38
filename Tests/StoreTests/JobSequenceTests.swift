import DitherBasics
import DitherStore
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Jobs and their shards in any order of operations, against a table")
struct JobSequenceTests {
  private struct Shard {
    var result: [UInt8]?
    var isHeld = false, isLeased = false
    var attempts: Int64 = 0
    var lost = 0
  }
  private struct Expected {
    var state = Job.State.queued
    var shards: [Int: Shard] = [:]
    var claims: [ShardClaim] = []
  }

  @Test(arguments: UInt64(1)...6, StoreKind.all)
  func sequences(_ seed: UInt64, _ kind: StoreKind) async throws {
    var random = PhiloxGenerator(seed: seed, stream: 0x10B5)
    let scratch = try Scratch(), jobs = try await kind.open(scratch.path).jobs, names = ["a", "b"]
    var expected: [String: Expected] = [:]
    for name in names {
      try await jobs.create(job(name))
      expected[name] = Expected()
    }
    for step in 0..<400 {
      let id = names[Int.random(in: 0..<2, using: &random)], number = Int.random(in: 0..<3, using: &random)
      // A lease of nothing has ended at once, as that of a worker who is never heard of again.
      let isLeased = Bool.random(using: &random), lease = isLeased ? Duration.seconds(600) : .zero
      var own = try #require(expected[id]), shard = own.shards[number] ?? Shard()
      let claim = own.claims.randomElement(using: &random)
      switch Int.random(in: 0..<12, using: &random) {
      case 0..<5:
        let found = try await jobs.claim(shard: number, of: id, by: "w", for: lease)
        let isFree = shard.result == nil && !(shard.isHeld && shard.isLeased)
        #expect((found != nil) == isFree, "step \(step)")
        guard let found else { continue }
        shard.lost += shard.isHeld ? 1 : 0
        shard.attempts += 1
        (shard.isHeld, shard.isLeased) = (true, isLeased)
        #expect(found.attempt == shard.attempts && found.lost == shard.lost, "step \(step)")
        own.claims.append(found)
        own.shards[number] = shard
      case 5..<7:
        let result = [UInt8.random(in: 0...1, using: &random)]
        let outcome = try await jobs.put(result, for: number, of: id)
        #expect(outcome == (shard.result.map { .known(isSame: $0 == result) } ?? .stored), "step \(step)")
        if shard.result == nil { (shard.result, shard.isHeld) = (result, false) }
        own.shards[number] = shard
      case 7..<9:
        guard let claim, var held = own.shards[claim.shard] else { continue }
        let isNewest = held.attempts == claim.attempt && held.result == nil
        #expect(try await jobs.renew(claim, for: lease) == (isNewest && !own.state.isFinal), "step \(step)")
        if isNewest, !own.state.isFinal { held.isLeased = isLeased }
        own.shards[claim.shard] = held
      case 9:
        guard let claim, var held = own.shards[claim.shard] else { continue }
        try await jobs.release(claim)
        if held.attempts == claim.attempt, held.result == nil { (held.isHeld, held.isLeased) = (false, false) }
        own.shards[claim.shard] = held
      case 10:
        guard Int.random(in: 0..<8, using: &random) == 0 else { continue }
        let state = [Job.State.running, .failed, .cancelled][Int.random(in: 0..<3, using: &random)]
        #expect(try await jobs.setState(state, of: id) == !own.state.isFinal, "step \(step)")
        if !own.state.isFinal { own.state = state }
      default:
        guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
        try await jobs.restart(id, from: jobs.job(id).spec, to: [UInt8(step % 256)])
        // Claims from before are worth nothing: their attempts begin anew.
        (own.shards, own.claims) = ([:], [])
      }
      expected[id] = own
      let results = own.shards.compactMapValues(\.result)
      #expect(try await jobs.shards(of: id) == results, "step \(step)")
      #expect(try await jobs.job(id).state == own.state, "step \(step)")
      let unfinished = names.filter { expected[$0]?.state.isFinal == false }
      #expect(try await Set(jobs.unfinished(kind: "audit").map(\.id)) == Set(unfinished), "step \(step)")
    }
  }
}

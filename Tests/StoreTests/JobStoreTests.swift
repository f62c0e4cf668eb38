import DitherBasics
import DitherStore
import DitherTestSupport
import Testing

@Suite struct JobStoreTests {
  @Test func journalsSurviveTheProcess() throws {
    let scratch = try Scratch()
    let id = JobStore.newID()
    do {
      let jobs = try Store(directory: scratch.path).jobs
      try jobs.create(Job(id: id, kind: "audit", subject: "net@1", spec: [123], createdBy: "ann"))
      try jobs.setState(.running, of: id)
      try jobs.append(shard: 3, [1, 2], to: id)
      try jobs.append(shard: 3, [9], to: id)
    }
    let jobs = try Store(directory: scratch.path).jobs
    #expect(try jobs.unfinished(kind: "audit").map(\.id) == [id])
    #expect(try jobs.shards(of: id) == [3: [1, 2]])
    #expect(try jobs.job(id).spec == [123])
  }

  @Test func aJobThatBeginsAnewForgetsItsShards() throws {
    let scratch = try Scratch()
    let jobs = try Store(directory: scratch.path).jobs
    for id in ["a", "b"] {
      try jobs.create(Job(id: id, kind: "audit", subject: "net@1", spec: [1], createdBy: ""))
      try jobs.append(shard: 0, [7], to: id)
    }
    try jobs.restart("a", spec: [2])
    #expect(try jobs.shards(of: "a").isEmpty && jobs.job("a").spec == [2])
    #expect(try jobs.shards(of: "b") == [0: [7]] && jobs.job("b").spec == [1])
  }

  @Test func aFinalStateStays() throws {
    let scratch = try Scratch()
    let jobs = try Store(directory: scratch.path).jobs
    try jobs.create(Job(id: "a", kind: "audit", subject: "net@1", spec: [], createdBy: ""))
    #expect(try jobs.setState(.cancelled, of: "a", message: "asked"))
    #expect(try !jobs.finish("a", json: [1], html: [2]))
    #expect(try !jobs.setState(.running, of: "a"))
    #expect(try jobs.report("a") == nil)
    #expect(try jobs.unfinished(kind: "audit").isEmpty)
  }

  @Test func filesThatJobsNeedAreKept() throws {
    let scratch = try Scratch()
    let blob: BlobID
    do {
      let store = try Store(directory: scratch.path)
      blob = try store.blobs.insert([1, 2, 3])
      try store.jobs.create(Job(id: "a", kind: "audit", subject: "", spec: [], createdBy: ""), blobs: [blob])
    }
    #expect(try Store(directory: scratch.path).blobs.read(blob) == [1, 2, 3])
  }
}

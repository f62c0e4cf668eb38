import DitherBasics
import DitherStore
import DitherStoreS3
import DitherTestSupport
import Foundation
import Synchronization
import Testing

/// Records that only hear what is announced.
private final class HeardRecords: SqlDatabase, Sendable {
  let announced = Mutex<[String]>([])
  var dialect: SqlDialect { .sqlite }

  private struct Session: SqlSession {
    let home: HeardRecords
    var dialect: SqlDialect { .sqlite }
    func rows(_ sql: String, _ arguments: [any SqlArgument]) throws -> [SqlRow] { [] }
    func run(_ sql: String, _ arguments: [any SqlArgument]) throws -> Int {
      if sql.contains("INTO blobs"), case .text(let blob)? = arguments.first?.sqlValue {
        home.announced.withLock { $0.append(blob) }
      }
      return 1
    }
  }

  func read<Value: Sendable>(
    _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value { try run(body) }

  func write<Value: Sendable>(
    _ write: SqlWrite, _ body: @escaping @Sendable (any SqlSession) throws -> Value
  ) async throws(StoreError) -> Value { try run(body) }

  private func run<Value: Sendable>(_ body: (any SqlSession) throws -> Value) throws(StoreError) -> Value {
    do { return try body(Session(home: self)) } catch {
      throw StoreError(.storage, at: "records", expected: "an answer", got: "\(error)")
    }
  }
}

/// What a store keeps in a bucket, and what it does when the bucket's server does wrong.
@Suite("Files in a bucket") struct S3BlobsTests {
  private let scratch: Scratch
  private let records = HeardRecords()
  private let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
  private var blob: BlobID { BlobID(Sha256.hash(bytes)) }

  init() throws { scratch = try Scratch() }

  private func place(_ endpoint: String, bucket: String = "models", more: String = "") throws -> S3Place {
    try S3Place(parsing: "s3://\(bucket)/p?endpoint=\(endpoint)\(more)", environment: S3Server.environment)
  }

  private func blobs(_ place: S3Place, _ folder: String = "here") throws -> S3Blobs {
    try S3Blobs(place, directory: scratch.file(folder), records: SqlBlobRecords(records))
  }

  private func blobs(_ server: FaultyServer, _ folder: String = "here", patience: Int = 20) throws -> S3Blobs {
    var place = try place(server.endpoint)
    place.patience = patience
    return try blobs(place, folder)
  }

  // MARK: a server that does wrong

  @Test("a file is announced, looked for and put with its digests, all of them signed; the copy here is read")
  func puts() async throws {
    let server = try FaultyServer { request, _ in request.method == "HEAD" ? .init(status: 404) : .init() }
    let blobs = try blobs(server)
    #expect(try await blobs.insert(bytes) == blob)
    #expect(try await blobs.read(blob) == bytes)
    let requests = server.requests
    #expect(requests.map(\.method) == ["HEAD", "PUT"] && records.announced.withLock { $0 } == [blob.hex])
    let put = try #require(requests.last)
    #expect(put.target == "/models/p/blobs/\(blob.hex)" && put.body == bytes)
    #expect(put.headers["host"] == "127.0.0.1:\(server.port)" && put.headers["if-none-match"] == "*")
    #expect(put.headers["x-amz-content-sha256"] == blob.hex)
    #expect(put.headers["x-amz-checksum-sha256"].flatMap { Data(base64Encoded: $0) }.map { [UInt8]($0) } == blob.bytes)
    let signature = try #require(put.headers["authorization"])
    #expect(signature.contains("/us-east-1/s3/aws4_request"))
    #expect(
      signature.contains("SignedHeaders=host;if-none-match;x-amz-checksum-sha256;x-amz-content-sha256;x-amz-date"))
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// To the first requests of a read; then the file comes.
    var replies: [FaultyServer.Reply]
    /// Requests that there are in all.
    var requests: Int
    /// nil: the file is read.
    var code: StoreFault?
  }

  private static let faults: [Fault] = [
    Fault(testDescription: "500", replies: [.error(500, "InternalError")], requests: 2),
    Fault(testDescription: "503 twice", replies: [.error(503, "SlowDown"), .error(503, "SlowDown")], requests: 3),
    Fault(
      testDescription: "503 for good", replies: Array(repeating: .error(503, "SlowDown"), count: 9), requests: 4,
      code: .away),
    Fault(
      testDescription: "429 with a wait", replies: [.error(429, "Slow", headers: ["retry-after": "0"])], requests: 2),
    Fault(testDescription: "cut", replies: [.init(body: [1, 2, 3, 4, 5], cut: 2)], requests: 2),
    Fault(
      testDescription: "cut for good", replies: Array(repeating: .init(body: [1, 2, 3], cut: 1), count: 9), requests: 4,
      code: .away),
    Fault(testDescription: "other bytes once", replies: [.init(body: [1, 2, 3])], requests: 2),
    Fault(
      testDescription: "other bytes for good", replies: Array(repeating: .init(body: [1, 2, 3]), count: 9), requests: 2,
      code: .corrupt),
    Fault(testDescription: "none", replies: [.error(404, "NoSuchKey")], requests: 1, code: .notFound),
    Fault(testDescription: "forbidden", replies: [.error(403, "AccessDenied")], requests: 1, code: .badPlace),
    Fault(
      testDescription: "longer than any file", replies: [.init(headers: ["content-length": "9999999999"], cut: 0)],
      requests: 1, code: .away),
  ]

  @Test("a read comes right, or says what is wrong; what is garbled is never given out", arguments: faults)
  func reads(_ fault: Fault) async throws {
    let bytes = bytes
    let server = try FaultyServer { _, number in
      number < fault.replies.count ? fault.replies[number] : .init(body: bytes)
    }
    let blobs = try blobs(server)
    if let code = fault.code {
      await #expect { try await blobs.read(blob) } throws: { ($0 as? StoreError)?.code == code }
    } else {
      #expect(try await blobs.read(blob) == bytes)
      // From here the second time.
      #expect(try await blobs.read(blob) == bytes)
    }
    #expect(server.requests.count == fault.requests)
  }

  @Test("a server that is silent ends a call after its patience")
  func silent() async throws {
    let server = try FaultyServer { _, _ in .init(pause: 60) }
    let blobs = try blobs(server, patience: 1), start = ContinuousClock.now
    await #expect { try await blobs.read(blob) } throws: { ($0 as? StoreError)?.code == .away }
    #expect(ContinuousClock.now - start < .seconds(40) && server.requests.count == 4)
  }

  @Test("more calls than connections all come to their end")
  func many() async throws {
    let server = try FaultyServer { _, _ in .init(status: 404, pause: 0.02) }
    let blobs = try blobs(server)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<60 { group.addTask { try await blobs.contains(BlobID(Sha256.hash([UInt8(number)]))) } }
      for try await found in group { #expect(!found) }
    }
    #expect(server.requests.count == 60)
  }

  @Test(
    "a put that another was faster with, or that a server without conditions takes, is one",
    arguments: [([412], 2), ([409], 2), ([501, 200], 3), ([500, 200], 3)])
  func conditions(_ statuses: [Int], _ requests: Int) async throws {
    let server = try FaultyServer { request, number in
      request.method == "HEAD" ? .init(status: 404) : .init(status: statuses[min(number - 1, statuses.count - 1)])
    }
    #expect(try await blobs(server).insert(bytes) == blob)
    #expect(server.requests.count == requests)
    if statuses[0] == 501 { #expect(server.requests.last?.headers["if-none-match"] == nil) }
  }

  @Test("an object of another length is written over; one that is there is not sent again")
  func standing() async throws {
    let length = Atomic(3)
    let server = try FaultyServer { _, _ in
      .init(headers: ["content-length": "\(length.load(ordering: .relaxed))"], cut: nil)
    }
    let blobs = try blobs(server)
    length.store(bytes.count, ordering: .relaxed)
    try await blobs.insert(bytes)
    #expect(server.requests.map(\.method) == ["HEAD"])
  }

  @Test("pieces are checked each, and an error behind a success is one", arguments: [false, true])
  func pieces(_ fails: Bool) async throws {
    let server = try FaultyServer { request, _ in
      switch (request.method, request.target.contains("uploads=")) {
      case ("HEAD", _): .init(status: 404)
      case ("POST", true): .init(body: Array("<R><UploadId>a/b+c&amp;d</UploadId></R>".utf8))
      case ("PUT", _): .init(headers: ["etag": "\"t\""])
      case ("POST", false): fails ? .error(200, "InvalidPart") : .init(body: Array("<Done/>".utf8))
      default: .init(status: 204)
      }
    }
    var place = try place(server.endpoint)
    (place.singleBytes, place.pieceBytes) = (20_000, 16_000)
    let blobs = try blobs(place)
    if fails {
      await #expect { try await blobs.insert(bytes) } throws: { ($0 as? StoreError)?.code == .away }
      #expect(server.requests.last?.method == "DELETE", "the pieces are given up")
      return
    }
    #expect(try await blobs.insert(bytes) == blob)
    let parts = server.requests.filter { $0.method == "PUT" }
    #expect(parts.map(\.body.count) == [16_000, 16_000, 16_000, 2000] && parts.flatMap(\.body) == bytes)
    #expect(parts[1].target.hasSuffix("?partNumber=2&uploadId=a%2Fb%2Bc%26d"))
    for part in parts { #expect(part.headers["x-amz-content-sha256"] == Sha256.hash(part.body).hex) }
    let end = String(decoding: try #require(server.requests.last).body, as: UTF8.self)
    #expect(end.contains("<PartNumber>4</PartNumber><ETag>&quot;t&quot;</ETag><ChecksumSHA256>"))
  }

  @Test("a list of several pages, and names that are none of ours")
  func lists() async throws {
    let names = (0..<3).map { BlobID(Sha256.hash([UInt8($0)])) }
    let server = try FaultyServer { request, number in
      number == 0
        ? .list(["p/blobs/\(names[0].hex)", "p/blobs/readme"], next: "a&#43;b=")
        : .list(["p/blobs/\(names[1].hex)", "q/blobs/\(names[2].hex)"])
    }
    let found = try await blobs(server).stored()
    #expect(found == Set(names[..<2]))
    #expect(server.requests[0].target == "/models/?list-type=2&max-keys=1000&prefix=p%2Fblobs%2F")
    #expect(server.requests[1].target.contains("continuation-token=a%2Bb%3D&list-type=2"))
  }

  @Test("an endless list ends")
  func endless() async throws {
    let server = try FaultyServer { _, _ in .list([], next: "same") }
    let found = try await blobs(server).stored()
    #expect(found.isEmpty && server.requests.count == 2)
  }

  // MARK: at the start

  struct Start: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var reply: FaultyServer.Reply
    var words: String
  }

  private static let starts: [Start] = [
    Start(testDescription: "no bucket", reply: .error(404, "NoSuchBucket"), words: "say another bucket"),
    Start(testDescription: "unknown key", reply: .error(403, "InvalidAccessKeyId"), words: "AWS_ACCESS_KEY_ID"),
    Start(testDescription: "wrong secret", reply: .error(403, "SignatureDoesNotMatch"), words: "AWS_SECRET_ACCESS_KEY"),
    Start(testDescription: "no leave", reply: .error(403, "AccessDenied"), words: "leave to list"),
    Start(testDescription: "ended", reply: .error(400, "ExpiredToken"), words: "AWS_SESSION_TOKEN"),
    Start(testDescription: "skew, said", reply: .error(403, "RequestTimeTooSkewed"), words: "set this machine's clock"),
    Start(
      testDescription: "skew, seen",
      reply: .error(403, "AccessDenied", headers: ["date": "Sun, 06 Nov 2016 08:49:37 GMT"]),
      words: "set this machine's clock"),
    Start(
      testDescription: "another region",
      reply: .error(301, "PermanentRedirect", headers: ["x-amz-bucket-region": "eu-west-3"]),
      words: "say region=eu-west-3"),
  ]

  @Test("what is wrong with a place is said at the start, with the remedy, and nothing is written", arguments: starts)
  func refusedAtStart(_ start: Start) async throws {
    let server = try FaultyServer { _, _ in start.reply }
    let blobs = try blobs(server)
    await #expect { try await blobs.open(for: "a") } throws: {
      ($0 as? StoreError)?.code == .badPlace && "\($0)".contains(start.words)
    }
    #expect(server.requests.map(\.method) == ["GET"])
  }

  @Test("where nobody listens it says so")
  func nobody() async throws {
    let blobs = try blobs(try place("http://127.0.0.1:1"))
    await #expect { try await blobs.open(for: "a") } throws: {
      ($0 as? StoreError)?.code == .away && "\($0)".contains("127.0.0.1:1")
    }
  }

  // MARK: a real server

  private func opened(_ bucket: String, _ folder: String, owner: String = "a", more: String = "") async throws
    -> S3Blobs
  {
    let server = try #require(S3Server.shared)
    let blobs = try blobs(try place(server.endpoint, bucket: bucket, more: more), folder)
    try await blobs.open(for: owner)
    return blobs
  }

  @Test("two servers with one bucket", .enabled(if: S3Server.isPresent, "no S3 server: scripts/test-servers"))
  func shared() async throws {
    let bucket = try await newBucket(), one = try await opened(bucket, "one"), two = try await opened(bucket, "two")
    #expect(try await one.insert(bytes) == blob)
    #expect(try await two.contains(blob))
    #expect(try await two.read(blob) == bytes)
    #expect(try await two.insert(bytes) == blob)
    #expect(try await two.stored() == [blob])
    // A copy that has changed is no copy.
    let copy = try #require(scratch.files.first { $0.hasPrefix("two/blobs/") })
    try Data([1, 2, 3]).write(to: URL(filePath: scratch.file(copy)))
    #expect(try await two.read(blob) == bytes)
    try await one.remove(blob)
    #expect(try await !one.contains(blob))
    #expect(try await one.stored().isEmpty)
    await #expect { try await one.read(blob) } throws: { ($0 as? StoreError)?.code == .notFound }
  }

  @Test(
    "a large file goes in pieces and comes back", .enabled(if: S3Server.isPresent, "no S3 server: scripts/test-servers")
  )
  func large() async throws {
    let bucket = try await newBucket(), one = try await opened(bucket, "one"), two = try await opened(bucket, "two")
    let large = [UInt8](unsafeUninitializedCapacity: 65 << 20) { buffer, count in
      for at in buffer.indices { buffer[at] = UInt8(truncatingIfNeeded: at &* 2_654_435_761 >> 16) }
      count = buffer.count
    }
    let blob = try await one.insert(large)
    let back = try await two.read(blob)
    #expect(back == large)
    await one.forgetUploads(olderThan: -1)
  }

  @Test(
    "the copies stay within their bound, the latest used of them",
    .enabled(if: S3Server.isPresent, "no S3 server: scripts/test-servers"))
  func bound() async throws {
    let bucket = try await newBucket(), blobs = try await opened(bucket, "one", more: "&cache-mib=1")
    var made: [BlobID] = []
    for number in 0..<5 {
      made.append(try await blobs.insert([UInt8](repeating: UInt8(number), count: 300_000)))
      if number > 0 { _ = try await blobs.read(made[0]) }
    }
    let copies = scratch.files.filter { $0.hasPrefix("one/blobs/") }
    #expect(copies.count == 3 && copies.contains { $0.hasSuffix(made[0].hex) })
    for (number, blob) in made.enumerated() { #expect(try await blobs.read(blob)[7] == UInt8(number)) }
  }

  @Test(
    "the place of another store is refused, and so are other credentials and no bucket",
    .enabled(if: S3Server.isPresent, "no S3 server: scripts/test-servers"))
  func refusals() async throws {
    let server = try #require(S3Server.shared), bucket = try await newBucket()
    _ = try await opened(bucket, "one", owner: "a")
    await #expect { _ = try await opened(bucket, "two", owner: "b") } throws: {
      "\($0)".contains("that of another (a)") && "\($0)".contains("another prefix")
    }
    _ = try await opened(bucket, "one", owner: "a")
    let text = "s3://\(bucket)/p?endpoint=\(server.endpoint)"
    for (name, words) in [
      ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"), ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
    ] {
      let place = try S3Place(parsing: text, environment: S3Server.environment.merging([name: "wrong"]) { $1 })
      await #expect { try await blobs(place).open(for: "a") } throws: {
        ($0 as? StoreError)?.code == .badPlace && "\($0)".contains(words)
      }
    }
    await #expect { _ = try await opened("no-such-bucket", "three") } throws: { "\($0)".contains("say another bucket") }
  }

  private func newBucket() async throws -> String {
    let server = try #require(S3Server.shared), name = S3Server.newBucket()
    try await S3Place(parsing: "s3://\(name)?endpoint=\(server.endpoint)", environment: S3Server.environment)
      .makeBucket()
    return name
  }
}

import DitherBasics
import DitherStore
import Foundation

/// A bucket's objects, and what its answers mean for a store.
struct S3Bucket: Sendable {
  let place: S3Place
  private let connections: S3Connections

  init(_ place: S3Place) {
    self.place = place
    connections = S3Connections(place)
  }

  // MARK: objects

  /// - Returns: nil where there is none.
  func head(_ name: String) async throws(StoreError) -> S3Answer? {
    let answer = try await send(S3Request(method: .head, key: place.prefix + name), "look for \(name)")
    return try found(answer, "look for \(name)") ? answer : nil
  }

  /// - Returns: nil where there is none.
  func get(_ name: String, mostBytes: Int) async throws(StoreError) -> [UInt8]? {
    let purpose = "read \(name)"
    let answer = try await send(S3Request(method: .get, key: place.prefix + name, mostBytes: mostBytes), purpose)
    return try found(answer, purpose) ? answer.body : nil
  }

  /// Puts an object where there is none; another that is there stays.
  /// - Parameter digest: of the body.
  func put(_ name: String, _ body: S3Request.Body, digest: Sha256.Digest, replaces: Bool = false)
    async throws(StoreError)
  {
    let purpose = "write \(name)"
    var request = S3Request(method: .put, key: place.prefix + name, body: body, digest: digest)
    // The server checks what it has received, which the signed digest alone does not make every server do.
    request.headers = [("x-amz-checksum-sha256", digest.base64)]
    if !replaces { request.headers.append(("if-none-match", "*")) }
    var answer = try await send(request, purpose)
    if answer.status == 501, !replaces {
      // A server without conditions: the same bytes are written over themselves.
      request.headers.removeAll { $0.name == "if-none-match" }
      answer = try await send(request, purpose)
    }
    // 409: another is writing it at this moment.
    guard (200..<300).contains(answer.status) || !replaces && [409, 412].contains(answer.status) else {
      throw fault(answer, purpose)
    }
  }

  func delete(_ name: String) async throws(StoreError) {
    let answer = try await send(S3Request(method: .delete, key: place.prefix + name), "remove \(name)")
    _ = try found(answer, "remove \(name)")
  }

  /// Makes the bucket itself.
  func make() async throws(StoreError) {
    let answer = try await send(S3Request(method: .put), "make the bucket")
    let isThere = answer.errorCode == "BucketAlreadyOwnedByYou"
    guard (200..<300).contains(answer.status) || isThere else {
      throw fault(answer, "make the bucket")
    }
  }

  /// All names that begin so, without the prefix of the store.
  func list(_ start: String) async throws(StoreError) -> [String] {
    var names: [String] = [], token: String?
    repeat {
      let page = try await page(start, after: token)
      names += page.texts("Key").filter { $0.hasPrefix(place.prefix) }.map { String($0.dropFirst(place.prefix.count)) }
      let next = page.text("IsTruncated") == "true" ? page.text("NextContinuationToken") : nil
      // A server that repeats itself would be listed for ever.
      token = next == token ? nil : next
    } while token != nil
    return names
  }

  /// - Parameter most: names of the answer.
  func page(_ start: String, after token: String? = nil, most: Int = 1000) async throws(StoreError) -> S3Answer {
    var request = S3Request(method: .get, mostBytes: 8 << 20)
    request.query = [("list-type", "2"), ("max-keys", "\(most)"), ("prefix", place.prefix + start)]
    if let token { request.query.append(("continuation-token", token)) }
    let answer = try await send(request, "list \(place.name)")
    guard answer.status == 200 else { throw fault(answer, "list \(place.name)") }
    return answer
  }

  // MARK: large objects

  /// Puts a large file in pieces, each of which the server checks.
  func putPieces(_ name: String, path: String, count: Int) async throws(StoreError) {
    let purpose = "write \(name) in pieces", key = place.prefix + name
    var begin = S3Request(method: .post, key: key, query: [("uploads", "")])
    begin.headers = [("x-amz-checksum-algorithm", "SHA256")]
    let begun = try await send(begin, purpose)
    guard begun.status == 200, let id = begun.text("UploadId") else { throw fault(begun, purpose) }
    do throws(StoreError) {
      var pieces: [(tag: String, digest: Sha256.Digest)] = []
      for offset in stride(from: 0, to: count, by: place.pieceBytes) {
        let length = min(place.pieceBytes, count - offset)
        var request = S3Request(method: .put, key: key, body: .file(path, offset: offset, count: length))
        request.digest = try await digest(path, offset, length)
        request.query = [("partNumber", "\(pieces.count + 1)"), ("uploadId", id)]
        request.headers = [("x-amz-checksum-sha256", request.digest.base64)]
        let answer = try await send(request, purpose)
        guard answer.status == 200, let tag = answer.headers["etag"] else { throw fault(answer, purpose) }
        pieces.append((tag, request.digest))
      }
      let list = pieces.enumerated().map { at, piece in
        "<Part><PartNumber>\(at + 1)</PartNumber><ETag>\(piece.tag.replacing("\"", with: "&quot;"))</ETag>"
          + "<ChecksumSHA256>\(piece.digest.base64)</ChecksumSHA256></Part>"
      }
      let text = Array("<CompleteMultipartUpload>\(list.joined())</CompleteMultipartUpload>".utf8)
      let end = S3Request(
        method: .post, key: key, query: [("uploadId", id)], headers: [("content-type", "application/xml")],
        body: .bytes(text), digest: Sha256.hash(text))
      let answer = try await send(end, purpose)
      // It may say 200, and an error behind it.
      guard answer.status == 200, answer.errorCode == nil else { throw fault(answer, purpose) }
    } catch {
      try? await abandon(key, id)
      throw error
    }
  }

  private func digest(_ path: String, _ offset: Int, _ count: Int) async throws(StoreError) -> Sha256.Digest {
    let found: Sha256.Digest? = await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: Self.hash(path, offset, count)) }
    }
    guard let found else {
      throw StoreError(.storage, at: "upload", expected: "\(count) bytes from \(offset) on", got: "fewer")
    }
    return found
  }

  private static func hash(_ path: String, _ offset: Int, _ count: Int) -> Sha256.Digest? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    guard (try? file.seek(toOffset: UInt64(offset))) != nil, let data = try? file.read(upToCount: count),
      data.count == count
    else { return nil }
    return Sha256.hash(data)
  }

  private func abandon(_ key: String, _ id: String) async throws(StoreError) {
    _ = try await send(S3Request(method: .delete, key: key, query: [("uploadId", id)]), "give up \(key)")
  }

  /// Gives up uploads in pieces that were begun longer ago than `age` seconds: whoever sent them is gone.
  func abandonUploads(olderThan age: Double) async throws(StoreError) {
    let request = S3Request(
      method: .get, query: [("prefix", place.prefix), ("uploads", "")], mostBytes: 8 << 20)
    let answer = try await send(request, "list uploads")
    guard answer.status == 200 else { throw fault(answer, "list uploads") }
    for upload in answer.elements("Upload") {
      guard let key = upload.text("Key"), key.hasPrefix(place.prefix), let id = upload.text("UploadId"),
        let begun = upload.text("Initiated").flatMap({ try? Date($0, strategy: Self.times) }),
        -begun.timeIntervalSinceNow > age
      else { continue }
      try await abandon(key, id)
    }
  }

  private static let times = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

  // MARK: answers

  private func send(_ request: S3Request, _ purpose: String) async throws(StoreError) -> S3Answer {
    do throws(S3Silence) { return try await connections.answer(to: request) } catch {
      throw StoreError(
        .away, at: purpose, expected: "an answer of \(place.endpoint)", got: error.reason,
        advice: error.mayPass
          ? "is the server there? what is kept on this machine is served on"
          : "look at the endpoint and its certificate",
        retryAfterMilliseconds: error.mayPass ? 2000 : nil)
    }
  }

  private func found(_ answer: S3Answer, _ purpose: String) throws(StoreError) -> Bool {
    if (200..<300).contains(answer.status) { return true }
    if answer.status == 404, answer.errorCode != "NoSuchBucket" { return false }
    throw fault(answer, purpose)
  }

  /// The meaning of an answer that is no success.
  func fault(_ answer: S3Answer, _ purpose: String) -> StoreError {
    let code = answer.errorCode ?? "", got = "\(answer.status) \(code)".trimmingCharacters(in: .whitespaces)
    func refuse(_ expected: String, _ advice: String) -> StoreError {
      StoreError(.badPlace, at: "\(place.name): \(purpose)", expected: expected, got: got, advice: advice)
    }
    switch (answer.status, code) {
    case (404, _): return refuse("a bucket '\(place.bucket)' at \(place.endpoint)", "make it, or say another bucket")
    case (301, _), (307, _), (400, "AuthorizationHeaderMalformed"), (400, "IllegalLocationConstraintException"):
      let region = answer.headers["x-amz-bucket-region"] ?? answer.text("Region")
      return refuse(
        "the bucket in the region '\(place.region)'",
        region.map { "say region=\($0.clipped(to: 40))" } ?? "say the bucket's region: region=NAME")
    case (403, _) where code == "RequestTimeTooSkewed" || abs(answer.clockDifference) > 300:
      return refuse(
        "a clock within 5 minutes of the server's",
        "set this machine's clock: the server's is \(Int(answer.clockDifference.rounded())) s from it")
    case (403, "InvalidAccessKeyId"): return refuse("an AWS_ACCESS_KEY_ID that the server knows", "look at it")
    case (403, "SignatureDoesNotMatch"):
      return refuse("the secret of that AWS_ACCESS_KEY_ID", "look at AWS_SECRET_ACCESS_KEY and the endpoint's name")
    case (403, "ExpiredToken"), (400, "ExpiredToken"), (400, "InvalidToken"), (403, "InvalidToken"):
      return refuse("an AWS_SESSION_TOKEN that is good", "get new credentials")
    case (401, _), (403, _):
      return refuse("leave to do so", "give these credentials leave to list, read, write and remove there")
    case (507, _), (_, "QuotaExceeded"), (_, "XMinioStorageFull"):
      return StoreError(.noSpace, at: purpose, expected: "room in \(place.name)", got: got, advice: "free some there")
    default:
      let words = answer.text("Message").map { ": \($0.clipped())" } ?? ""
      return StoreError(
        .away, at: "\(place.name): \(purpose)", expected: "a success", got: got + words,
        advice: "look at the server", retryAfterMilliseconds: 2000)
    }
  }
}

extension S3Answer {
  /// Seconds that the server's clock is ahead of this machine's; 0 where it says nothing.
  var clockDifference: Double {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "GMT")
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    return headers["date"].flatMap { format.date(from: $0) }?.timeIntervalSinceNow ?? 0
  }
}

extension Sha256.Digest {
  /// As S3's headers write it.
  var base64: String { Data(bytes).base64EncodedString() }
}

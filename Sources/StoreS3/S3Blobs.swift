import DitherBasics
import DitherStore
import Foundation

/// Files of a store in a bucket that servers share: `blobs/` and the SHA-256, each written once. What this machine has
/// used is kept here too, within a bound, and checked on every read; what the bucket has is checked as it comes.
public final class S3Blobs: KeptBlobs {
  private let bucket: S3Bucket
  private let cache: S3Cache
  private let records: SqlBlobRecords

  /// A file that is read, at most: as large as a protobuf message can be.
  private static let mostBytes = 2 << 30
  private static let folder = "blobs/"

  /// - Parameters:
  ///   - directory: of this server alone, for copies and uploads that are not whole.
  ///   - records: where files are noted before they are placed.
  ///   - uploads: bounds on uploads that are not whole.
  package init(
    _ place: S3Place, directory: String, records: SqlBlobRecords, uploads: UploadBounds = UploadBounds()
  ) throws(StoreError) {
    try S3Connection.check()
    bucket = S3Bucket(place)
    self.records = records
    let files = try FileBlobs(directory: directory, records: nil, uploads: uploads)
    files.removeLeftovers()
    cache = S3Cache(files, mostBytes: place.cacheBytes)
  }

  /// Tries whether the bucket can be listed, written to and removed from, and whether it is this store's.
  /// - Parameter owner: the store's own name, whichever of its servers asks.
  /// - Throws: `.badPlace` with the remedy, `.away` where nobody answers.
  package func open(for owner: String) async throws(StoreError) {
    _ = try await bucket.page("", most: 1)
    let trial = Array("dither\n".utf8)
    try await bucket.put("writable", .bytes(trial), digest: Sha256.hash(trial), replaces: true)
    try await bucket.delete("writable")
    try await bucket.claim(for: owner)
  }

  /// The same for the bucket of a store, if its files are in one: by a name that all servers of the store share.
  public static func claim(for store: any Store) async throws(StoreError) {
    guard let blobs = store.blobs as? S3Blobs else { return }
    let name = try await store.common("store", Array(UUID().uuidString.lowercased().utf8))
    try await blobs.open(for: String(decoding: name, as: UTF8.self))
  }

  private func name(_ blob: BlobID) -> String { Self.folder + blob.hex }

  // MARK: whole blobs

  /// Whether the bucket has it: a copy here is not enough.
  public func contains(_ blob: BlobID) async throws(StoreError) -> Bool { try await bucket.head(name(blob)) != nil }

  /// - Throws: `.notFound`, `.corrupt` when the bucket has other bytes, `.away` where nobody answers.
  public func read(_ blob: BlobID) async throws(StoreError) -> [UInt8] {
    if let bytes = await cache.read(blob) { return bytes }
    // Bytes that were garbled on the way come right the second time.
    for _ in 0..<2 {
      guard let bytes = try await bucket.get(name(blob), mostBytes: Self.mostBytes) else {
        throw StoreError(.notFound, at: "blob \(blob)", expected: "a file in \(bucket.place.name)", got: "none")
      }
      guard try await Self.digest(of: bytes) == blob else { continue }
      await cache.keep(bytes)
      return bytes
    }
    throw StoreError(
      .corrupt, at: "blob \(blob)", expected: "the bytes that were stored", got: "other bytes in \(bucket.place.name)",
      advice: "the bucket lost data, or another program wrote there; upload the file again")
  }

  /// Puts a file in the bucket, and keeps a copy here.
  @discardableResult
  public func insert(_ bytes: [UInt8]) async throws(StoreError) -> BlobID {
    let blob = try await Self.digest(of: bytes)
    try await records.announce(blob)
    if bytes.count <= bucket.place.singleBytes {
      try await place(.bytes(bytes), as: blob)
      await cache.keep(bytes)
    } else {
      _ = try await cache.files.insert(bytes)
      try await place(.file(cache.files.path(blob), offset: 0, count: bytes.count), as: blob)
      await cache.added(bytes.count)
    }
    return blob
  }

  private static func digest(of bytes: [UInt8]) async throws(StoreError) -> BlobID {
    try await offload { () throws(StoreError) in BlobID(Sha256.hash(bytes)) }
  }

  private func place(_ body: S3Request.Body, as blob: BlobID) async throws(StoreError) {
    let there = try await bucket.head(name(blob))
    if let there, there.headers["content-length"] == "\(body.count)" { return }
    guard let digest = Sha256.Digest(stored: blob.bytes) else {
      throw StoreError(.badDigest, at: "blob \(blob)", expected: "32 bytes", got: "others")
    }
    if body.count > bucket.place.singleBytes, case .file(let path, _, let count) = body {
      try await bucket.putPieces(name(blob), path: path, count: count)
    } else {
      // Another length is no file of ours: it makes way.
      try await bucket.put(name(blob), body, digest: digest, replaces: there != nil)
    }
  }

  // MARK: uploads

  public func upload(
    _ blob: BlobID, of owner: String, by caller: String, bytes: Int, isNew: Bool
  ) async throws(StoreError) -> any Upload {
    S3Upload(try await cache.files.partial(blob, of: owner, by: caller, bytes: bytes, isNew: isNew), in: self)
  }

  /// On this server: one that went through another is begun anew.
  public func received(_ blob: BlobID, of owner: String) async throws(StoreError) -> Int {
    try cache.files.received(blob, of: owner)
  }

  /// Places a finished upload, and makes of it this machine's copy.
  fileprivate func keep(_ upload: PartialUpload) async throws(StoreError) {
    try await records.announce(upload.blob)
    try await place(.file(upload.path, offset: 0, count: upload.bytes), as: upload.blob)
    try await upload.keep()
    await cache.added(upload.bytes)
  }

  // MARK: upkeep

  package func remove(_ blob: BlobID) async throws(StoreError) {
    cache.files.remove(blob)
    try await bucket.delete(name(blob))
  }

  package func stored() async throws(StoreError) -> Set<BlobID> {
    Set(try await bucket.list(Self.folder).compactMap { try? BlobID(String($0.dropFirst(Self.folder.count))) })
  }

  package func forgetUploads(olderThan age: Double) async {
    cache.files.forgetUploads(olderThan: age)
    // A bucket that does not answer now is asked again at the next cleaning.
    try? await bucket.abandonUploads(olderThan: age)
  }
}

/// An upload that comes to this server's disk, and goes to the bucket when it is kept.
private struct S3Upload: Upload {
  private let partial: PartialUpload
  private let home: S3Blobs

  init(_ partial: PartialUpload, in home: S3Blobs) {
    self.partial = partial
    self.home = home
  }

  var blob: BlobID { partial.blob }
  var bytes: Int { partial.bytes }
  var received: Int { partial.received }
  func append(_ piece: Data, at offset: UInt64) async throws(StoreError) { try await partial.append(piece, at: offset) }
  func finish() async throws(StoreError) -> [UInt8] { try await partial.finish() }
  func keep() async throws(StoreError) { try await home.keep(partial) }
  func suspend() async { partial.suspend() }
  func discard() async { partial.discard() }
}

import DitherBasics
import Foundation
import Synchronization

/// Files by their SHA-256. A blob is there whole or not at all: it is written beside its place, hashed on the way,
/// synced, renamed, and its directory synced.
final class FileBlobs: Blobs {
  private let directory: String
  private let partsDirectory: String
  private let records: SqliteBlobRecords
  private let active = Mutex(Active())

  private struct Active {
    /// By path.
    var uploads: [String: PartialUpload] = [:]
    /// Paths of uploads that are on their way in there.
    var opening: Set<String> = []
  }

  /// Bytes of abandoned uploads, all together; beyond it the oldest are removed.
  private static let mostLeft = 1 << 30

  init(directory: String, records: SqliteBlobRecords) throws(StoreError) {
    self.records = records
    self.directory = directory + "/blobs"
    partsDirectory = directory + "/uploads"
    try Files.makeDirectory(self.directory)
    try Files.makeDirectory(partsDirectory)
  }

  // MARK: whole blobs

  func contains(_ blob: BlobID) -> Bool { Files.exists(path(blob)) }

  func read(_ blob: BlobID) async throws(StoreError) -> [UInt8] {
    try await offload { () throws(StoreError) in try self.readHere(blob) }
  }

  @discardableResult
  func insert(_ bytes: [UInt8]) async throws(StoreError) -> BlobID {
    try await offload { () throws(StoreError) in try self.insertHere(bytes) }
  }

  private func readHere(_ blob: BlobID) throws(StoreError) -> [UInt8] {
    guard contains(blob) else {
      throw StoreError(.notFound, at: "blob \(blob)", expected: "a stored file", got: "none")
    }
    let bytes = try Self.contents(path(blob), as: "blob \(blob)")
    guard BlobID(Sha256.hash(bytes)) == blob else {
      throw StoreError(
        .corrupt, at: "blob \(blob)", expected: "the bytes that were stored", got: "other bytes",
        advice: "the disk lost data; upload the file again")
    }
    return bytes
  }

  private func insertHere(_ bytes: [UInt8]) throws(StoreError) -> BlobID {
    let blob = BlobID(Sha256.hash(bytes))
    try records.announce(blob)
    if contains(blob) { return blob }
    let temporary = "\(partsDirectory)/\(UUID().uuidString).tmp"
    do throws(StoreError) {
      let file = try OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL, as: "blob \(blob)")
      var fault: StoreError?
      bytes.withUnsafeBytes { raw in
        do throws(StoreError) { try file.write(raw) } catch { fault = error }
      }
      if let fault { throw fault }
      try file.sync()
      try place(temporary, as: blob)
    } catch {
      Files.remove(temporary)
      throw error
    }
    return blob
  }

  func remove(_ blob: BlobID) throws(StoreError) {
    Files.remove(path(blob))
    try records.forget(blob)
  }

  /// Every file, on record or not.
  func stored() -> Set<BlobID> {
    Set(
      Files.names(in: directory).flatMap { prefix in
        Files.names(in: "\(directory)/\(prefix)").compactMap { try? BlobID($0) }
      })
  }

  // MARK: uploads

  func upload(
    _ blob: BlobID, of owner: String, bytes: Int, isNew: Bool
  ) async throws(StoreError) -> any Upload {
    try await offload { () throws(StoreError) in try self.open(blob, of: owner, bytes: bytes, isNew: isNew) }
  }

  private func open(_ blob: BlobID, of owner: String, bytes: Int, isNew: Bool) throws(StoreError) -> PartialUpload {
    try ModelReference.check(name: owner, "name")
    let shared = partPath(blob, owner), own = "\(partsDirectory)/\(owner).\(blob.hex).\(UUID().uuidString).part"
    let (path, superseded) = try active.withLock { active throws(StoreError) in
      let isTaken = active.opening.contains(shared)
      if isNew, isTaken || active.uploads[shared]?.isLive == true {
        active.opening.insert(own)
        return (own, nil as PartialUpload?)
      }
      if isTaken { throw PartialUpload.superseded(blob) }
      active.opening.insert(shared)
      return (shared, active.uploads.removeValue(forKey: shared))
    }
    defer { active.withLock { _ = $0.opening.remove(path) } }
    superseded?.close()
    let upload = try PartialUpload(path: path, blob: blob, bytes: bytes, isBeside: path == own, in: self)
    if isNew, upload.received > 0 { try upload.restart() }
    active.withLock { $0.uploads[path] = upload }
    return upload
  }

  func received(_ blob: BlobID, of owner: String) throws(StoreError) -> Int {
    try ModelReference.check(name: owner, "name")
    let path = partPath(blob, owner)
    if active.withLock({ $0.opening.contains(path) || $0.uploads[path]?.isLive == true }) { return 0 }
    return Files.size(path) ?? 0
  }

  fileprivate func keep(_ upload: PartialUpload) throws(StoreError) {
    forget(upload)
    try records.announce(upload.blob)
    if contains(upload.blob) {
      Files.remove(upload.path)
    } else {
      try place(upload.path, as: upload.blob)
    }
  }

  fileprivate func suspend(_ upload: PartialUpload) {
    if upload.isBeside { return discard(upload) }
    forget(upload)
    upload.close()
    forgetUploads(olderThan: .infinity)
  }

  fileprivate func discard(_ upload: PartialUpload) {
    guard forget(upload) else { return }
    upload.close()
    Files.remove(upload.path)
  }

  /// - Returns: whether the upload was still the one that writes to its file.
  @discardableResult
  private func forget(_ upload: PartialUpload) -> Bool {
    active.withLock { active in
      guard active.uploads[upload.path] === upload else { return false }
      active.uploads[upload.path] = nil
      return true
    }
  }

  // MARK: upkeep

  /// Files that a process was writing when it ended. Only where no other writes here.
  func removeLeftovers() {
    for name in Files.names(in: partsDirectory) where name.hasSuffix(".tmp") {
      Files.remove("\(partsDirectory)/\(name)")
    }
  }

  /// Forgets uploads that were left `age` seconds ago, and the oldest where they are too many bytes.
  func forgetUploads(olderThan age: Double) {
    let writing = active.withLock { Set($0.uploads.keys).union($0.opening) }
    var left = Files.names(in: partsDirectory).filter { $0.hasSuffix(".part") }.map { "\(partsDirectory)/\($0)" }
      .filter { !writing.contains($0) }
      .map { (path: $0, age: Files.modified($0).map { -$0.timeIntervalSinceNow } ?? .infinity) }
      .sorted { $0.age < $1.age }
    var bytes = 0
    while let part = left.first {
      bytes += Files.size(part.path) ?? 0
      guard part.age < age, bytes <= Self.mostLeft else { break }
      left.removeFirst()
    }
    for part in left { Files.remove(part.path) }
  }

  private func path(_ blob: BlobID) -> String { "\(directory)/\(blob.hex.prefix(2))/\(blob.hex)" }
  private func partPath(_ blob: BlobID, _ owner: String) -> String { "\(partsDirectory)/\(owner).\(blob.hex).part" }

  private func place(_ temporary: String, as blob: BlobID) throws(StoreError) {
    let folder = "\(directory)/\(blob.hex.prefix(2))"
    if !Files.exists(folder) {
      try Files.makeDirectory(folder)
      try Files.sync(directory: directory)
    }
    try Files.rename(temporary, path(blob), as: "blob \(blob)")
    try Files.sync(directory: folder)
  }

  static func contents(_ path: String, as name: String) throws(StoreError) -> [UInt8] {
    let file = try OpenFile(path, O_RDONLY, as: name)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Files.size(path) ?? 0)
    try file.forEachPiece { bytes.append(contentsOf: $0) }
    return bytes
  }
}

extension PartialUpload {
  func keep() async throws(StoreError) {
    try await offload { () throws(StoreError) in try self.home.keep(self) }
  }
  func suspend() { home.suspend(self) }
  func discard() { home.discard(self) }
}

import DitherBasics
import Foundation
import Synchronization

/// Files by their SHA-256. A blob is there whole or not at all: it is written beside its place, hashed on the way,
/// synced, renamed, and its directory synced.
package final class FileBlobs: KeptBlobs {
  private let directory: String
  private let partsDirectory: String
  private let records: SqlBlobRecords?
  private let active: Mutex<Active>

  private struct Active {
    /// By path.
    var uploads: [String: PartialUpload] = [:]
    /// Paths of uploads that are on their way in there.
    var opening: Set<String> = []
    var room: UploadRoom
  }

  /// - Parameters:
  ///   - directory: with the folders `blobs` and `uploads`, which are made.
  ///   - records: where files are noted before they are placed; nil: its owner does that.
  ///   - uploads: bounds on uploads that are not whole.
  package init(directory: String, records: SqlBlobRecords?, uploads: UploadBounds) throws(StoreError) {
    self.records = records
    self.directory = directory + "/blobs"
    partsDirectory = directory + "/uploads"
    try Files.makeDirectory(self.directory)
    try Files.makeDirectory(partsDirectory)
    let left = Self.parts(in: partsDirectory).map { ($0.path, Files.size($0.path) ?? 0) }
    active = Mutex(Active(room: UploadRoom(uploads, left: left)))
  }

  // MARK: whole blobs

  package func contains(_ blob: BlobID) -> Bool { Files.exists(path(blob)) }

  package func read(_ blob: BlobID) async throws(StoreError) -> [UInt8] {
    try await offload { () throws(StoreError) in try self.readHere(blob) }
  }

  @discardableResult
  package func insert(_ bytes: [UInt8]) async throws(StoreError) -> BlobID {
    let blob = try await offload { () throws(StoreError) in BlobID(Sha256.hash(bytes)) }
    try await records?.announce(blob)
    try await offload { () throws(StoreError) in try self.insertHere(bytes, as: blob) }
    return blob
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

  private func insertHere(_ bytes: [UInt8], as blob: BlobID) throws(StoreError) {
    if contains(blob) { return }
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
  }

  package func remove(_ blob: BlobID) { Files.remove(path(blob)) }

  package func stored() async throws(StoreError) -> Set<BlobID> {
    try await offload { () throws(StoreError) in self.storedHere() }
  }

  /// Every file, for a thread that may wait.
  package func storedHere() -> Set<BlobID> {
    Set(
      Files.names(in: directory).flatMap { prefix in
        Files.names(in: "\(directory)/\(prefix)").compactMap { try? BlobID($0) }
      })
  }

  // MARK: uploads

  package func upload(
    _ blob: BlobID, of owner: String, by caller: String, bytes: Int, isNew: Bool
  ) async throws(StoreError) -> any Upload {
    try await partial(blob, of: owner, by: caller, bytes: bytes, isNew: isNew)
  }

  /// As `upload`, with its file.
  package func partial(
    _ blob: BlobID, of owner: String, by caller: String, bytes: Int, isNew: Bool
  ) async throws(StoreError) -> PartialUpload {
    try await offload { () throws(StoreError) in
      try self.open(blob, of: owner, by: caller, bytes: bytes, isNew: isNew)
    }
  }

  private func open(
    _ blob: BlobID, of owner: String, by caller: String, bytes: Int, isNew: Bool
  ) throws(StoreError) -> PartialUpload {
    try ModelReference.check(name: owner, "name")
    let shared = partPath(blob, owner), own = "\(partsDirectory)/\(owner).\(blob.hex).\(UUID().uuidString).part"
    let (path, superseded) = try active.withLock { active throws(StoreError) in
      // One that is whole belongs to its call, however long its file is tried.
      let isTaken = active.opening.contains(shared) || active.uploads[shared]?.isWhole == true
      let isBeside = isNew && (isTaken || active.uploads[shared]?.isLive == true)
      if isTaken, !isBeside { throw PartialUpload.superseded(blob) }
      let path = isBeside ? own : shared
      active.opening.insert(path)
      active.room.begin(path, by: caller)
      return (path, active.uploads.removeValue(forKey: path))
    }
    superseded?.close()
    do throws(StoreError) {
      let upload = try PartialUpload(path: path, blob: blob, bytes: bytes, isBeside: path == own, in: self)
      if isNew, upload.received > 0 { try upload.restart() }
      let received = upload.received
      active.withLock { active in
        active.opening.remove(path)
        active.uploads[path] = upload
        remove(active.room.hold(path, received) ?? [])
      }
      return upload
    } catch {
      active.withLock { active in
        active.opening.remove(path)
        remove(active.room.leave(path))
      }
      throw error
    }
  }

  package func received(_ blob: BlobID, of owner: String) throws(StoreError) -> Int {
    try ModelReference.check(name: owner, "name")
    let path = partPath(blob, owner)
    let isTaken = active.withLock { active in
      active.opening.contains(path) || active.uploads[path].map { $0.isLive || $0.isWhole } == true
    }
    return isTaken ? 0 : Files.size(path) ?? 0
  }

  /// Before bytes of an upload are written.
  func makeRoom(_ upload: PartialUpload, _ bytes: Int) throws(StoreError) {
    let hasRoom = active.withLock { active in
      guard active.uploads[upload.path] === upload else { return true }
      guard let gone = active.room.hold(upload.path, bytes) else { return false }
      remove(gone)
      return true
    }
    guard hasRoom else {
      throw StoreError(
        .busy, at: "upload of \(upload.blob)", expected: "room beside the other uploads that are not whole",
        got: "none for now", advice: "go on when one of them has ended; what it has sent is kept until then",
        retryAfterMilliseconds: 5000)
    }
  }

  fileprivate func keep(_ upload: PartialUpload) async throws(StoreError) {
    guard isCurrent(upload) else { throw PartialUpload.superseded(upload.blob) }
    try await records?.announce(upload.blob)
    try await offload { () throws(StoreError) in try self.keepHere(upload) }
  }

  private func isCurrent(_ upload: PartialUpload) -> Bool { active.withLock { $0.uploads[upload.path] === upload } }

  private func keepHere(_ upload: PartialUpload) throws(StoreError) {
    guard isCurrent(upload) else { throw PartialUpload.superseded(upload.blob) }
    if contains(upload.blob) {
      Files.remove(upload.path)
    } else {
      try place(upload.path, as: upload.blob)
    }
    // Not before: whoever begins at its path would write into the blob.
    forget(upload) { $0.end(upload.path) }
  }

  fileprivate func suspend(_ upload: PartialUpload) {
    if upload.isBeside { return discard(upload) }
    upload.close()
    forget(upload) { remove($0.leave(upload.path)) }
  }

  fileprivate func discard(_ upload: PartialUpload) {
    upload.close()
    forget(upload) { room in
      room.end(upload.path)
      Files.remove(upload.path)
    }
  }

  /// Ends an upload that is still the one that writes to its file, before another can begin there.
  /// - Returns: whether it was.
  @discardableResult
  private func forget(_ upload: PartialUpload, _ end: (inout UploadRoom) -> Void) -> Bool {
    active.withLock { active in
      guard active.uploads[upload.path] === upload else { return false }
      active.uploads[upload.path] = nil
      end(&active.room)
      return true
    }
  }

  private func remove(_ paths: [String]) { for path in paths { Files.remove(path) } }

  // MARK: upkeep

  /// Files that a process was writing when it ended. Only where no other writes here.
  package func removeLeftovers() {
    for name in Files.names(in: partsDirectory) where name.hasSuffix(".tmp") {
      Files.remove("\(partsDirectory)/\(name)")
    }
  }

  package func forgetUploads(olderThan age: Double) {
    for part in Self.parts(in: partsDirectory) where -part.modified.timeIntervalSinceNow > age {
      active.withLock { active in
        guard active.uploads[part.path] == nil, !active.opening.contains(part.path) else { return }
        active.room.end(part.path)
        Files.remove(part.path)
      }
    }
  }

  /// Uploads that are not whole, longest ago first.
  private static func parts(in directory: String) -> [(path: String, modified: Date)] {
    Files.names(in: directory).filter { $0.hasSuffix(".part") }
      .map { name in ("\(directory)/\(name)", Files.modified("\(directory)/\(name)") ?? .distantPast) }
      .sorted { $0.1 < $1.1 }
  }

  /// The place of a file, whether it is there or not.
  package func path(_ blob: BlobID) -> String { "\(directory)/\(blob.hex.prefix(2))/\(blob.hex)" }
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
  package func keep() async throws(StoreError) { try await home.keep(self) }
  package func suspend() { home.suspend(self) }
  package func discard() { home.discard(self) }
}

import DitherBasics
import Foundation
import Synchronization

/// Files by their SHA-256. A blob is there whole or not at all: it is written beside its place, hashed on the way,
/// synced, renamed, and its directory synced.
public final class BlobStore: Sendable {
  private let directory: String
  private let partsDirectory: String
  private let active = Mutex<[String: PartialUpload]>([:])

  /// Uploads that nobody went on with for so long are forgotten.
  private static let partLifetime: TimeInterval = 7 * 86_400

  init(directory: String) throws(StoreError) {
    self.directory = directory + "/blobs"
    partsDirectory = directory + "/uploads"
    try Files.makeDirectory(self.directory)
    try Files.makeDirectory(partsDirectory)
  }

  // MARK: whole blobs

  public func contains(_ blob: BlobID) -> Bool { Files.exists(path(blob)) }

  /// - Throws: `.notFound`, or `.corrupt` when the bytes on the disk are no longer those that were stored.
  public func read(_ blob: BlobID) throws(StoreError) -> [UInt8] {
    guard contains(blob) else {
      throw StoreError(.notFound, at: "blob \(blob)", expected: "a stored file", got: "none")
    }
    let bytes = try Self.contents(path(blob))
    guard BlobID(Sha256.hash(bytes)) == blob else {
      throw StoreError(
        .corrupt, at: "blob \(blob)", expected: "the bytes that were stored", got: "other bytes",
        advice: "the disk lost data; upload the file again")
    }
    return bytes
  }

  @discardableResult
  public func insert(_ bytes: [UInt8]) throws(StoreError) -> BlobID {
    let blob = BlobID(Sha256.hash(bytes))
    if contains(blob) { return blob }
    let temporary = "\(partsDirectory)/\(UUID().uuidString).tmp"
    do throws(StoreError) {
      let file = try OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL)
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

  public func remove(_ blob: BlobID) { Files.remove(path(blob)) }

  // MARK: uploads

  /// Starts an upload, or goes on with one that was cut. An older call that still writes to it is cut off.
  /// - Parameters:
  ///   - owner: what is uploaded, as a checked name: two owners may send the same file at once.
  ///   - bytes: the announced size.
  public func upload(_ blob: BlobID, of owner: String, bytes: Int) throws(StoreError) -> PartialUpload {
    try ModelReference.check(name: owner, "name")
    let path = partPath(blob, owner)
    active.withLock { $0.removeValue(forKey: path) }?.supersede()
    let upload = try PartialUpload(path: path, blob: blob, bytes: bytes)
    active.withLock { $0[path] = upload }
    return upload
  }

  /// How much of an upload is there.
  public func received(_ blob: BlobID, of owner: String) throws(StoreError) -> Int {
    try ModelReference.check(name: owner, "name")
    return Files.size(partPath(blob, owner)) ?? 0
  }

  /// Makes a finished upload a blob.
  public func keep(_ upload: PartialUpload) throws(StoreError) {
    forget(upload)
    if contains(upload.blob) {
      Files.remove(upload.path)
    } else {
      try place(upload.path, as: upload.blob)
    }
  }

  /// Leaves an upload for later.
  public func suspend(_ upload: PartialUpload) {
    forget(upload)
    upload.supersede()
  }

  /// Removes all that came of an upload.
  public func discard(_ upload: PartialUpload) {
    guard forget(upload) else { return }
    upload.supersede()
    Files.remove(upload.path)
  }

  /// - Returns: whether the upload was still the one that writes to its file.
  @discardableResult
  private func forget(_ upload: PartialUpload) -> Bool {
    active.withLock { active in
      guard active[upload.path] === upload else { return false }
      active[upload.path] = nil
      return true
    }
  }

  // MARK: upkeep

  func collectGarbage(keeping blobs: Set<BlobID>) throws(StoreError) {
    for prefix in Files.names(in: directory) {
      for name in Files.names(in: "\(directory)/\(prefix)") {
        let known = (try? BlobID(name)).map(blobs.contains) ?? false
        if !known { Files.remove("\(directory)/\(prefix)/\(name)") }
      }
    }
    for name in Files.names(in: partsDirectory) {
      let path = "\(partsDirectory)/\(name)"
      let age = Files.modified(path).map { -$0.timeIntervalSinceNow } ?? .infinity
      if name.hasSuffix(".tmp") || age > Self.partLifetime { Files.remove(path) }
    }
  }

  private func path(_ blob: BlobID) -> String { "\(directory)/\(blob.hex.prefix(2))/\(blob.hex)" }
  private func partPath(_ blob: BlobID, _ owner: String) -> String { "\(partsDirectory)/\(owner).\(blob.hex).part" }

  private func place(_ temporary: String, as blob: BlobID) throws(StoreError) {
    let folder = "\(directory)/\(blob.hex.prefix(2))"
    if !Files.exists(folder) {
      try Files.makeDirectory(folder)
      try Files.sync(directory: directory)
    }
    try Files.rename(temporary, path(blob))
    try Files.sync(directory: folder)
  }

  static func contents(_ path: String) throws(StoreError) -> [UInt8] {
    let file = try OpenFile(path, O_RDONLY)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Files.size(path) ?? 0)
    try file.forEachPiece { bytes.append(contentsOf: $0) }
    return bytes
  }
}

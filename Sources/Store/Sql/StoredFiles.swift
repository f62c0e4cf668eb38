import DitherBasics

/// Blobs whose files a store looks after, wherever they lie.
package protocol KeptBlobs: Blobs {
  /// Removes a file, if it is there.
  func remove(_ blob: BlobID) async throws(StoreError)
  /// Every file, on record or not.
  func stored() async throws(StoreError) -> Set<BlobID>
  /// Forgets uploads that were left `age` seconds ago.
  func forgetUploads(olderThan age: Double) async
}

/// The files of a store and what its records say of them.
package struct StoredFiles: Sendable {
  /// The files themselves.
  package let files: any KeptBlobs
  private let records: SqlBlobRecords
  /// Seconds for which a file that was announced is let be, as another server may be about to put it on record.
  private let grace: Double

  /// - Parameter grace: seconds; 0 where one server has the files for itself.
  package init(_ files: any KeptBlobs, _ records: SqlBlobRecords, grace: Double = 0) {
    self.files = files
    self.records = records
    self.grace = grace
  }

  /// As ``Store/collectGarbage(olderThan:)``.
  package func collectGarbage(olderThan age: Double) async throws(StoreError) {
    for blob in try await records.unreferenced(for: age) { try await remove(blob, for: age) }
    await files.forgetUploads(olderThan: age)
  }

  /// As ``Store/release(_:)``.
  package func release(_ blobs: Set<BlobID>) async throws(StoreError) -> Set<BlobID> {
    var gone: Set<BlobID> = []
    for blob in try await records.unreferenced(for: grace).intersection(blobs) {
      if try await remove(blob, for: grace) { gone.insert(blob) }
    }
    return gone
  }

  /// As ``Store/unknownFiles()``.
  package func unknown() async throws(StoreError) -> Int {
    try await files.stored().subtracting(try await records.all()).count
  }

  /// The record goes first: who ends in between leaves a file that nobody knows, never a record without its file. Who
  /// places the same file meanwhile waits, and finds that it is not there.
  /// - Returns: whether it was removed: not where something needs it by now.
  @discardableResult
  private func remove(_ blob: BlobID, for age: Double) async throws(StoreError) -> Bool {
    let removal = try await records.alone(with: blob) { () async throws(StoreError) -> Result<Bool, StoreError> in
      guard try await records.forget(blob, for: age) else { return .success(false) }
      do throws(StoreError) { try await files.remove(blob) } catch { return .failure(error) }
      return .success(true)
    }
    // A file that could not be removed is still ours: another time.
    if case .failure = removal { try await records.announce(blob) }
    return try removal.get()
  }
}

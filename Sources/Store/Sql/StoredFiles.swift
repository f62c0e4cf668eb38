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
    for blob in try await records.unreferenced(for: age) { try await remove(blob) }
    await files.forgetUploads(olderThan: age)
  }

  /// As ``Store/release(_:)``.
  package func release(_ blobs: Set<BlobID>) async throws(StoreError) -> Set<BlobID> {
    let gone = try await records.unreferenced(for: grace).intersection(blobs)
    for blob in gone { try await remove(blob) }
    return gone
  }

  /// As ``Store/unknownFiles()``.
  package func unknown() async throws(StoreError) -> Int {
    try await files.stored().subtracting(try await records.all()).count
  }

  private func remove(_ blob: BlobID) async throws(StoreError) {
    try await files.remove(blob)
    try await records.forget(blob)
  }
}

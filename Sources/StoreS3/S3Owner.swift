import DitherBasics
import DitherStore
import Foundation

extension S3Place {
  /// Makes the bucket, where there is none: a server of one's own has none at first.
  package func makeBucket() async throws(StoreError) {
    try S3Connection.check()
    try await S3Bucket(self).make()
  }
}

extension S3Bucket {
  private static let record = "store.json"
  private static let format = 1

  private struct Owner: Codable {
    var format: Int
    var store: String
  }

  /// Notes whose place this is, where nobody has.
  /// - Throws: `.badPlace` where it is another store's: its garbage would be removed by the wrong records.
  func claim(for owner: String) async throws(StoreError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let text = try? encoder.encode(Owner(format: Self.format, store: owner)) else {
      preconditionFailure("texts are JSON")
    }
    if let there = try await get(Self.record, mostBytes: 4096) { return try check(there, owner) }
    try await put(Self.record, .bytes(Array(text)), digest: Sha256.hash(text))
    // Another may have been first.
    try check(try await get(Self.record, mostBytes: 4096) ?? [], owner)
  }

  private func check(_ record: [UInt8], _ owner: String) throws(StoreError) {
    guard let found = try? JSONDecoder().decode(Owner.self, from: Data(record)) else {
      throw StoreError(
        .badPlace, at: place.name, expected: "a place of our own", got: "a \(Self.record) of something else",
        advice: "say another prefix: s3://\(place.bucket)/NAME")
    }
    guard found.format <= Self.format else {
      throw StoreError(
        .newer, at: place.name, expected: "form \(Self.format) of \(Self.record)", got: "form \(found.format)",
        advice: "start the newer program")
    }
    guard found.store == owner else {
      throw StoreError(
        .badPlace, at: place.name, expected: "the place of this store (\(owner.clipped(to: 40)))",
        got: "that of another (\(found.store.clipped(to: 40)))",
        advice: "say another prefix, as s3://\(place.bucket)/NAME, or the database that it belongs to")
    }
  }
}

import DitherStore

extension JobRecords {
  /// One shard, laid out where it is not yet.
  public func claim(
    shard: Int, of id: String, by owner: String, for lease: Duration
  ) async throws(StoreError) -> ShardClaim? {
    try await lay(shard + 1, of: id)
    return try await claim(shard...shard, of: id, by: owner, for: lease)
  }
}

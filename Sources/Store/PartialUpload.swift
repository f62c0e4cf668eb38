import DitherBasics
import Foundation
import Synchronization

/// A file that comes in pieces, hashed as it comes. What is on the disk stays there when the sender vanishes, and the next
/// upload of the same file goes on from it.
public final class PartialUpload: Sendable {
  /// Digest of the whole file, as the client announced it.
  public let blob: BlobID
  /// The announced size.
  public let bytes: Int
  let path: String
  /// Beside another upload of the same file: nobody goes on with it.
  let isBeside: Bool
  private let state: Mutex<State>
  /// A sender that is silent for so long may have gone without a word.
  private static let patience = Duration.seconds(10)

  private struct State: ~Copyable {
    var file: OpenFile?
    var hash: Sha256
    var received: Int
    var heard = ContinuousClock.now
  }

  init(path: String, blob: BlobID, bytes: Int, isBeside: Bool = false) throws(StoreError) {
    self.path = path
    self.blob = blob
    self.bytes = bytes
    self.isBeside = isBeside
    let file = try OpenFile(path, O_RDWR | O_CREAT, as: "upload of \(blob)")
    var received = try file.seekToEnd()
    if received > bytes {
      try file.truncate(to: 0)
      received = try file.seekToEnd()
    }
    // The running hash is made again from what is on the disk, so that nothing is taken on trust.
    var hash = Sha256()
    try file.forEachPiece { hash.update($0) }
    state = Mutex(State(file: consume file, hash: hash, received: received))
  }

  /// The offset that the next piece must have.
  public var received: Int { state.withLock { $0.received } }

  /// Whether its sender was heard of a moment ago.
  var isLive: Bool { state.withLock { $0.file != nil && ContinuousClock.now - $0.heard < Self.patience } }

  /// - Throws: `.offset` when the piece is not the next one, `.badSize` when it goes beyond the announced size,
  ///   `.superseded` when another call has taken over.
  public func append(_ piece: some ContiguousBytes & Sendable, at offset: UInt64) throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      var fault: StoreError?
      piece.withUnsafeBytes { raw in
        do throws(StoreError) { try take(raw, at: offset, &state) } catch { fault = error }
      }
      if let fault { throw fault }
    }
  }

  /// Forgets what is there: the sender starts anew.
  public func restart() throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      guard state.file != nil else { throw superseded }
      try state.file?.truncate(to: 0)
      _ = try state.file?.seekToEnd()
      state.hash = Sha256()
      state.received = 0
    }
  }

  private func take(_ piece: UnsafeRawBufferPointer, at offset: UInt64, _ state: inout State) throws(StoreError) {
    guard state.file != nil else { throw superseded }
    guard offset == UInt64(state.received) else {
      throw StoreError(
        .offset, at: "chunk.offset", expected: "\(state.received), the next byte", got: "\(offset)",
        advice: "ask GetUpload where to go on")
    }
    guard piece.count <= bytes - state.received else {
      throw StoreError(
        .badSize, at: "chunk.data", expected: "\(bytes) bytes in all, as announced",
        got: "\(state.received + piece.count)")
    }
    try state.file?.write(piece)
    state.hash.update(piece)
    state.received += piece.count
    state.heard = .now
  }

  /// Checks size and hash, syncs, and gives the file's bytes. Nothing can be appended afterwards.
  /// - Throws: `.badSize` when bytes are missing, `.digestMismatch` when they are other bytes.
  public func finish() throws(StoreError) -> [UInt8] {
    try state.withLock { state throws(StoreError) in
      guard state.file != nil else { throw superseded }
      guard state.received == bytes else {
        throw StoreError(
          .badSize, at: "upload", expected: "\(bytes) bytes, as announced", got: "\(state.received)",
          advice: "go on at offset \(state.received)")
      }
      var hash = Sha256()
      swap(&hash, &state.hash)
      let found = BlobID(hash.finish())
      guard found == blob else {
        throw StoreError(
          .digestMismatch, at: "upload", expected: "\(blob), as announced", got: "\(found)",
          advice: "send the file again")
      }
      try state.file?.sync()
      state.file = nil
    }
    return try BlobStore.contents(path, as: "upload of \(blob)")
  }

  func supersede() { state.withLock { $0.file = nil } }

  private var superseded: StoreError {
    StoreError(
      .superseded, at: "upload of \(blob)", expected: "to be the only upload of this file",
      got: "a newer one that took over", advice: "try again; what it has sent is kept", retryAfterMilliseconds: 200)
  }
}

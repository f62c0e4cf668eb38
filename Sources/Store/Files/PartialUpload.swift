import DitherBasics
import Foundation
import Synchronization

/// A file that comes in pieces, hashed as it comes. What is on the disk stays there when the sender vanishes, and the
/// next upload of the same file goes on from it.
package final class PartialUpload: Upload {
  package let blob: BlobID
  package let bytes: Int
  /// Its file, until it is kept or discarded.
  package let path: String
  /// Beside another upload of the same file: nobody goes on with it.
  let isBeside: Bool
  let home: FileBlobs
  private let state: Mutex<State>
  /// A sender that is silent for so long may have gone without a word.
  private static let patience = Duration.seconds(10)

  private struct State: ~Copyable {
    var file: OpenFile?
    var hash: Sha256
    var received: Int
    var heard = ContinuousClock.now
    var isWhole = false
  }

  init(path: String, blob: BlobID, bytes: Int, isBeside: Bool, in home: FileBlobs) throws(StoreError) {
    self.path = path
    self.blob = blob
    self.bytes = bytes
    self.isBeside = isBeside
    self.home = home
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

  package var received: Int { state.withLock { $0.received } }

  /// Whether all of it has come and was found right: it is to be kept or discarded.
  var isWhole: Bool { state.withLock { $0.isWhole } }

  /// Whether its sender was heard of a moment ago.
  var isLive: Bool { state.withLock { $0.file != nil && ContinuousClock.now - $0.heard < Self.patience } }

  package func append(_ piece: Data, at offset: UInt64) async throws(StoreError) {
    try await offload { () throws(StoreError) in
      try self.home.makeRoom(self, min(self.received + piece.count, self.bytes))
      try self.appendHere(piece, at: offset)
    }
  }

  private func appendHere(_ piece: Data, at offset: UInt64) throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      var fault: StoreError?
      piece.withUnsafeBytes { raw in
        do throws(StoreError) { try take(raw, at: offset, &state) } catch { fault = error }
      }
      if let fault { throw fault }
    }
  }

  /// Forgets what is there: the sender starts anew.
  func restart() throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      guard state.file != nil else { throw Self.superseded(blob) }
      try state.file?.truncate(to: 0)
      _ = try state.file?.seekToEnd()
      state.hash = Sha256()
      state.received = 0
    }
  }

  private func take(_ piece: UnsafeRawBufferPointer, at offset: UInt64, _ state: inout State) throws(StoreError) {
    guard state.file != nil else { throw Self.superseded(blob) }
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

  package func finish() async throws(StoreError) -> [UInt8] {
    try await offload { () throws(StoreError) in try self.finishHere() }
  }

  private func finishHere() throws(StoreError) -> [UInt8] {
    try state.withLock { state throws(StoreError) in
      guard state.file != nil else { throw Self.superseded(blob) }
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
      state.isWhole = true
    }
    return try FileBlobs.contents(path, as: "upload of \(blob)")
  }

  /// Whoever writes to it afterwards is told that another took over.
  func close() { state.withLock { $0.file = nil } }

  static func superseded(_ blob: BlobID) -> StoreError {
    StoreError(
      .superseded, at: "upload of \(blob)", expected: "to be the only upload of this file",
      got: "a newer one that took over", advice: "try again; what it has sent is kept", retryAfterMilliseconds: 200)
  }
}

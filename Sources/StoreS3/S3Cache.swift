import DitherStore
import Foundation
import Synchronization

/// Copies of a bucket's files on this machine, up to so many bytes: those that were used longest ago make way.
final class S3Cache: Sendable {
  let files: FileBlobs
  private let mostBytes: Int
  /// nil: not counted yet.
  private let bytes = Mutex<Int?>(nil)

  init(_ files: FileBlobs, mostBytes: Int) {
    self.files = files
    self.mostBytes = mostBytes
  }

  /// - Returns: nil where there is no copy; one that has changed on the disk goes.
  func read(_ blob: BlobID) async -> [UInt8]? {
    guard files.contains(blob) else { return nil }
    guard let bytes = try? await files.read(blob) else {
      files.remove(blob)
      return nil
    }
    // Its time says when it was last used, to the next process too.
    utimes(files.path(blob), nil)
    return bytes
  }

  /// Keeps a copy, if there is room: nothing depends on it.
  func keep(_ bytes: [UInt8]) async {
    guard bytes.count <= mostBytes, (try? await files.insert(bytes)) != nil else { return }
    await added(bytes.count)
  }

  /// A copy has come by itself.
  func added(_ count: Int) async {
    let isOver = bytes.withLock { bytes in
      if let known = bytes { bytes = known + count }
      return bytes.map { $0 > mostBytes } ?? true
    }
    if isOver { await makeRoom() }
  }

  private func makeRoom() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      DispatchQueue.global(qos: .utility).async {
        self.makeRoomHere()
        continuation.resume()
      }
    }
  }

  private func makeRoomHere() {
    bytes.withLock { bytes in
      var copies = files.copies().sorted { $0.used < $1.used }[...]
      var sum = copies.reduce(0) { $0 + $1.bytes }
      while sum > mostBytes, let oldest = copies.popFirst() {
        files.remove(oldest.blob)
        sum -= oldest.bytes
      }
      bytes = sum
    }
  }
}

extension FileBlobs {
  /// All files here, with their bytes and when each was last used.
  fileprivate func copies() -> [(blob: BlobID, bytes: Int, used: Int)] {
    storedHere().compactMap { blob in
      var status = stat()
      guard stat(path(blob), &status) == 0 else { return nil }
      return (blob, Int(status.st_size), status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec)
    }
  }
}

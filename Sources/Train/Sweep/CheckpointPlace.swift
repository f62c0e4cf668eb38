import DitherBasics
import DitherDatasets
import Foundation
import Synchronization

/// The file that one training of many goes on from, on one thread.
struct CheckpointPlace {
  let path: String
  init(_ path: String) { self.path = path }

  /// A training where it was left, or at its beginning.
  /// - Parameter epochs: to which it is to be trained: a checkpoint beyond is of another process, which has come to the
  ///   next round.
  func trainer(_ recipe: Recipe, _ data: Dataset, to epochs: Int) throws -> Trainer {
    let checkpoint = try standing().flatMap { found in
      found.position.epoch < epochs || found.position.epoch == epochs && found.position.step == 0 ? found : nil
    }
    let trainer = try recipe.locating { try Trainer(recipe, data: data, checkpoint: checkpoint, threads: 1) }
    // Its results are evaluated once, at their end.
    trainer.validatesForRecord = false
    return trainer
  }

  private func standing() throws -> Checkpoint? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    // Another process, which does the same, may have come to its end and removed it.
    do { return try Checkpoint(file: path) } catch  where !FileManager.default.fileExists(atPath: path) { return nil }
  }

  /// Trains for `epochs`, or until it is over.
  /// - Parameters:
  ///   - kept: told of each checkpoint.
  ///   - record: told of each epoch, before the checkpoint at its end.
  /// - Returns: whether it came there; if not, the checkpoint has how far.
  func train(
    _ trainer: Trainer, to epochs: Int, shouldStop: () -> Bool, kept: () throws -> Void = {},
    record: (EpochRecord) throws -> Void = { _ in }
  ) throws -> Bool {
    func isThere() -> Bool { trainer.position.epoch >= epochs || trainer.isDone }
    func keep() throws {
      try trainer.checkpoint().write(to: path)
      try kept()
    }
    try trainer.run(shouldStop: { isThere() || shouldStop() }, keep: { _ in try keep() }, record: record)
    if isThere() { return true }
    try keep()
    return false
  }

  /// Takes a checkpoint that another process has kept elsewhere, if it is farther than the one here. One that cannot be
  /// read is none.
  func take(_ bytes: [UInt8]) throws(TrainError) {
    let came = path + ".came"
    try writeWhole(bytes, to: came)
    defer { try? FileManager.default.removeItem(atPath: came) }
    guard let theirs = try? Checkpoint(file: came) else { return }
    if let own = try? Checkpoint(file: path),
      (own.position.epoch, own.position.step) >= (theirs.position.epoch, theirs.position.step)
    {
      return
    }
    try writeWhole(bytes, to: path)
  }

  func clear() { try? FileManager.default.removeItem(atPath: path) }
}

/// Data sets of many trainings: each part is read once.
final class SharedData: Sendable {
  private struct Part: Hashable { let name: String, targets: String?, split: Split }
  private let root: DataRoot
  private let parts = Mutex([Part: Dataset]())
  init(_ root: DataRoot) { self.root = root }

  func part(_ recipe: Recipe, _ split: Split) throws -> Dataset {
    let key = Part(name: try recipe.reference(of: split), targets: recipe.targetKind?.rawValue, split: split)
    return try parts.withLock { parts in
      if let known = parts[key] { return known }
      let loaded = try recipe.part(split, from: root)
      parts[key] = loaded
      return loaded
    }
  }
}

/// Writes into a folder what all its results depend on, or compares it with what is there.
/// - Parameters:
///   - kind: of the folder, in a word.
///   - identity: the same text gives the same results.
///   - expected: what the folder should be of; nil: of this kind.
///   - advice: for whoever comes with another identity.
/// - Throws: `TrainFault.output` where the folder is of another one.
func claimFolder(
  _ folder: String, of kind: String, _ identity: String, expected: String? = nil,
  advice: String = "say another folder with --out"
) throws {
  let path = "\(folder)/\(kind).txt"
  let isNew: Bool
  do throws(FileError) { isNew = try WholeFile.create(Array(identity.utf8), at: path) } catch {
    throw TrainError(.output, at: error.place, expected: error.expected, got: error.got)
  }
  if isNew { return }
  let there = FileManager.default.contents(atPath: path)
  guard there != Data(identity.utf8) else { return }
  let other = expected == nil ? "results of another recipe, keys, seeds or search" : "those of another"
  throw TrainError(
    .output, at: folder, expected: expected ?? "an empty folder, or one of this \(kind)", got: other, advice: advice)
}

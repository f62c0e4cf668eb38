import DitherBasics
import DitherDatasets
import DitherJobs
import Foundation

/// The folder that one job's trainings go on from, by one kind of program and machine: nobody else's checkpoints are in
/// it. What was trained elsewhere comes from the store, a minute old at most.
struct TrainingPlace: Sendable {
  let folder: String
  let root: DataRoot
  private let progress: ShardProgress

  /// After which a folder that nobody writes to is another's leaving.
  private static let mostSilence = 7 * 86_400.0
  /// Between two times that the store gets a training's checkpoint.
  private static let pause = Duration.seconds(60)

  /// - Parameters:
  ///   - parent: of the folders of all jobs.
  ///   - job: its id.
  ///   - maker: the program and the kind of machine.
  ///   - progress: the job's, in the store.
  init(
    _ parent: String, _ job: String, _ maker: String, root: DataRoot, _ progress: ShardProgress
  ) throws(TrainError) {
    (self.root, self.progress) = (root, progress)
    folder = "\(parent)/\(Sha256.hash("\(job)\n\(maker)".utf8).hex.prefix(24))"
    Self.removeOld(in: parent)
    try make("")
  }

  /// Makes a folder within.
  func make(_ name: String) throws(TrainError) {
    try makeTrainingFolder(name.isEmpty ? folder : "\(folder)/\(name)")
  }

  /// The job is done.
  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// Trains from where any process has left it.
  /// - Parameters:
  ///   - checkpoint: the training's, in the folder.
  ///   - train: trains, and calls what it is given behind each checkpoint that it has written.
  func going<Result>(on checkpoint: CheckpointPlace, _ train: (_ kept: () -> Void) throws -> Result) throws -> Result {
    let name = String(checkpoint.path.dropFirst(folder.count + 1))
    if let bytes = progress.kept(name) { try checkpoint.take(bytes) }
    var last = ContinuousClock.now, isBehind = false
    func keep() {
      if let bytes = FileManager.default.contents(atPath: checkpoint.path) { progress.keep([UInt8](bytes), as: name) }
      (last, isBehind) = (.now, false)
    }
    do {
      return try train {
        isBehind = true
        if last.duration(to: .now) >= Self.pause { keep() }
      }
    } catch {
      // Stopped between two times: the next one goes on from here.
      if isBehind { keep() }
      throw error
    }
  }

  private static func removeOld(in parent: String) {
    let files = FileManager.default
    for name in (try? files.contentsOfDirectory(atPath: parent)) ?? [] {
      let path = "\(parent)/\(name)", names = files.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
      let times = ([path] + names.map { "\(path)/\($0)" })
        .compactMap { (try? files.attributesOfItem(atPath: $0))?[.modificationDate] as? Date }
      if let last = times.max(), -last.timeIntervalSinceNow > mostSilence { try? files.removeItem(atPath: path) }
    }
  }
}

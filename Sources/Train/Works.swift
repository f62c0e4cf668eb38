import DitherBasics
import DitherDatasets
import DitherJobs
import DitherStore
import DitherTensor
import Foundation

/// Trainings as a job: shards that any process can do that has the data.
protocol TrainingWork: ShardedWork {
  /// The kind of its jobs, as the command is called.
  static var kind: String { get }
  /// - Parameter place: for checkpoints, and where data sets lie.
  /// - Throws: `notFound` where this process has not the data; else for what nobody can train.
  init(_ spec: TrainingSpec, in place: TrainingPlace) throws
}

/// Kinds of trainings that a store's workers do: a file in `Works`, and a line here.
public enum TrainingWorks {
  private static let all: [any TrainingWork.Type] = [SweepWork.self, StudyWork.self]

  /// - Parameters:
  ///   - directory: gets a folder of checkpoints for each job; those that share it go on with each other's trainings.
  ///   - root: where data sets lie.
  ///   - code: this program.
  public static func kinds(in directory: String, root: DataRoot = .standard, code: String) -> [WorkKind] {
    let maker = "\(code), \(ComputeClass.current)", pool = ComputePool("trainings", threads: 1)
    return all.map { work in
      WorkKind(work.kind, maker: maker) { job in
        try await pool.run {
          let place = try TrainingPlace("\(directory)/trainings", job.id, maker, root: root)
          return try work.init(TrainingSpec(job), in: place)
        }
      }
    }
  }
}

/// The folder that one job's trainings go on from, by one kind of program and machine: nobody else's checkpoints are in
/// it.
struct TrainingPlace: Sendable {
  let folder: String
  let root: DataRoot

  /// After which a folder that nobody writes to is another's leaving.
  private static let mostSilence = 7 * 86_400.0

  /// - Parameters:
  ///   - parent: of the folders of all jobs.
  ///   - job: its id.
  ///   - maker: the program and the kind of machine.
  init(_ parent: String, _ job: String, _ maker: String, root: DataRoot) throws(TrainError) {
    self.root = root
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

  private static func removeOld(in parent: String) {
    let files = FileManager.default
    for name in (try? files.contentsOfDirectory(atPath: parent)) ?? [] {
      let path = "\(parent)/\(name)",
        all =
          [path]
          + (files.enumerator(atPath: path)?.compactMap { $0 as? String } ?? [])
          .map { "\(path)/\($0)" }
      let times = all.compactMap { (try? files.attributesOfItem(atPath: $0))?[.modificationDate] as? Date }
      if let last = times.max(), -last.timeIntervalSinceNow > mostSilence { try? files.removeItem(atPath: path) }
    }
  }
}

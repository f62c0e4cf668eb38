import DitherDatasets
import DitherJobs
import DitherStore
import DitherTensor

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
      WorkKind(work.kind, maker: maker) { job, progress in
        try await pool.run {
          let place = try TrainingPlace("\(directory)/trainings", job.id, maker, root: root, progress)
          return try work.init(TrainingSpec(job), in: place)
        }
      }
    }
  }
}

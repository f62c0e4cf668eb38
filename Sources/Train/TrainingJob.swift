import DitherBasics
import DitherStore
import Foundation

/// All that the results of a sweep or a study depend on, as its job keeps it: with the same spec, the same report but
/// for times.
struct TrainingSpec: Codable, Sendable, Equatable {
  var plan: PlanText
  /// Whether a study is in its short form.
  var isQuick = false
  /// For the page; it changes no result.
  var command = ""
  /// The program that has asked for it: each release has jobs of its own.
  var code: String

  fileprivate var json: [UInt8] {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return try Array(encoder.encode(self))
    }
  }

  /// - Throws: for a spec that cannot be read, as a later release may have left it.
  init(_ job: Job) throws(TrainError) {
    guard let found = try? JSONDecoder().decode(Self.self, from: Data(job.spec)) else {
      throw TrainError(
        .recipe, at: "\(job.kind.clipped()) '\(job.id.clipped())'",
        expected: "a job that this release of Dither can read",
        got: "another", advice: "ask for it again")
    }
    self = found
  }

  fileprivate init(_ plan: PlanText, isQuick: Bool = false, command: String = "", code: String) {
    (self.plan, self.isQuick, self.command, self.code) = (plan, isQuick, command, code)
  }
}

/// A sweep or a study that a store has: any number of processes work on it, and whoever asks for the same finds it.
public struct TrainingJob: Sendable {
  /// The kind of its jobs.
  public let kind: String
  private let name: String
  private let spec: TrainingSpec

  /// - Parameter code: the program that asks.
  public init(sweep plan: SweepPlan, _ text: PlanText, code: String) {
    (kind, name, spec) = (SweepWork.kind, plan.name, TrainingSpec(text, code: code))
  }

  /// - Parameters:
  ///   - command: gives its results again, for the page.
  ///   - code: the program that asks.
  public init(study plan: StudyPlan, _ text: PlanText, command: String, code: String) {
    (kind, name) = (StudyWork.kind, plan.name)
    spec = TrainingSpec(text, isQuick: plan.isQuick, command: command, code: code)
  }

  /// Puts it into a store, or finds it there. After one that has failed or was cancelled another is begun, with its
  /// results.
  /// - Parameter author: whoever asks.
  public func join(in jobs: any JobRecords, by author: String) async throws -> Job {
    var number = 1
    while true {
      let job = Job(id: try id(number), kind: kind, subject: name, spec: try spec.json, createdBy: author)
      try await jobs.create(job, after: number == 1 ? nil : id(number - 1))
      let found = try await jobs.job(job.id)
      if found.state != .failed, found.state != .cancelled { return found }
      number += 1
    }
  }

  /// - Returns: the newest that there is; nil: nobody has asked for it.
  public func find(in jobs: any JobRecords) async throws -> Job? {
    var number = 1, found: Job?
    while true {
      let id = try id(number)
      do throws(StoreError) { found = try await jobs.job(id) } catch {
        guard error.code == .notFound else { throw error }
        return found
      }
      number += 1
    }
  }

  /// - Parameter number: from 1, more where those before have come to nothing.
  private func id(_ number: Int) throws -> String {
    var same = spec
    same.command = ""
    let id = "\(kind)-\(Sha256.hash(try same.json).hex.prefix(16))"
    return number == 1 ? id : "\(id)-\(number)"
  }
}

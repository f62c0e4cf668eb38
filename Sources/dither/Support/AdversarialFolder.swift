import DitherBasics
import DitherDatasets
import DitherRobustness
import DitherTensor
import Foundation
import Synchronization

/// Where an audit leaves what its attacks made, so that anybody can check them: a folder for each attack with
/// `inputs.npy` (as the model takes them before its own normalization, float32 [N, …]), `indices.npy` (the examples'
/// numbers in the data), `labels.npy` and `answers.npy` (the deployed predictor's, int64), and `probe.txt`, as the
/// attack was asked for.
final class AdversarialFolder: Sendable {
  private let folder: URL
  private let plan: AuditPlan
  private let made = Mutex<[Int: [Adversarials]]>([:])

  /// - Throws: when the folder cannot be made.
  init(_ path: String, _ plan: AuditPlan) throws {
    folder = URL(filePath: path, directoryHint: .isDirectory)
    self.plan = plan
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw CommandError(
        .unreadable, at: path, expected: "a folder that can be written", got: "none", advice: "make it first")
    }
  }

  func add(_ adversarials: Adversarials) {
    made.withLock { $0[adversarials.probe, default: []].append(adversarials) }
  }

  /// Examples in the order of the data.
  func write() throws {
    for (probe, parts) in made.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      let spec = plan.probes[probe], sorted = parts.sorted { ($0.indices.first ?? 0) < ($1.indices.first ?? 0) }
      guard let first = sorted.first else { continue }
      let place = folder.appending(path: "\(probe)-\(spec.probe)", directoryHint: .isDirectory)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      func write(_ name: String, _ array: Npy) throws {
        try Data(array.bytes).write(to: place.appending(path: name), options: .atomic)
      }
      func numbers(_ values: [Int]) -> Npy { Npy([values.count], .int64(values.map(Int64.init))) }
      let indices = sorted.flatMap(\.indices)
      let shape = Shape([indices.count] + first.inputs.shape.dimensions.dropFirst())
      try write("inputs.npy", Npy(Tensor(shape, sorted.flatMap(\.inputs.elements))))
      try write("indices.npy", numbers(indices))
      try write("labels.npy", numbers(sorted.flatMap(\.labels)))
      try write("answers.npy", numbers(sorted.flatMap(\.answers)))
      try Data((spec.text + "\n").utf8).write(to: place.appending(path: "probe.txt"), options: .atomic)
    }
  }
}

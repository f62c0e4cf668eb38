import DitherBasics
import DitherClient
import DitherDatasets
import DitherProto
import DitherRobustness
import DitherService
import DitherTensor
import Foundation
import Synchronization

/// Where an audit leaves what its attacks made, so that anybody can check them: a folder for each attack with
/// `inputs.npy` (as the model takes them before its own normalization, float32 [N, …]), `indices.npy` (the examples'
/// numbers in the data), `labels.npy` and `answers.npy` (the deployed predictor's, int64; of a regression float32
/// [N, D], with `values.npy`, the right ones, in place of labels), and `probe.txt`, the attack with all its parameters.
final class AdversarialFolder: Sendable {
  /// An attack's inputs of some examples.
  private struct Part: Sendable {
    /// The attack with all its parameters.
    var probe: String
    var indices: [Int]
    var labels: [Int]
    var answers: [Int]
    /// The answers of a regression, row after row.
    var answerValues: [Float]?
    /// The right values of a regression; nil: nobody here knows them.
    var values: [Float]?
    var inputs: Tensor
  }

  private let folder: URL
  /// By place in the audit.
  private let made = Mutex<[Int: [Part]]>([:])

  /// - Throws: when the folder cannot be made.
  init(_ path: String) throws {
    folder = URL(filePath: path, directoryHint: .isDirectory)
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw CommandError(
        .unreadable, at: path, expected: "a folder that can be written", got: "none", advice: "make it first")
    }
  }

  func add(_ found: Adversarials, of plan: AuditPlan) {
    add(
      Part(
        probe: plan.probes[found.probe].wholeText, indices: found.indices, labels: found.labels, answers: found.answers,
        answerValues: found.answerValues?.elements, values: found.values?.elements, inputs: found.inputs),
      at: found.probe)
  }

  /// As a journal has it.
  func add(_ made: JournaledShard.Made) throws {
    add(
      Part(
        probe: made.probe, indices: made.indices, labels: made.labels, answers: made.answers,
        answerValues: made.answerValues, values: made.values,
        inputs: try Self.inputs(made.shape, made.inputs, [made.indices, made.labels, made.answers], at: "journal")),
      at: made.place)
  }

  /// Fetches what a served audit keeps, and writes it.
  func write(_ audit: String, from client: DitherClient) async throws {
    for try await found in client.adversarials(of: audit) {
      let indices = found.indices.map { Int(clamping: $0) }, labels = found.labels.map(Int.init)
      let answers = found.answers.map(Int.init), answerValues = found.answerValues.isEmpty ? nil : found.answerValues
      let values = found.values.isEmpty ? nil : found.values
      let inputs = try Self.inputs(
        found.inputs.shape.map { Int(clamping: $0) }, found.inputs.data,
        [indices] + (answerValues == nil ? [labels, answers] : []), at: "audit \(audit)")
      guard (answerValues?.count ?? 0).isMultiple(of: max(indices.count, 1)),
        values == nil || values?.count == answerValues?.count
      else {
        throw CommandError(
          .unreadable, at: "audit \(audit)", expected: "as many values for each input, answers and right ones",
          got: "\(answerValues?.count ?? 0) and \(values?.count ?? 0) for \(indices.count) inputs",
          advice: "is the server of another version?")
      }
      add(
        Part(
          probe: found.probe, indices: indices, labels: labels, answers: answers, answerValues: answerValues,
          values: values, inputs: inputs),
        at: Int(found.place))
    }
    try write()
  }

  /// Float32, little-endian, with as many numbers, labels and answers as rows.
  private static func inputs(
    _ dimensions: [Int], _ data: Data, _ columns: [[Int]], at place: String
  ) throws -> Tensor {
    let shape = Shape(dimensions)
    guard let count = shape.checkedCount, count * 4 == data.count, shape.rank >= 2,
      columns.allSatisfy({ $0.count == shape[0] })
    else {
      throw CommandError(
        .unreadable, at: place, expected: "float32 inputs with their numbers, labels and answers",
        got: "\(data.count) bytes of \(dimensions)".clipped(), advice: "is it of another version?")
    }
    let values = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / 4
    }
    return Tensor(shape, values)
  }

  private func add(_ part: Part, at place: Int) {
    made.withLock { $0[place, default: []].append(part) }
  }

  /// Examples in the order of the data.
  func write() throws {
    for (place, parts) in made.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      let sorted = parts.sorted { ($0.indices.first ?? 0) < ($1.indices.first ?? 0) }
      guard let first = sorted.first else { continue }
      // A name from elsewhere is no path.
      let name = try ProbeSpec(parsing: first.probe).probe.filter { $0.isLetter || $0.isNumber || $0 == "_" }
      let place = folder.appending(path: "\(place)-\(name)", directoryHint: .isDirectory)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      func write(_ name: String, _ array: Npy) throws {
        try OutputFile.write(array.bytes, to: place.appending(path: name).path)
      }
      func numbers(_ values: [Int]) -> Npy { Npy([values.count], .int64(values.map(Int64.init))) }
      let indices = sorted.flatMap(\.indices)
      let shape = Shape([indices.count] + first.inputs.shape.dimensions.dropFirst())
      try write("inputs.npy", Npy(Tensor(shape, sorted.flatMap(\.inputs.elements))))
      try write("indices.npy", numbers(indices))
      func rows(_ values: [Float]) -> Npy {
        Npy(Tensor([indices.count, values.count / max(indices.count, 1)], values))
      }
      if first.answerValues != nil {
        try write("answers.npy", rows(sorted.flatMap { $0.answerValues ?? [] }))
        let values = sorted.compactMap(\.values)
        if values.count == sorted.count { try write("values.npy", rows(values.flatMap { $0 })) }
      } else {
        try write("labels.npy", numbers(sorted.flatMap(\.labels)))
        try write("answers.npy", numbers(sorted.flatMap(\.answers)))
      }
      try OutputFile.write((first.probe + "\n").utf8, to: place.appending(path: "probe.txt").path)
    }
  }
}

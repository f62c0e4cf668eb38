import DitherDatasets
import DitherInference
import DitherTestSupport
import DitherTrain
import Foundation
import Synchronization
import Testing

/// From a recipe and files of data to files of a model.
@Suite("A run of a training")
struct TrainRunTests {
  private static let text = """
    name: a
    data: iris
    model: {kind: mlp, hidden: [8]}
    noise: [{site: weights, sigma: 0.05}]
    epochs: 3
    batch: 32
    seed: 2
    """
  let scratch: Scratch
  let root: DataRoot
  var folder: String { scratch.file("out") }

  /// A root with 150 flowers of three kinds.
  init() throws {
    scratch = try Scratch()
    root = DataRoot(URL(filePath: scratch.file("data")))
    let kinds = ["Iris-setosa", "Iris-versicolor", "Iris-virginica"]
    let lines = (0..<150).map { row in
      let kind = row / 50, wave = (0..<4).map { sin(Double(row * (3 + $0))) / 3 + Double(kind * ($0 + 1)) }
      return (wave.map { "\($0)" } + [kinds[kind]]).joined(separator: ",")
    }
    let file = root.url.appending(path: "uci/iris/iris.csv")
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
  }

  private func run(_ text: String = text, resumes: Bool = false, threads: Int = 1) throws -> TrainRun {
    TrainRun(try Recipe(yaml: text), root: root, folder: folder, resumes: resumes, threads: threads)
  }
  private func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: "\(folder)/\(name)") }
  private var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

  @Test("the model is there before it is evaluated, and stays when that is stopped; going on makes the card")
  func stoppedEvaluation() throws {
    guard case .finished(let card, _) = try run().run() else { throw CancellationError() }
    let whole = try #require(bytes("a.onnx"))
    #expect(files == ["a.card.json", "a.onnx"])
    try FileManager.default.removeItem(atPath: folder + "/a.onnx")

    let isEvaluating = Atomic(false)
    let stopped = try run().run(
      shouldStop: { isEvaluating.load(ordering: .relaxed) },
      evaluated: { _ in
        #expect(bytes("a.onnx") == whole && bytes("a.card.json") == nil, "the card was of another run")
        isEvaluating.store(true, ordering: .relaxed)
      })
    guard case .notEvaluated(let model) = stopped else { throw CancellationError() }
    #expect(model == folder + "/a.onnx" && files == ["a.checkpoint", "a.onnx"] && bytes("a.onnx") == whole)

    var shares: [Double] = []
    guard case .finished(let again, _) = try run(resumes: true).run(evaluated: { shares.append($0) }) else {
      throw CancellationError()
    }
    #expect(again.digest == card.digest && again.test == card.test && again.epochs == 3 && again.threads == 1)
    #expect(shares.first == 0 && shares.last == 1 && shares == shares.sorted() && shares.count > 2)
    #expect(files == ["a.card.json", "a.onnx"] && bytes("a.onnx") == whole)
  }

  @Test("an evaluation stops within a run of a plan")
  func evaluationStops() throws {
    guard case .finished(_, let path) = try run().run() else { throw CancellationError() }
    let model = try Model(onnx: [UInt8](Data(contentsOf: URL(filePath: path))))
    let test = try Dataset.load("iris", .test, from: root), asked = Atomic(0)
    #expect(throws: CancellationError.self) {
      try Evaluation(
        model, test, threads: 1,
        proceed: { if asked.add(1, ordering: .relaxed).newValue == 2 { throw CancellationError() } })
    }
    #expect(asked.load(ordering: .relaxed) == 2)
  }

  @Test("a part of the data is of the training; the test part is whole", arguments: ["iris:90", "iris:30-90"])
  func slices(_ data: String) throws {
    let text = Self.text.replacing("data: iris", with: "data: \(data)")
    guard case .finished(let card, let path) = try run(text).run() else { throw CancellationError() }
    #expect(card.data == data && card.trainingExamples == (data == "iris:90" ? 90 : 60))
    let model = try Model(onnx: [UInt8](Data(contentsOf: URL(filePath: path))))
    #expect(try card.test == Evaluation(model, Dataset.load("iris", .test, from: root), threads: 1))
  }

  @Test(
    "data that are not there, or too few, are told before a step is made", arguments: ["iris:121", "wine", "iris:0"])
  func absentData(_ data: String) throws {
    let text = Self.text.replacing("data: iris", with: "data: \(data)")
    #expect(throws: DatasetError.self) {
      try run(text).run(progress: { _ in Issue.record("a step was made") })
    }
  }
}

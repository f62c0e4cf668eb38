import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Networks for texts: from lines of a file to a model that knows its words.
@Suite("Training on texts")
struct TextTrainingTests {
  private let scratch: Scratch
  private var path: String { scratch.file("reviews.txt") }

  /// A hundred lines whose kind is one word's.
  init() throws {
    scratch = try Scratch()
    let lines = (0..<100).map { row in
      "\(row % 2 == 0 ? "for\tA fine" : "against\tA dull") film number \(row % 9), \(row % 7) actors"
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
  }

  private func recipe(_ data: String, _ more: String = "") throws -> Recipe {
    try Recipe(
      yaml: """
        name: reviews
        data: \(data)
        model: {kind: text_cnn, embedding: 8, channels: 6, widths: [2, 3]}
        optimizer: {kind: adam, rate: 0.02}
        epochs: 6
        batch: 16
        noise:
          - {site: embeddings, sigma: 0.05}
          - {site: activations, distribution: dropout, rate: 0.2}
        \(more)
        """)
  }

  @Test("it learns, its words move, its noise lands, and its file has the words")
  func learns() throws {
    let recipe = try recipe(path + "?length=8"), data = try Dataset.load(recipe.data, .train, access: .paths)
    let trainer = try Trainer(recipe, data: data, threads: 1), before = try trainer.snapshot()
    try trainer.run()
    let after = try trainer.snapshot()
    func table(_ graph: Graph) throws -> Tensor {
      let id = try #require(graph.parameters.first { graph.valueNames[$0.index] == "embedding.weight" })
      guard case .float(let tensor)? = graph.literals[id] else { throw CancellationError() }
      return tensor
    }
    let words = try #require(data.vocabulary), (first, last) = (try table(before), try table(after))
    #expect(first.shape == [words.count, 8])
    let fine = Int(words.row("fine")[0])
    #expect(first.row(fine) != last.row(fine) && first.row(1) == last.row(1), "a word that no text has stays")
    #expect(after.noise?.terms.map(\.site.name) == ["embeddings", "activations"])
    let model = try Model(onnx: after.onnx()), test = try Dataset.load(recipe.data, access: .paths)
    #expect(try model.outputs(test.inputs).labels() == test.labels)
    let json = try #require(model.graph.metadata[ModelSignature.vocabularyKey])
    #expect(try JSONDecoder().decode(Vocabulary.self, from: Data(json.utf8)) == words)
    let draws = try (1...2).map { seed in
      try MonteCarloPredictor(model).predict(test.inputs, Sampling(.samples(1), seed: UInt64(seed)), threads: 1)
        .predictions.map(\.mean)
    }
    #expect(draws[0] != draws[1])
  }

  @Test("data that are no texts, texts too short and tables too small are refused by name")
  func refused() throws {
    try Data("1.5,2,a\n2,3,b\n3,5,a\n4,1,b\n".utf8).write(to: URL(filePath: scratch.file("t.csv")))
    for (data, more, words) in [
      (scratch.file("t.csv"), "", "data of texts"), (path + "?length=2", "", "at least 3 words"),
      (path, "vocabulary", "at least the data's"),
    ] {
      var recipe = try recipe(data)
      if more == "vocabulary" {
        var small = TextCNN()
        small.vocabulary = 3
        recipe.architecture = small
      }
      let set = try Dataset.load(recipe.data, .train, access: .paths)
      let error = #expect(throws: TrainError.self) { try Trainer(recipe, data: set, threads: 1) }
      #expect(error.map { "\($0)".contains(words) } == true, "\(String(describing: error))")
    }
  }

  @Test("a recipe's task decides what numbers of one's own table mean")
  func task() throws {
    let rows = (0..<60).map { "\($0 % 7),\($0 % 3)" }.joined(separator: "\n")
    try Data(rows.utf8).write(to: URL(filePath: scratch.file("t.csv")))
    for (task, isRegression) in [
      ("", false), ("task: regression", true), ("objective: squared_error", true), ("task: classification", false),
    ] {
      let run = TrainRun(
        try Recipe(yaml: "name: t\ndata: \(scratch.file("t.csv"))\nmodel: {hidden: [4]}\nepochs: 1\n\(task)"),
        folder: scratch.file("out"), replaces: true, threads: 1)
      guard case .finished(let card, _) = try run.run() else { throw CancellationError() }
      #expect((card.test.rootMeanSquaredError != nil) == isRegression, "\(task)")
      #expect(card.dataOrigin?.sha256 == Sha256.hash(Array(rows.utf8)).hex)
    }
  }

  @Test("a run goes on with the files that it was begun with, and with no others")
  func resumed() throws {
    func run(_ resumes: Bool, stop: Bool) throws -> TrainRun.Outcome {
      try TrainRun(recipe(path + "?length=8"), folder: scratch.file("out"), resumes: resumes, threads: 1)
        .run(shouldStop: { stop })
    }
    guard case .stopped = try run(false, stop: true) else { throw CancellationError() }
    let text = try #require(FileManager.default.contents(atPath: path))
    try (text + Data("\nfor\tone more".utf8)).write(to: URL(filePath: path))
    let error = #expect(throws: TrainError.self) { try run(true, stop: false) }
    #expect(error.map { "\($0)".contains("begun with") } == true)
    try text.write(to: URL(filePath: path))
    guard case .finished = try run(true, stop: false) else { throw CancellationError() }
  }
}

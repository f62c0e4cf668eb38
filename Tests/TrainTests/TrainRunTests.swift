import DitherBasics
import DitherDatasets
import DitherInference
import DitherTensor
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
    try Flowers.write(to: root)
  }

  private func run(_ text: String = text, resumes: Bool = false, replaces: Bool = false) throws -> TrainRun {
    TrainRun(
      try Recipe(yaml: text), root: root, folder: folder, resumes: resumes, replaces: replaces, threads: 1,
      software: "dither of a test")
  }
  private func bytes(_ name: String) -> Data? { FileManager.default.contents(atPath: "\(folder)/\(name)") }
  private var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

  @Test("the model is there before it is evaluated, and stays when that is stopped; going on makes the card")
  func stoppedEvaluation() throws {
    guard case .finished(let card, _) = try run().run() else { throw CancellationError() }
    let whole = try #require(bytes("a.onnx"))
    #expect(files == ["a.card.json", "a.card.md", "a.onnx", "runs"])
    try FileManager.default.removeItem(atPath: folder + "/a.onnx")

    let isEvaluating = Atomic(false)
    let stopped = try run().run(
      shouldStop: { isEvaluating.load(ordering: .relaxed) },
      evaluated: { _ in
        #expect(bytes("a.onnx") == whole && bytes("a.card.json") == nil, "the card was of another run")
        isEvaluating.store(true, ordering: .relaxed)
      })
    guard case .notEvaluated(let model) = stopped else { throw CancellationError() }
    #expect(
      model == folder + "/a.onnx" && files == ["a.checkpoint", "a.onnx", "runs"]
        && bytes("a.onnx") == whole)

    var shares: [Double] = []
    guard case .finished(let again, _) = try run(resumes: true).run(evaluated: { shares.append($0) }) else {
      throw CancellationError()
    }
    #expect(again.digest == card.digest && again.test == card.test && again.epochs == 3 && again.threads == 1)
    #expect(shares.first == 0 && shares.last == 1 && shares == shares.sorted() && shares.count > 2)
    #expect(files == ["a.card.json", "a.card.md", "a.onnx", "runs"] && bytes("a.onnx") == whole)
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

  private static let logged =
    text.replacing("noise: [{site: weights, sigma: 0.05}]\n", with: "") + """

      noise: [{site: weights, sigma: 0.2, schedule: annealed}, {site: input, distribution: dropout, rate: 0.1}]
      optimizer: {kind: sgd, rate: 0.1}
      schedule: constant
      validation: 24
      """

  /// The record of the first run.
  private static let place = "runs/a-seed2"

  private func records(_ place: String = place) throws -> [EpochRecord] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try #require(bytes(place + "/log.jsonl")).split(separator: UInt8(ascii: "\n")).map {
      try decoder.decode(EpochRecord.self, from: $0)
    }
  }
  private func rows(_ place: String = place) throws -> [[String]] {
    String(decoding: try #require(bytes(place + "/log.csv")), as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test("every epoch has its line and its row")
  func log() throws {
    let text = Self.logged
    var seen: [TrainProgress] = []
    _ = try run(text).run(progress: { if $0.endsEpoch { seen.append($0) } })
    let found = try records(), table = try rows()
    #expect(found.map(\.epoch) == [1, 2, 3] && found.map(\.loss) == seen.map(\.loss))
    #expect(found.map(\.accuracy) == seen.map(\.quality.accuracy) && found.allSatisfy { $0.error == nil })
    #expect(found.map(\.validationAccuracy) == seen.map { $0.validation?.accuracy })
    #expect(found.allSatisfy { $0.rate == 0.1 && $0.gradientNorm > 0 && $0.seconds > 0 && $0.validationError == nil })
    // 96 rows are three steps of 32: the last of the first epoch is at 2 of 9.
    #expect(found.allSatisfy { $0.noise.map(\.term) == ["gaussian on weights", "dropout on input"] })
    for (epoch, record) in found.enumerated() {
      let left = 1 - Double(3 * epoch + 2) / 9
      #expect(abs(record.noise[0].strength - 0.2 * left) < 1e-6 && record.noise[1].strength == 0.1)
    }
    #expect(
      table.first == [
        "epoch", "loss", "accuracy", "error", "validation_accuracy", "validation_error", "rate",
        "noise_1_gaussian_weights", "noise_2_dropout_input", "gradient_norm", "seconds",
      ])
    for (record, row) in zip(found, table.dropFirst()) {
      #expect(row.count == 11 && row[0] == "\(record.epoch)" && row[1] == "\(record.loss)" && row[3] == "")
      #expect(row[7] == "\(record.noise[0].strength)" && row[9] == "\(record.gradientNorm)")
    }
    // A run that begins anew has its own.
    _ = try run(text, replaces: true).run()
    #expect(try records() == found && rows() == table)
    #expect(try records(Self.place + "-2").map(\.epoch) == [1, 2, 3] && rows(Self.place + "-2").count == 4)
  }

  @Test("a run that is gone on with has the log of one that was not stopped, whatever was written last")
  func logGoesOn() throws {
    let text = Self.logged
    let other = text.replacing("name: a", with: "name: b")
    _ = try run(other).run()
    func timeless(_ records: [EpochRecord]) -> [EpochRecord] {
      records.map {
        var record = $0
        record.seconds = 0
        return record
      }
    }
    let whole = timeless(try records("runs/b-seed2"))
    let steps = Atomic(0)
    let stopped = try run(text).run(shouldStop: { steps.add(1, ordering: .relaxed).newValue > 5 })
    guard case .stopped = stopped else { throw CancellationError() }
    #expect(try records().map(\.epoch) == [1])
    // As a process leaves it that is killed between the log and the checkpoint, or within a line.
    for (name, line) in [("log.jsonl", "{\"epoch\":2}\n{\"epo"), ("log.csv", "2,0.5\n2,")] {
      let handle = try #require(FileHandle(forWritingAtPath: "\(folder)/\(Self.place)/\(name)"))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data(line.utf8))
      try handle.close()
    }
    _ = try run(text, resumes: true).run()
    #expect(timeless(try records()) == whole && whole.count == 3)
    #expect(try rows().dropFirst().map { $0[1] } == whole.map { "\($0.loss)" })
  }

  // MARK: dry runs

  @Test("a forecast has the sizes of the training, and where its noise lands; nothing is written")
  func forecast() throws {
    let text =
      Self.logged
      .replacing("model: {kind: mlp, hidden: [8]}", with: "model: {kind: mlp, hidden: [8, 5]}")
      .replacing("sigma: 0.2,", with: "sigma: 0.2, layers: \"dense*\",")
      .replacing("{site: input, distribution: dropout, rate: 0.1}", with: "{site: input, sigma: 0}")
    let found = try run(text + "\nstrategies: [mixup, sam]\npatience: 2\n").forecast()
    #expect(found.rows.training == 96 && found.rows.validation == 24 && found.rows.test == 30)
    #expect(found.epochs == 3 && found.batch == 32 && found.stepsPerEpoch == 3 && found.strategies == ["sam", "mixup"])
    #expect(found.parameters.map(\.shape) == [[8, 4], [8], [5, 8], [5], [3, 5], [3]])
    #expect(found.parameters[0].name == "dense0.weight" && found.count == 40 + 45 + 18)
    // The last dense layer makes the logits, and is called so.
    #expect(found.noise.map(\.places) == [["dense0", "dense1", "logits"], []])
    #expect(found.noise[0].term.contains("gaussian on weights"))
    let memory = found.memory
    #expect(memory.data == 150 * 4 * 4 && memory.gradients >= found.count * 4 && memory.weights == 2 * memory.gradients)
    #expect(memory.optimizer == memory.gradients && memory.activations > 0 && (memory.peak ?? 1 << 20) >= 1 << 20)
    #expect(found.stepSeconds > 0 && found.seconds >= 9 * found.stepSeconds && files.isEmpty)
    // One batch, which is no whole one, is measured again and again.
    #expect(try run(text.replacing("batch: 32", with: "batch: 5000")).forecast().stepsPerEpoch == 1)
  }

  // MARK: records

  private func names(_ place: String = place) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(place)")) ?? []
    return all.map { $0.hasPrefix("events.out.tfevents.") ? "events" : $0 }.sorted()
  }
  private func record(_ place: String = place) throws -> RunRecord {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(RunRecord.self, from: #require(bytes(place + "/run.json")))
  }

  @Test("a run's folder has its recipe, its machine, its model and its page")
  func folders() throws {
    let setting = try RecipeSetting(parsing: "epochs=2")
    let recipe = try Recipe(yaml: Self.text, settings: [setting])
    let run = TrainRun(recipe, root: root, folder: folder, threads: 1, software: "dither of a test")
    guard case .finished(let card, _) = try run.run() else { throw CancellationError() }
    #expect(
      names() == [
        "a.card.json", "a.card.md", "a.onnx", "events", "log.csv", "log.jsonl", "recipe.yml", "run.html", "run.json",
      ])
    #expect(card.record == Self.place && card.software == "dither of a test" && card.epochs == 2)
    #expect(
      bytes(Self.place + "/a.onnx") == bytes("a.onnx") && bytes(Self.place + "/a.card.json") == bytes("a.card.json"))
    let text = String(decoding: try #require(bytes(Self.place + "/recipe.yml")), as: UTF8.self)
    #expect(text == recipe.text && text == card.recipe)
    #expect(try Recipe(yaml: text).epochs == 2)
    let found = try record(), sitting = try #require(found.sittings.first)
    #expect(found.name == "a" && found.seed == 2 && found.finished != nil && found.sittings.count == 1)
    #expect(sitting.afterEpochs == 0 && sitting.threads == 1 && sitting.cores > 0 && !sitting.instructions.isEmpty)
    #expect(sitting.software == "dither of a test" && sitting.swift.first == "6")
    let page = String(decoding: try #require(bytes(Self.place + "/run.html")), as: UTF8.self)
    for words in ["a, seed 2", "Loss", "Accuracy", "Noise in force", "Learning rate", "<svg", "epochs: 2", card.digest]
    {
      #expect(page.contains(words), "\(words)")
    }
    #expect(!page.contains("<script") && !page.contains("http://"))
  }

  @Test("a model that is there, or a run that can be gone on with, is not overwritten unless that is said")
  func neverOverwrites() throws {
    guard case .finished = try run().run() else { throw CancellationError() }
    let model = bytes("a.onnx"), first = try record().finished, card = bytes("a.card.json")
    let error = #expect(throws: TrainError.self) { try run().run(progress: { _ in Issue.record("a step was made") }) }
    #expect(error?.code == .exists && error?.advice?.contains("--force") == true)
    #expect(bytes("a.onnx") == model && names(Self.place + "-2").isEmpty)

    // Another recipe of that name: what it writes is its own, and the first one's model stays where its record is.
    let other = Self.text.replacing("hidden: [8]", with: "hidden: [4]")
    let steps = Atomic(0)
    let stopped = try run(other, replaces: true).run(shouldStop: { steps.add(1, ordering: .relaxed).newValue > 5 })
    guard case .stopped = stopped else { throw CancellationError() }
    #expect(names(Self.place + "-2") == ["events", "log.csv", "log.jsonl", "recipe.yml", "run.html", "run.json"])
    let unfinished = #expect(throws: TrainError.self) { try run(other).run() }
    #expect(unfinished?.code == .exists && unfinished?.advice?.contains("--resume") == true)
    guard case .finished = try run(other, resumes: true).run() else { throw CancellationError() }
    #expect(
      bytes("a.onnx") != model && bytes(Self.place + "/a.onnx") == model && bytes(Self.place + "/a.card.json") == card)
    #expect(try record().finished == first && record(Self.place + "-2").sittings.map(\.afterEpochs) == [0, 1])
    #expect(names(Self.place + "-2").count { $0 == "events" } == 2 && names(Self.place + "-3").isEmpty)
  }

  @Test("a seed has its own folder, and so has a name that looks as one")
  func seeds() throws {
    for (name, seed) in [("a", 2), ("a", 21), ("a-seed2", 2)] {
      let text = Self.text.replacing("name: a", with: "name: \(name)").replacing("seed: 2", with: "seed: \(seed)")
      _ = try run(text, replaces: true).run()
    }
    let all = try FileManager.default.contentsOfDirectory(atPath: folder + "/runs").sorted()
    #expect(all == ["a-seed2", "a-seed2-seed2", "a-seed21"])
  }

  @Test("the card says which epoch was kept, where the validation part chose it")
  func kept() throws {
    let text = Self.text.replacing(
      "epochs: 3", with: "epochs: 12\nvalidation: 30\npatience: 2\noptimizer: {rate: 0.02}")
    guard case .finished(let card, _) = try run(text).run() else { throw CancellationError() }
    let qualities = try records().map { $0.validationAccuracy ?? 0 }
    let best = try #require(qualities.max()), kept = try #require(qualities.firstIndex(of: best))
    #expect(card.keptEpoch == kept + 1 && card.validationAccuracy == best)
    let page = String(decoding: try #require(bytes(Self.place + "/run.html")), as: UTF8.self)
    #expect(page.contains("those of epoch \(kept + 1)"))
    guard case .finished(let other, _) = try run(replaces: true).run() else { throw CancellationError() }
    #expect(other.keptEpoch == nil)
  }

  @Test("the gradient's norm is that of the step that it makes")
  func gradientNorm() throws {
    let recipe = try Recipe(
      yaml: """
        name: a
        data: line
        model: {kind: mlp, hidden: []}
        optimizer: {kind: sgd, rate: 0.1, momentum: 0}
        schedule: constant
        epochs: 1
        batch: 4
        """)
    let inputs: [Float] = [0.5, -1, 2, 1], targets: [Float] = [-1, 1, 1, -1]
    let trainer = try Trainer(
      recipe,
      data: Dataset(
        name: "line", inputs: Tensor([4, 1], inputs), targets: .values(Tensor([4, 1], targets)), targetNames: ["y"]),
      threads: 1)
    func line() throws -> (Float, Float) {
      let found = try Model(trainer.snapshot()).outputs(Tensor([2, 1], [0, 1])).elements
      return (found[0], found[1] - found[0])
    }
    let start = try line()
    var record: EpochRecord?
    try trainer.run(record: { record = $0 })
    let end = try line(), moved = Double(hypot(end.0 - start.0, end.1 - start.1))
    let found = try #require(record)
    #expect(abs(found.gradientNorm - moved / 0.1) < 1e-4 && found.accuracy == nil && found.error != nil)
  }
}

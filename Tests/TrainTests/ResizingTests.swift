import DitherBasics
import DitherDatasets
import DitherGraph
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

@Suite("Progressive resizing: sizes, pixels, and a training that goes on in the middle of it")
struct ResizingTests {
  /// Pictures [3, 12, 12] of two classes.
  private static func pictures(_ count: Int = 24) -> Dataset {
    Dataset(
      name: "pictures", inputs: Tensor.random([count, 3, 12, 12], seed: 5, from: 0, to: 1),
      labels: (0..<count).map { $0 % 2 }, classNames: ["a", "b"])
  }

  private static func recipe(
    _ model: String = "{kind: resnet, channels: [4, 8], blocks: 1}", resizing: String? = "{from: 0.5, until: 0.5}",
    _ extra: String = ""
  ) throws -> Recipe {
    try Recipe(
      yaml: """
        name: test
        data: own
        model: \(model)
        optimizer: {kind: sgd, rate: 0.05, momentum: 0.9}
        epochs: 4
        batch: 10
        \(resizing.map { "resizing: \($0)" } ?? "")
        \(extra)
        """)
  }

  @Test("sizes come to the whole one in even steps")
  func sizes() {
    var resizing = Resizing()
    (resizing.from, resizing.until, resizing.steps) = (0.5, 0.8, 4)
    let sides = (0..<10).map { resizing.shape(at: Double($0) / 10, of: [3, 32, 48]).dimensions }
    #expect(
      sides == [
        [3, 16, 24], [3, 16, 24], [3, 20, 30], [3, 20, 30], [3, 24, 36], [3, 24, 36], [3, 28, 42], [3, 28, 42],
        [3, 32, 48], [3, 32, 48],
      ])
    (resizing.from, resizing.until, resizing.steps) = (0.1, 1, 1)
    #expect(resizing.shape(at: 0.999, of: [1, 4, 4]) == [1, 1, 1])
  }

  @Test("a smaller picture has the means of the areas that its pixels cover")
  func areas() {
    let picture = Tensor([1, 1, 2, 3], [1, 2, 3, 4, 5, 6])
    // Two columns of one and a half pixels each.
    let found = Resizing.resized(picture, to: [1, 1, 2])
    let expected = Tensor([1, 1, 1, 2], [(2.5 + (2 + 5) / 4) / 1.5, (4.5 + (2 + 5) / 4) / 1.5])
    #expect(found.isClose(to: expected, absolute: 1e-6))
    let random = Tensor.random([2, 3, 9, 7], seed: 4), smaller = Resizing.resized(random, to: [3, 4, 5])
    func mean(_ tensor: Tensor) -> Float { tensor.elements.reduce(0, +) / Float(tensor.count) }
    #expect(smaller.shape == [2, 3, 4, 5] && abs(mean(smaller) - mean(random)) < 1e-6)
    #expect(Resizing.resized(random, to: [3, 9, 7]) == random)
  }

  @Test(
    "it gives the same bytes by halves, wherever it is stopped, and others than whole pictures do",
    arguments: [1, 4, 5, 7, 10])
  func halves(_ steps: Int) throws {
    let data = Self.pictures(), recipe = try Self.recipe()
    let (whole, parts) = try Halves.run(recipe, data, steps: steps)
    let bytes = try whole.snapshot().onnx()
    #expect(try parts.snapshot().onnx() == bytes)
    guard steps == 1 else { return }
    let plain = try Trainer(Self.recipe(resizing: nil), data: data, threads: 1)
    try plain.run()
    #expect(try plain.snapshot().onnx() != bytes)
  }

  @Test(
    "networks for pictures of any size take it, with noise, views and an average",
    arguments: [
      "{kind: airbench, channels: [4]}", "{kind: resnet9, channels: [4, 4, 4, 4]}", "{kind: resnet, channels: [4]}",
    ])
  func networks(_ model: String) throws {
    let least = model.contains("resnet9") ? "{from: 0.7, until: 1, steps: 1}" : "{from: 0.5, until: 0.6, steps: 2}"
    let trainer = try Trainer(
      Self.recipe(
        model, resizing: least,
        "noise: [{site: weights, sigma: 0.05, learned: layer}, {site: input, sigma: 0.1}]\naverage: ema\nviews: [flip]\n"
          + "augment: [flip]\nvalidation: 4\nstrategies: [{kind: sigma_by_validation, every: 1, draws: 2}]"),
      data: Self.pictures(), threads: 1)
    var seen = 0
    try trainer.run(record: { record in
      seen += 1
      #expect(record.loss.isFinite && record.validationAccuracy != nil)
    })
    #expect(try seen == 4 && trainer.snapshot().inputs.first?.dimensions == [nil, 3, 12, 12])
  }

  @Test("the statistics that the file has are of whole pictures")
  func statistics() throws {
    // To the end smaller, at a rate of 0: the network is the first one, its statistics are of the training's pictures.
    let model = "{kind: resnet, channels: [4], blocks: 1}"
    func statistics(_ resizing: String?) throws -> [Float] {
      let recipe = try Self.recipe(
        model, resizing: resizing, "noise: [{site: input, sigma: 1.0e-9}]\n" + "parameter_groups: [{rate: 0}]")
      let trainer = try Trainer(recipe, data: Self.pictures(), threads: 1)
      try trainer.run()
      let graph = try trainer.snapshot()
      return graph.literals.sorted { $0.key.index < $1.key.index }.flatMap { id, literal -> [Float] in
        guard graph.valueNames[id.index].hasSuffix(".variance"), case .float(let tensor) = literal else { return [] }
        return Array(tensor.elements)
      }
    }
    let (smaller, whole) = (try statistics("{from: 0.5, until: 1}"), try statistics(nil))
    #expect(!whole.isEmpty && zip(smaller, whole).allSatisfy { abs($0 - $1) < 1e-5 * max(abs($1), 1) })
  }

  @Test("what it does not fit is refused before a step, by its key")
  func refused() throws {
    func fault(_ recipe: Recipe, _ data: Dataset = ResizingTests.pictures()) -> TrainError? {
      #expect(throws: TrainError.self) { try Trainer(recipe, data: data, threads: 1) }
    }
    let dense = try fault(Self.recipe("{kind: cnn, channels: [4], hidden: [4]}"))
    #expect(dense?.place == "recipe, 'resizing'" && dense?.expected.contains("resnet9") == true)
    #expect(try fault(Self.recipe("{kind: mlp}"), GoalTests.sides())?.place == "recipe, 'resizing'")
    // Six pixels are too few for four poolings.
    #expect(try fault(Self.recipe("{kind: airbench, channels: [4, 4, 4]}", resizing: "{from: 0.4}")) != nil)
    for (text, words) in [
      ("half", "a mapping of from, steps, until"), ("{frm: 0.5}", "did you mean 'from'?"), ("{from: 1}", "below 1"),
      ("{until: 0}", "above 0"), ("{steps: 0}", "1 to 64"),
    ] {
      #expect { try Self.recipe(resizing: text) } throws: { "\($0)".contains(words) && "\($0)".contains("line 7") }
    }
  }
}

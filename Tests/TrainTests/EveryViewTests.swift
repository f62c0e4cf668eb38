import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// What holds for every view of the catalog, and what a model with views answers.
@Suite("Every view")
struct EveryViewTests {
  private static let kinds = Catalog<any PictureView.Type>.views.entries

  /// Pictures [2, 6, 5] of three classes.
  static func pictures(_ count: Int = 24) -> Dataset {
    Dataset(
      name: "pictures", inputs: Tensor.random([count, 2, 6, 5], seed: 5, from: 0, to: 1),
      labels: (0..<count).map { $0 % 3 }, classNames: ["a", "b", "c"])
  }

  private static func trainer(_ views: String, _ extra: String = "", data: Dataset = pictures()) throws -> Trainer {
    let trainer = try Trainer(
      Recipe(
        yaml: """
          {name: test, data: own, model: {kind: cnn, channels: [4], hidden: [6]}, epochs: 2, batch: 8,
          optimizer: {kind: sgd, rate: 0.1}, views: \(views)\(extra)}
          """), data: data, threads: 1)
    try trainer.run()
    return trainer
  }

  /// A picture with pixels of other places: `place` says which, of a row and a column.
  private static func moved(_ pictures: Tensor, _ place: (Int, Int) -> (Int, Int)) -> Tensor {
    let (height, width) = (pictures.shape[2], pictures.shape[3])
    return Tensor(
      pictures.shape,
      pictures.elements.indices.map { at in
        let (y, x) = place(at / width % height, at % width)
        return pictures.elements[at - at % (height * width) + y * width + x]
      })
  }

  @Test(
    "the first look is the picture, all are of its pixels, and shares add up to 1; a picture may be one pixel",
    arguments: kinds)
  func shares(_ kind: any PictureView.Type) {
    for (rows, columns) in [(1, 1), (2, 3), (6, 5), (32, 32)] {
      let looks = kind.init().looks(rows: rows, columns: columns)
      #expect(looks.count > 1 && abs(looks.reduce(0) { $0 + $1.share } - 1) < 1e-12)
      #expect(looks[0].rows == Array(0..<rows) && looks[0].columns == Array(0..<columns))
      for look in looks {
        #expect(look.rows.count == rows && look.rows.allSatisfy((0..<rows).contains))
        #expect(look.columns.count == columns && look.columns.allSatisfy((0..<columns).contains))
      }
    }
  }

  @Test("names and keys that are not known are refused with the nearest", arguments: kinds)
  func refused(_ kind: any PictureView.Type) {
    #expect {
      try Self.trainer("[\(kind.name)x]")
    } throws: { "\($0)".contains("did you mean '\(kind.name)'?") && "\($0)".contains("'views', item 1") }
    #expect(throws: (any Error).self) { try Self.trainer("[{kind: \(kind.name), pixls: 1}]") }
  }

  @Test("a shift and a flip are the published six looks: their mean is what six pictures give, moved by hand")
  func six() throws {
    let trainer = try Self.trainer("[shift, flip]"), pictures = Self.pictures(7).inputs
    let plain = try Model(trainer.snapshot(views: false)), viewed = try Model(trainer.snapshot())
    // A pixel beyond the edge is the one beside it on the other side of the first or last.
    func inside(_ at: Int, _ count: Int) -> Int { at < 0 ? 1 : at == count ? count - 2 : at }
    let moves: [(down: Int, flips: Bool, share: Float)] = [
      (0, false, 0.25), (0, true, 0.25), (1, false, 0.125), (1, true, 0.125), (-1, false, 0.125), (-1, true, 0.125),
    ]
    var sum = Tensor(zeros: [7, 3])
    for move in moves {
      let answer = try plain.outputs(
        Self.moved(pictures) { y, x in
          (inside(y + move.down, 6), inside((move.flips ? 4 - x : x) + move.down, 5))
        })
      sum = sum.zip(answer) { $0 + move.share * $1 }
    }
    let found = try viewed.outputs(pictures), single = try plain.outputs(pictures)
    #expect(found.isClose(to: sum, absolute: 1e-5))
    #expect(!found.isClose(to: single, absolute: 1e-3))
    // Whatever the order, a flip turns the answer into itself.
    let mirrored = try viewed.outputs(Self.moved(pictures) { y, x in (y, 4 - x) })
    let flips = try Model(Self.trainer("[flip]").snapshot())
    let (one, other) = (
      try flips.outputs(pictures), try flips.outputs(Self.moved(pictures) { y, x in (y, 4 - x) })
    )
    #expect(one.isClose(to: other, absolute: 1e-5) && mirrored.shape == [7, 3])
  }

  @Test("the file has its weights once, and answers as the model does; training is as without views")
  func file() throws {
    let trainer = try Self.trainer("[flip]"), file = try trainer.snapshot().onnx()
    let plain = try trainer.snapshot(views: false), bare = try Self.trainer("[]").snapshot()
    #expect(try plain.onnx() == bare.onnx())
    let weights = plain.literals.values.reduce(0) { $0 + $1.type.shape.count }
    let all = try Graph(onnx: file).literals.values.reduce(0) { $0 + $1.type.shape.count }
    #expect(all > weights && all < weights + 20)
    let pictures = Self.pictures(5).inputs
    let (read, made) = (
      try Model(onnx: file).outputs(pictures), try Model(trainer.snapshot()).outputs(pictures)
    )
    #expect(read == made)
  }

  @Test("noise that a pattern says of a layer is in every look, and a seed's draws are its own")
  func noise() throws {
    let trainer = try Self.trainer(
      "[flip]", ", served_noise: [{site: weights, sigma: 0.2, layers: dense0}, {site: activations, sigma: 0.1}]")
    let model = try Model(trainer.snapshot()), plain = try Model(trainer.snapshot(views: false))
    #expect(model.noise == plain.noise && model.noise?.terms.count == 2)
    let pictures = Self.pictures(4).inputs
    let answers = try MonteCarloPredictor(model).predict(pictures, Sampling(.samples(32), seed: 3), threads: 1)
    #expect(answers.predictions.allSatisfy { $0.mean.allSatisfy(\.isFinite) })
    let again = try MonteCarloPredictor(model).predict(pictures, Sampling(.samples(32), seed: 3), threads: 1)
    let without = try MonteCarloPredictor(model).predict(pictures, Sampling(.samples(0), seed: 3), threads: 1)
    #expect(answers.predictions.map(\.mean) == again.predictions.map(\.mean))
    #expect(answers.predictions.map(\.mean) != without.predictions.map(\.mean))
  }

  @Test("a posterior's members have views")
  func members() throws {
    let trainer = try Self.trainer("[flip]", ", posterior: {kind: ensemble, members: 2}")
    let model = try Model(onnx: trainer.snapshot().onnx()), pictures = Self.pictures(4).inputs
    #expect(model.noise?.members == 2)
    let answers = try MonteCarloPredictor(model).predict(pictures, Sampling(.samples(2), seed: 1), threads: 1)
    let mirrored = try MonteCarloPredictor(model).predict(
      Self.moved(pictures) { y, x in (y, 4 - x) }, Sampling(.samples(2), seed: 1), threads: 1)
    for (one, other) in zip(answers.predictions, mirrored.predictions) {
      #expect(zip(one.mean, other.mean).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test("views of what is no picture, and too many looks, are refused")
  func strangers() {
    let table = #expect(throws: TrainError.self) { try Self.trainer("[flip]", data: GoalTests.sides()) }
    #expect(table != nil)
    let tables = #expect(throws: TrainError.self) {
      try Trainer(Recipe(yaml: "{name: test, data: iris, views: [flip]}"), data: GoalTests.sides(), threads: 1)
    }
    #expect(tables?.place == "recipe, 'views'")
    let many = #expect(throws: TrainError.self) { try Self.trainer("[shift, shift, shift, shift]") }
    #expect(many?.place == "recipe, 'views'" && many?.got == "81")
  }

  @Test("the card has the test by all looks and by one; a study's measure takes looks of a model without")
  func card() throws {
    let scratch = try Scratch(), folder = scratch.file("out")
    for (name, count) in [("x", 30), ("y", 30)] {
      let file = URL(filePath: scratch.file("\(name).npy"))
      let bytes =
        name == "x"
        ? Npy(Self.pictures(count).inputs).bytes : Npy([count], .int64((0..<count).map { Int64($0 % 3) })).bytes
      try Data(bytes).write(to: file)
    }
    let data = "'\(scratch.file("x.npy")),\(scratch.file("y.npy"))'"
    let text = """
      name: own
      data: \(data)
      model: {kind: cnn, channels: [4], hidden: []}
      epochs: 2
      batch: 8
      """
    let run = TrainRun(
      try Recipe(yaml: text + "\nviews: [{kind: shift, pixels: 2}, flip]\n"), root: DataRoot(URL(filePath: folder)),
      folder: folder, threads: 1)
    var shares: [Double] = []
    guard case .finished(let card, let path) = try run.run(evaluated: { shares.append($0) }) else {
      throw CancellationError()
    }
    #expect(shares.first == 0 && shares.last == 1 && shares == shares.sorted())
    let test = try Dataset.load(String(data.dropFirst().dropLast()), .test, from: run.root, access: .paths)
    let model = try Model(onnx: [UInt8](Data(contentsOf: URL(filePath: path))))
    #expect(card.views == 6 && card.testWithoutViews != nil && card.testWithoutViews != card.test)
    #expect(try card.test == Evaluation(model, test, threads: 1))

    let plan = try StudyPlan(
      yaml: """
        name: views
        question: Do views help?
        recipe: own.yml
        arms: [{name: none}, {name: views, set: {views: [{kind: shift, pixels: 2}, flip]}}]
        tuning: {validation: 6, seeds: [1]}
        seeds: [11]
        measures: [nll, {name: seen, views: [{kind: shift, pixels: 2}, flip], value: nll}]
        """, at: "views.yml"
    ) { _ in text }
    let (table, isWhole) = try Study(plan, folder: scratch.file("study"), root: run.root, workers: 1).run()
    let rows = Dictionary(uniqueKeysWithValues: table.groups[0].rows.map { ($0.arm, $0.cells) })
    let (seen, own) = (
      try #require(rows["none"]?["seen"]?.mean), try #require(rows["views"]?["nll"]?.mean)
    )
    #expect(isWhole && abs(seen - own) < 1e-6 && seen != rows["none"]?["nll"]?.mean)
  }

  @Test(
    "a measure with views that are wrong is refused",
    arguments: ["{name: a, views: []}", "{name: a, views: [flp]}", "{name: a, views: [flip], value: acuracy}"])
  func measures(_ measure: String) {
    #expect(throws: (any Error).self) {
      try StudyPlan(
        yaml: "name: v\nquestion: q\nrecipe: r.yml\narms: [{name: a}, {name: b}]\nmeasures: [\(measure)]\n", at: "v.yml"
      ) { _ in StudyTests.recipe }
    }
  }
}

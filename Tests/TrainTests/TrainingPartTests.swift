import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Testing

/// Which rows a run trains on.
@Suite("The training part")
struct TrainingPartTests {
  /// 100 rows: 70 of "a", 20 of "b", 10 of "c".
  private static let data = Dataset(
    name: "some", inputs: .random([100, 2], seed: 4), labels: (0..<100).map { $0 < 70 ? 0 : $0 < 90 ? 1 : 2 },
    classNames: ["a", "b", "c"])

  private static func recipe(_ extra: String, seed: UInt64 = 1) throws -> Recipe {
    var recipe = try Recipe(
      yaml: "name: a\ndata: iris\nmodel: {kind: mlp, hidden: [3]}\nepochs: 1\nbatch: 8\n\(extra)\n")
    recipe.seed = seed
    return recipe
  }

  /// How often each row is there.
  private static func seen(_ extra: String, seed: UInt64 = 1) throws -> [[Float]: Int] {
    try TrainingPart(recipe(extra, seed: seed), data).examples.rowsSeen
  }

  @Test(
    "examples are of each class its share",
    arguments: [(10, [7, 2, 1]), (50, [35, 10, 5]), (5, [4, 1, 0]), (100, [70, 20, 10])])
  func stratified(_ count: Int, _ shares: [Int]) throws {
    let part = try TrainingPart(Self.recipe("examples: \(count)"), Self.data), labels = try part.examples.labels
    #expect(part.examples.count == count && part.validation == nil)
    #expect((0..<3).map { label in labels.count { $0 == label } } == shares)
  }

  @Test("the seed draws them; the validation part is the same for every seed, and apart from them")
  func seeds() throws {
    func part(_ seed: UInt64, _ extra: String = "") throws -> TrainingPart {
      try TrainingPart(Self.recipe("examples: 20\nvalidation: 30" + extra, seed: seed), Self.data)
    }
    let one = try part(1), again = try part(1), two = try part(2)
    #expect(one.examples.inputs == again.examples.inputs && one.examples.inputs != two.examples.inputs)
    #expect(one.validation?.count == 30 && one.validation?.inputs == two.validation?.inputs)
    let held = try Set(#require(one.validation).rowsSeen.keys)
    #expect(held.isDisjoint(with: one.examples.rowsSeen.keys) && held.count == 30)
    #expect(one.examples.rowsSeen.values.allSatisfy { $0 == 1 } && one.examples.rowsSeen.count == 20)
  }

  @Test("a larger part has the rows of a smaller one where shares are whole")
  func nested() throws {
    let few = try Self.seen("examples: 10"), many = try Self.seen("examples: 50")
    #expect(Set(few.keys).isSubset(of: many.keys) && many.count == 50)
  }

  /// The table with its first column standardized, in the unit that is told: 100 + unit · x.
  private static func table(unit: Float) -> Dataset {
    var table = data
    table.inputs = Tensor(
      table.inputs.shape, table.inputs.elements.enumerated().map { $0 % 2 == 0 ? 100 + unit * $1 : $1 })
    table.standardizedColumns = [0]
    return table
  }

  private static func trained(_ extra: String, _ data: Dataset) throws -> Graph {
    let trainer = try Trainer(recipe(extra), data: data, threads: 1)
    try trainer.run()
    return try trainer.snapshot()
  }

  @Test(
    "a table is standardized by the rows that are trained on: its unit makes no difference",
    arguments: ["validation: 30", "examples: 60", "validation: 20\nexamples: 40\npatience: 3"])
  func standardized(_ extra: String) throws {
    let (one, two) = (Self.table(unit: 1), Self.table(unit: 8))
    let a = try Model(onnx: Self.trained(extra, one).onnx()).outputs(one.inputs).elements
    let b = try Model(onnx: Self.trained(extra, two).onnx()).outputs(two.inputs).elements
    #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-2 }, "what is left is the rounding of 100 + x")
    // Other columns, and pictures, stay as they are.
    var plain = two
    plain.standardizedColumns = []
    let c = try Model(onnx: Self.trained(extra, plain).onnx()).outputs(two.inputs).elements
    #expect(zip(a, c).contains { abs($0 - $1) > 0.1 })
  }

  @Test("a table that is trained on whole is as its set standardized it")
  func wholeTable() throws {
    var plain = Self.table(unit: 1)
    plain.standardizedColumns = []
    #expect(try Self.trained("", plain).onnx() == Self.trained("", Self.table(unit: 1)).onnx())
  }

  @Test("values are drawn alike")
  func values() throws {
    let data = Dataset(
      name: "line", inputs: .random([40, 1], seed: 1), targets: .values(.random([40, 1], seed: 2)), targetNames: ["y"])
    let part = try TrainingPart(Self.recipe("examples: 9\nvalidation: 10"), data)
    #expect(part.examples.count == 9 && part.validation?.count == 10)
  }

  @Test(
    "more than there are is refused by the key",
    arguments: [
      ("examples: 101", "'examples'"), ("examples: 71\nvalidation: 30", "'examples'"),
      ("validation: 100", "'validation'"),
    ])
  func tooMany(_ extra: String, _ key: String) throws {
    let error = #expect(throws: TrainError.self) { try Trainer(Self.recipe(extra), data: Self.data, threads: 1) }
    #expect(error?.code == .data && error?.place.contains(key) == true)
  }

  @Test("recipes with no such number are refused", arguments: ["0", "-3", "many", "1.5", "[1]"])
  func bad(_ value: String) {
    #expect { try Self.recipe("examples: \(value)") } throws: { "\($0)".contains("'examples'") }
  }
}

extension Dataset {
  /// How often each row of inputs is there.
  fileprivate var rowsSeen: [[Float]: Int] {
    (0..<count).reduce(into: [:]) { $0[Array(inputs.row($1)), default: 0] += 1 }
  }
}

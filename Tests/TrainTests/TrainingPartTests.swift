import DitherBasics
import DitherDatasets
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

  private static func recipe(_ extra: String) throws -> Recipe {
    try Recipe(yaml: "name: a\ndata: iris\nmodel: {kind: mlp, hidden: [3]}\nepochs: 1\nbatch: 8\n\(extra)\n")
  }

  /// How often each row is there.
  private static func seen(_ extra: String, seed: UInt64 = 1) throws -> [[Float]: Int] {
    let recipe = try recipe(extra).replacing(name: nil, epochs: nil, seed: seed)
    return try TrainingPart(recipe, data).examples.rowsSeen
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
      try TrainingPart(
        Self.recipe("examples: 20\nvalidation: 30" + extra).replacing(name: nil, epochs: nil, seed: seed), Self.data)
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

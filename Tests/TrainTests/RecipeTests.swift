import DitherBasics
import DitherTrain
import Testing

/// What a command says in the place of a recipe's words has the bounds of those words.
@Suite("Recipes with another name, epochs or seed")
struct RecipeTests {
  private static let text = "name: own\ndata: iris\nepochs: 7\nseed: 3\nmodel: {kind: mlp, hidden: [3]}\n"

  @Test("what is not said stays")
  func replaced() throws {
    let recipe = try Recipe(yaml: Self.text), same = try recipe.replacing(name: nil, epochs: nil, seed: nil)
    #expect(same.name == "own" && same.epochs == 7 && same.seed == 3 && same.text == Self.text)
    let other = try recipe.replacing(name: "a.b-c_1", epochs: 100_000, seed: .max)
    #expect(other.name == "a.b-c_1" && other.epochs == 100_000 && other.seed == .max && other.text == Self.text)
    #expect(try recipe.replacing(name: nil, epochs: 1, seed: 0).epochs == 1)
  }

  @Test(
    "what a recipe may not say, a command may not either",
    arguments: ["", "../x", "/tmp/x", "a/b", ".hidden", "-a", "A", "a b", "a\n", String(repeating: "a", count: 65)])
  func name(_ name: String) throws {
    let recipe = try Recipe(yaml: Self.text)
    let error = #expect(throws: TrainError.self) { try recipe.replacing(name: name, epochs: nil, seed: nil) }
    #expect(error?.code == .recipe && error?.place.contains("'name'") == true)
    let quoted = name.replacing("\n", with: "\\n")
    #expect(throws: TrainError.self) { try Recipe(yaml: Self.text.replacing("name: own", with: "name: \"\(quoted)\"")) }
  }

  @Test("epochs have bounds", arguments: [0, -1, 100_001, .max, .min, 1 << 62])
  func epochs(_ epochs: Int) throws {
    let recipe = try Recipe(yaml: Self.text)
    let error = #expect(throws: TrainError.self) { try recipe.replacing(name: nil, epochs: epochs, seed: nil) }
    #expect(error?.description == "'epochs' in the recipe's place: expected 1 to 100000, got \(epochs)")
    #expect(throws: TrainError.self) { try Recipe(yaml: Self.text.replacing("epochs: 7", with: "epochs: \(epochs)")) }
  }

  @Test("a recipe says what the figures of its training contain beside the objective")
  func shownWith() throws {
    #expect(try Recipe(yaml: Self.text).shownWith.isEmpty)
    let recipe = try Recipe(
      yaml: Self.text + """
        noise:
          - {site: input, sigma: 0.1}
          - {site: weights, sigma: 0.1}
          - {site: weights, distribution: dropout, rate: 0.1}
          - {site: activations, sigma: 0}
          - {site: gradients, sigma: 0.1}
        strategies: [sam, mixup, gradient_clipping, label_noise]
        label_smoothing: 0.1
        """)
    #expect(recipe.shownWith == ["noise on input", "noise on weights", "mixup", "label_noise", "label_smoothing"])
  }
}

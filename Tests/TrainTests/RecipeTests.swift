import DitherBasics
import DitherGraph
import DitherTrain
import Testing

/// What a command says in the place of a recipe's words has the bounds of those words.
@Suite("Recipes, and settings laid over them")
struct RecipeTests {
  private static let text = "name: own\ndata: iris\nepochs: 7\nseed: 3\nmodel: {kind: mlp, hidden: [3]}\n"

  private static func recipe(_ settings: [String], of text: String = text) throws -> Recipe {
    try Recipe(yaml: text, at: "own.yml", settings: settings.map { try RecipeSetting(parsing: $0) })
  }

  private static func refusal(_ settings: [String], of text: String = text) -> String? {
    let error = #expect(throws: TrainError.self) { try recipe(settings, of: text) }
    #expect(error?.code == .recipe)
    return error?.description
  }

  @Test("what is not said stays, and the text of a recipe without settings is its file's")
  func plain() throws {
    let text = "# ours\n" + Self.text, recipe = try Recipe(yaml: text)
    #expect(recipe.name == "own" && recipe.epochs == 7 && recipe.seed == 3 && recipe.text == text)
  }

  @Test("any key is set: at the top, in a mapping, in a list, in a list within a list")
  func set() throws {
    let text = Self.text + "noise: [{site: weights, sigma: 0.1}, {site: input, sigma: 0.2}]\noptimizer: adam\n"
    let recipe = try Self.recipe(
      [
        "epochs=5", "model.hidden.0=9", "model.hidden.1=4", "noise.1.sigma=0.5", "noise.0.schedule=cosine",
        "optimizer.rate=0.25", "noise.2={site: weights, distribution: dropout, rate: 0.5}", "summary=a: b = c",
        "epochs=6",
      ], of: text)
    #expect(recipe.epochs == 6 && (recipe.architecture as? MLP)?.hidden == [9, 4] && recipe.name == "own")
    #expect(recipe.noise.terms.map(\.strength) == [0.1, 0.5, 0.5] && recipe.noise.terms[0].schedule is CosineSchedule)
    #expect((recipe.optimizer as? Adam)?.rate == 0.25 && recipe.seed == 3)
  }

  @Test("the text with the settings says the same without them, and the same settings give the same text")
  func resolvedText() throws {
    let settings = ["optimizer.nesterov=true", "noise.0={site: input, sigma: 0.1}", "epochs=2"]
    let recipe = try Self.recipe(settings), again = try Recipe(yaml: recipe.text)
    #expect(recipe.text != Self.text && again.text == recipe.text)
    #expect(
      try recipe.text == Self.recipe(settings).text && recipe.text != Self.recipe(Array(settings.dropLast())).text)
    #expect((again.optimizer as? SGD)?.nesterov == true && again.noise == recipe.noise && again.epochs == 2)
    #expect(again.seed == 3 && again.name == "own" && (again.architecture as? MLP)?.hidden == [3])
  }

  @Test("what a mapping takes from another stays when one of its keys is set")
  func merged() throws {
    let text =
      "name: a\ndata: iris\nmodel: &one {kind: mlp, hidden: [3]}\nnoise:\n"
      + "  - &noise {site: weights, sigma: 0.1}\n  - {<<: *noise, site: input}\n"
    let recipe = try Self.recipe(["noise.1.sigma=0.3"], of: text)
    #expect(recipe.noise.terms.map(\.strength) == [0.1, 0.3] && recipe.noise.terms[1].site == .input)
    #expect(try Recipe(yaml: recipe.text).noise == recipe.noise)
  }

  @Test("a kind that is not said is the default; null is as nothing")
  func defaults() throws {
    let recipe = try Self.recipe(["optimizer.rate=0.3", "schedule.warmup=0.1", "seed=null", "patience=~"])
    #expect((recipe.optimizer as? SGD)?.rate == 0.3 && (recipe.schedule as? CosineSchedule)?.warmup == 0.1)
    #expect(recipe.seed == 1 && recipe.patience == nil)
  }

  @Test(
    "names of other programs are understood, in a file and in a setting",
    arguments: [
      ("lr: 0.25", []), ("learning_rate: 0.25", []), ("optimizer: {lr: 0.25}", []),
      ("optimizer: {kind: sgd, learning_rate: 0.25}", []), ("optimizer: sgd\nlr: 0.25", []), ("", ["lr=0.25"]),
      ("optimizer: {rate: 1}", ["learning_rate=0.25"]), ("lr: 1", ["optimizer.lr=0.25"]),
      ("lr: 1", ["optimizer.rate=0.25"]),
    ])
  func aliases(_ extra: String, _ settings: [String]) throws {
    let text = Self.text + extra + "\nweight_decay: 0.125\n"
    let recipe = try Self.recipe(settings, of: text), sgd = try #require(recipe.optimizer as? SGD)
    #expect(sgd.rate == 0.25 && sgd.decay == 0.125 && sgd.momentum == 0.9)
  }

  @Test("one thing by two names is refused", arguments: ["lr: 1\nlearning_rate: 1", "optimizer: {rate: 1, lr: 1}"])
  func twice(_ extra: String) {
    #expect(Self.refusal([], of: Self.text + extra)?.contains("it once, by one name") == true)
  }

  @Test(
    "a setting that is wrong is refused at its place, with the nearest name",
    arguments: [
      (["noise.0.sgima=0.1"], "--set noise.0.sgima: ", "'sigma'"),
      (["seed=1", "optimzer.rate=0.1", "epochs=3"], "--set optimzer.rate: ", "'optimizer'"),
      (["optimizer.rat=0.1"], "--set optimizer.rat: ", "'rate'"),
      (["leerning_rate=1"], "--set leerning_rate: ", "'learning_rate'"),
      (["noise.4.sigma=0.1"], "--set noise.4.sigma: ", "0 to 1"),
      (["strategies.1=sam"], "--set strategies.1: ", "0, as"),
      (["epochs=many"], "--set epochs: ", "1 to 100000"), (["epochs=[1"], "--set epochs: ", "YAML"),
      (["model.hidden.x=1"], "--set model.hidden.x: ", "position"),
      (["patience=3"], "--set patience: ", "'validation'"),
      (["epochs.first=3"], "--set epochs.first: ", "1 to 100000"),
      (["noise.0.layers=[1]"], "--set noise.0.layers: ", "expected"),
    ])
  func refused(_ settings: [String], _ place: String, _ words: String) throws {
    let text = Self.text + "noise: [{site: weights, sigma: 0.1}]\n",
      found = try #require(Self.refusal(settings, of: text))
    #expect(found.hasPrefix(place) && found.contains(words), "\(found)")
  }

  @Test("settings that only fit together are taken together, whichever comes first")
  func together() throws {
    #expect(try Self.recipe(["patience=3", "validation=20"]).patience == 3)
  }

  @Test("a setting has a key and a value", arguments: ["", "epochs", "=3", "a..b=1", ".a=1", "noise.=1"])
  func malformed(_ text: String) {
    let error = #expect(throws: TrainError.self) { try RecipeSetting(parsing: text) }
    #expect(error?.place == "--set" && error?.got == "'\(text)'")
  }

  @Test(
    "a file that is wrong is refused by file, line and key",
    arguments: [
      ("epohcs: 3", "own.yml, line 6: "), ("patience: 3", "own.yml, line 6, 'patience': "),
      ("noise:\n  - {site: input, sigma: 1}\n  - site: weights\n    sgima: 1", "own.yml, line 9, 'noise', term 2: "),
      ("noise:\n  - site: weights\n    sigma: -1", "own.yml, line 7, 'noise', term 1"),
      ("optimizer:\n  kind: adam\n  rate: -1", "own.yml, line 8, optimizer adam"),
      ("strategies:\n  - sam\n  - kind: mixup\n    alpha: 0", "own.yml, line 9, 'strategies', item 2"),
      ("optimizer: {kind: adma}", "own.yml, line 6, optimizer: "),
      ("lr: 1\noptimizer: {rate: 1}", "own.yml, line 6, 'lr': "),
      ("  x", "own.yml"), ("weight_decay: -1", "own.yml, line 6"),
    ])
  func lines(_ extra: String, _ place: String) throws {
    let found = try #require(Self.refusal([], of: Self.text + extra + "\n"))
    #expect(found.hasPrefix(place), "\(found)")
    // A setting elsewhere takes no blame for it.
    #expect(Self.refusal(["epochs=2"], of: Self.text + extra + "\n")?.hasPrefix(place) == true)
  }

  @Test(
    "what a recipe may not say, a command may not either",
    arguments: ["", "../x", "/tmp/x", "a/b", ".hidden", "-a", "A", "a b", "a\n", String(repeating: "a", count: 65)])
  func name(_ name: String) throws {
    let setting = RecipeSetting("name", name, isText: true, option: "--name")
    let error = #expect(throws: TrainError.self) { try Recipe(yaml: Self.text, settings: [setting]) }
    #expect(error?.code == .recipe && error?.place == "--name")
    let quoted = name.replacing("\n", with: "\\n")
    #expect(throws: TrainError.self) { try Recipe(yaml: Self.text.replacing("name: own", with: "name: \"\(quoted)\"")) }
  }

  @Test("an option's words are text, and its numbers whole")
  func options() throws {
    let all = [
      RecipeSetting("name", "10", isText: true, option: "--name"),
      RecipeSetting("seed", "\(UInt64.max)", option: "--seed"),
    ]
    let recipe = try Recipe(yaml: Self.text, settings: all)
    #expect(recipe.name == "10" && recipe.seed == .max)
    let again = try Recipe(yaml: recipe.text)
    #expect(again.name == "10" && again.seed == .max)
  }

  @Test("epochs have bounds", arguments: [0, -1, 100_001, .max, .min, 1 << 62])
  func epochs(_ epochs: Int) throws {
    let words = "--set epochs: expected a whole number from 1 to 100000, got \(epochs)"
    #expect(Self.refusal(["epochs=\(epochs)"]) == words)
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

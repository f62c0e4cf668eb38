import DitherBasics
import DitherReports
import Foundation
import Testing

@Suite("Model cards")
struct ModelCardTests {
  /// As huggingface_hub's own template begins.
  private static let text = """
    ---
    license: apache-2.0
    datasets:
    - mnist
    tags: [onnx, dither]
    model-index:
    - name: m
      results: []
    ---

    # m

    Words with --- in them.
    """

  @Test("facts and text are read, written, and kept in one JSON object")
  func reads() throws {
    let card = try ModelCard(markdown: Self.text, at: "m.card.md")
    #expect(card["license"] == .text("apache-2.0") && card["datasets"] == .list([.text("mnist")]))
    #expect(card.text == "# m\n\nWords with --- in them.")
    #expect(try ModelCard(markdown: card.markdown, at: "again") == card)
    let kept = try #require(ModelCard(json: card.json))
    // JSON has no order: the keys that programs read come first.
    #expect(kept.text == card.text && Set(kept.facts.map(\.key)) == Set(card.facts.map(\.key)))
    #expect(kept.facts.first?.key == "license" && kept["tags"] == card["tags"])
    #expect(kept.shown.map(\.words) == ["apache-2.0", "onnx, dither", "mnist"])
  }

  @Test("a text without facts, lines that end as Windows ends them, nothing at all")
  func plain() throws {
    #expect(try ModelCard(markdown: "# only\n", at: "a").facts.isEmpty)
    // Found by fuzzing: what is written is read as the same.
    #expect(try ModelCard(markdown: "\n\n# only\n---\n", at: "a").text == "# only\n---\n")
    #expect(try ModelCard(markdown: "a\r\r\nb", at: "a").text == "a\nb")
    #expect(try ModelCard(markdown: Self.text.replacing("\n", with: "\r\n"), at: "a")["license"] == .text("apache-2.0"))
    #expect(try ModelCard(markdown: "", at: "a") == ModelCard(facts: [], text: ""))
    #expect(try ModelCard(markdown: "---\n---\n", at: "a") == ModelCard(facts: [], text: ""))
    #expect(ModelCard(json: #"{"by": "me"}"#) == nil && ModelCard(json: "no JSON") == nil)
  }

  @Test(
    "cards that are refused, with the line",
    arguments: [
      ("---\nlicense: a\n", "'---'"), ("---\na: 1\na: 2\n---\n", "line 3"), ("---\n- a\n---\n", "keys with values"),
      ("---\nlicense: {a: b}\n---\n", "'license'"), ("---\ndatasets: 3\n---\n", "'datasets'"),
      ("---\ntags: [a, [b]]\n---\n", "'tags'"), ("---\npipeline_tag: [a]\n---\n", "a word"),
      ("---\na: 'x\n---\n", "YAML"),
    ])
  func refused(_ text: String, _ words: String) {
    #expect {
      _ = try ModelCard(markdown: text, at: "m.md")
    } throws: {
      "\($0)".contains(words) && "\($0)".contains("m.md")
    }
  }

  private static let record = """
    {"name":"m","summary":"Small.","data":"mnist","epochs":3,"seed":7,"training_examples":60,"recipe":"name: m\\ndata: mnist\\n",
    "test":{"accuracy":0.9876,"noisy_accuracy":0.988,"negative_log_likelihood":0.038},"digest":"sha256:00"}
    """

  @Test("a draft has what Hugging Face reads, and keeps the record")
  func draft() throws {
    var draft = CardDraft(name: "m", record: Self.record, inputShape: [1, 28, 28])
    draft.license = "mit"
    let card = try ModelCard(markdown: draft.card.markdown, at: "draft")
    #expect(card["license"] == .text("mit") && card["pipeline_tag"] == .text("image-classification"))
    #expect(card["datasets"] == .list([.text("mnist")]))
    #expect(card["metrics"] == .list([.text("accuracy"), .text("negative_log_likelihood")]))
    guard case .list(let index)? = card["model-index"], case .mapping(let first)? = index.first,
      case .list(let results)? = first["results"], case .mapping(let result)? = results.first,
      case .list(let metrics)? = result["metrics"], case .mapping(let own)? = card["dither"]
    else { throw CancellationError() }
    #expect(
      metrics.count == 3
        && metrics.contains {
          $0 == .mapping(["type": .text("accuracy"), "name": .text("accuracy"), "value": .number(0.9876)])
        })
    #expect(result["task"] == .mapping(["type": .text("image-classification")]))
    #expect(own["seed"] == .number(7) && own["recipe"] == .text("name: m\ndata: mnist\n"))
    #expect(card.text.contains("Epochs: 3.") && card.text.contains("| accuracy | 0.9876 |"))
    #expect(card.text.contains("## Limits") && card.text.contains("not measured"))
  }

  @Test("a table's card tells how the numbers of a row are made, a regression's what it is")
  func features() throws {
    var draft = CardDraft(
      name: "m", record: #"{"features": ["age, less 3, over 2", "town is A|B: 1, else 0"]}"#, inputShape: [2])
    draft.task = "gaussian_regression"
    #expect(draft.card.text.contains("| 1 | age, less 3, over 2 |\n| 2 | town is AB: 1, else 0 |"))
    #expect(draft.card["pipeline_tag"] == .text("tabular-regression"))
    #expect(!CardDraft(name: "m", record: "{}", inputShape: [2]).card.text.contains("## Inputs"))
  }

  @Test("numbers that no machine counts to are written, or left out")
  func extremes() throws {
    let card = CardDraft(name: "m", record: #"{"epochs": 1e30, "seed": -1e300, "parameters": 7}"#).card
    #expect(card.text.contains("Parameters: 7.") && card.text.contains("Epochs: 1000000000000000"))
    let report = Array(#"{"n": 1e300, "probes": []}"#.utf8)
    #expect(AuditFigures(id: "x", battery: "smoke", date: "2026-01-02", report: report)?.examples == 0)
  }

  @Test("a model of which nothing is known says so")
  func unknown() throws {
    let card = CardDraft(name: "m", record: "[1]", inputShape: [3]).card
    #expect(card["license"] == .text("unknown") && card["datasets"] == nil && card["model-index"] == nil)
    #expect(card.text.contains("Nothing is recorded") && card.text.contains("No license was stated."))
    #expect(try ModelCard(markdown: card.markdown, at: "a") == card)
    var regression = CardDraft(name: "m", inputShape: [3])
    regression.task = "regression"
    #expect(regression.card["pipeline_tag"] == .text("tabular-regression"))
  }

  @Test("an audit stands in it with its report's digest and what each attack left")
  func audit() throws {
    let report = Array(
      #"""
      {"data":"mnist:4","n":4,"probes":[{"probe":"pgd","kind":"attack","robust_accuracy":0.25,"interval":[0.1,0.5],
      "clean_accuracy":1,"parameters":{"norm":"linf","epsilon":0.1}},{"probe":"calibration","kind":"calibration"}]}
      """#.utf8)
    let figures = try #require(AuditFigures(id: "x-1", battery: "smoke", date: "2026-01-02", report: report))
    #expect(figures.digest == "sha256:\(Sha256.hash(report).hex)" && figures.clean == 1 && figures.examples == 4)
    #expect(figures.attacks == [.init(name: "pgd (linf, epsilon 0.1)", robust: 0.25, interval: [0.1, 0.5])])
    var draft = CardDraft(name: "m")
    draft.audit = figures
    let card = draft.card
    #expect(card.text.contains("| pgd (linf, epsilon 0.1) | 25.0 % | 10.0 % to 50.0 % |"), "\(card.text)")
    guard case .mapping(let own)? = card["dither"], case .mapping(let said)? = own["audit"] else {
      throw CancellationError()
    }
    #expect(said["report_digest"] == .text(figures.digest) && said["clean_accuracy"] == .number(1))
    #expect(AuditFigures(id: "", battery: "", date: "", report: Array("{}".utf8)) == nil)
  }
}

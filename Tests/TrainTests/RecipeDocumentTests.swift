import DitherTrain
import Foundation
import Testing

/// Recipes in `docs/recipes.md` and `docs/data.md` are such as a user may copy.
@Suite("Recipes of the document")
struct RecipeDocumentTests {
  /// Their YAML blocks; one without a name is a part of a recipe.
  static let blocks: [String] = ["recipes.md", "data.md"].flatMap { name in
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/\(name)")
    let text = (try? String(contentsOf: path, encoding: .utf8)) ?? ""
    return text.matches(of: /(?s)```yaml\n(.*?)```/).map { String($0.1) }
  }

  @Test("there are some")
  func present() { #expect(Self.blocks.count >= 3) }

  @Test("each is a recipe that is accepted; with a misspelled key it is not", arguments: blocks)
  func accepted(_ block: String) throws {
    let text = block.hasPrefix("name:") ? block : "name: part\ndata: iris\n" + block
    _ = try Recipe(yaml: text)
    let error = #expect(throws: TrainError.self) { try Recipe(yaml: text + "epohcs: 3\n") }
    #expect(error.map { "\($0)".contains("did you mean 'epochs'?") } == true)
  }
}

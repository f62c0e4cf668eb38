import DitherBasics
import DitherDatasets
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// Recipes with mistakes, drawn by a seed: none ends the process, and what is refused is refused at its place.
///
/// `DITHER_MUTATIONS` says how many of each recipe's are tried; `make test-recipes` tries 10 000 in all.
@Suite("Recipes with mistakes")
struct RecipeMutationTests {
  static let recipes = [
    """
    name: small-table
    summary: a network for a table
    data: own
    examples: 20
    validation: 6
    model: {kind: mlp, hidden: [6, 5], normalization: batch}
    task: classification
    objective: cross_entropy
    optimizer: {kind: sgd, rate: 0.05, momentum: 0.9, nesterov: true, decay: 0.0001, decay_weights_only: true}
    schedule: {kind: cosine, warmup: 0.05, final: 0.1}
    noise:
      - {site: input, sigma: 0.25, fraction: 0.5}
      - {site: weights, sigma: 0.03, scale: relative_to_layer, layers: "dense*", schedule: {kind: annealed, final: 0.5}}
      - {site: activations, distribution: dropout, rate: 0.2, draws: group of 4}
      - {site: after_normalization, distribution: salt_and_pepper, rate: 0.1}
    noise_schedule: {kind: reheats, period: 0.25}
    served_noise:
      - {site: weights, distribution: laplace, sigma: 0.03}
    strategies:
      - label_smoothing
      - {kind: mixup, alpha: 0.3, schedule: {kind: annealed}}
      - {kind: gradient_clipping, norm: 2}
    parameter_groups:
      - {parameters: "dense*", rate: 2, decay: 0.5}
    average: {kind: ema, decay: 0.99}
    epochs: 3
    batch: 8
    seed: 4
    patience: 2
    precision: float32
    """,
    """
    name: small-pictures
    data: own
    model:
      kind: resnet
      channels: [3, 4]
      blocks: 1
    lr: 0.01
    optimizer: {kind: adam, beta1: 0.8, epsilon: 1.0e-7}
    schedule: one_cycle
    augment:
      - {kind: flip, alternating: true}
      - {kind: shift, pixels: 2, padding: reflect}
      - cutout
      - {kind: randaugment, count: 1, magnitude: 4}
    resizing:
      from: 0.5
      until: 0.6
      steps: 2
    views: [{kind: shift, pixels: 1}, flip]
    noise:
      - site: input
        distribution: patch_gaussian
        sigma: 0.1
        size: 4
      - {site: weights, sigma: 0.05, learned: layer}
      - {site: gradients, sigma: 0.01, schedule: {kind: inverse, span: 10, power: 0.3}}
    strategies:
      - {kind: sam, rho: 0.1}
      - {kind: label_noise, rate: 0.2, to: other, fixed: true}
    posterior: {kind: snapshots, members: 2, after: 0.25}
    epochs: 4
    batch: 10
    """,
    """
    name: small-values
    data: own
    model: {kind: mlp, hidden: [5]}
    objective: gaussian_likelihood
    optimizer: {kind: ivon, rate: 0.1, hessian: 0.5, beta2: 0.999}
    schedule: {kind: steps, milestones: [0.4, 0.8], gamma: 0.2}
    strategies: [{kind: target_noise, sigma: 0.1}]
    validation: 5
    epochs: 2
    """,
  ]

  private static let labels = (0..<30).map { $0 % 2 }
  private static let table = Dataset(
    name: "own", inputs: Tensor.random([30, 4], seed: 1), labels: labels, classNames: ["a", "b"])
  private static let pictures = Dataset(
    name: "own", inputs: Tensor.random([30, 2, 8, 8], seed: 2, from: 0, to: 1), labels: labels, classNames: ["a", "b"])
  private static let values = Dataset(
    name: "own", inputs: Tensor.random([30, 4], seed: 3),
    targets: .values(Tensor.random([30, 1], seed: 4)), targetNames: ["a"])

  /// What stands in the place of a value.
  private static let strangers = [
    "-1", "0", "-0.0", "1", "2", "0.5", "1.5", "-3", "1e9", "4000000000", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "1e308", "-1e308", "1e-320", ".nan", ".inf", "-.inf", "null", "~", "", "true", "no", "''",
    "'0.1'", "abc", "[]", "[-3]", "[0]", "[1, 2, 3, 4, 5]", "[[1]]", "{}", "{kind: sgd}", "{kind: }",
    "{a: {b: {c: 1}}}",
    "[a, b]", "'\\0'", "\"\\u0007\"", "ü", "2026-01-01", "0x10", "1_000", "!!binary aGk=", "!!set {a}", "&x 1", "*x",
    "sam", "mlp", "weights", "cosine", "gaussian", "group of 0", "group of 99999999999", "batch",
  ]

  /// A recipe with one to three mistakes.
  static func mutated(_ text: String, _ chance: inout PhiloxGenerator) -> String {
    var text = text
    for _ in 0..<Int.random(in: 1...3, using: &chance) { mutate(&text, &chance) }
    return text
  }

  private static func mutate(_ text: inout String, _ chance: inout PhiloxGenerator) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let at = lines.indices.randomElement(using: &chance) else { return }
    let other = lines.indices.randomElement(using: &chance) ?? at
    switch Int.random(in: 0..<10, using: &chance) {
    case 0...3:
      // A word behind a key, a comma or a bracket becomes another.
      let places = lines[at].matches(of: /(?:: |, |\[|- )([^,{}\[\]:]+)/)
      guard let place = places.randomElement(using: &chance) else { return }
      lines[at].replaceSubrange(
        place.output.1.startIndex..<place.output.1.endIndex, with: strangers.randomElement(using: &chance) ?? "")
    case 4, 5:
      // A letter of a line is lost, doubled, or another.
      guard let letter = lines[at].indices.randomElement(using: &chance) else { return }
      let next = lines[at].index(after: letter)
      let words = ["", "\(lines[at][letter])\(lines[at][letter])", "x", ":", " ", "\t", "{", "]", "#", "'", "-", "%"]
      lines[at].replaceSubrange(letter..<next, with: words.randomElement(using: &chance) ?? "")
    case 6: lines.remove(at: at)
    case 7: lines.insert(lines[other], at: at)
    case 8: lines[at] = String(repeating: " ", count: Int.random(in: 0...6, using: &chance)) + lines[at]
    default:
      let from = recipes.randomElement(using: &chance)?.split(separator: "\n").map(String.init) ?? []
      lines[at] = from.randomElement(using: &chance) ?? ""
    }
    text = lines.joined(separator: "\n")
  }

  /// Where a refusal names neither a line nor a key that is absent; nil: it does.
  private static func vague(_ error: TrainError, of text: String) -> String? {
    let place = error.place
    guard place.hasPrefix("own.yml"), !error.expected.isEmpty, !error.got.isEmpty else { return "\(error)" }
    if place.contains(", line ") { return nil }
    // Of a key that is there twice the parser tells the line itself.
    if error.expected == "YAML", error.got.contains(/line \d+/) { return nil }
    // It is about the whole file, or about a key that is not in it.
    let key = place.firstMatch(of: /'([^']+)'/).map { String($0.output.1) } ?? ""
    let isThere = text.split(separator: "\n").contains { $0.hasPrefix("\(key):") }
    return place == "own.yml" || !isThere ? nil : "\(error)"
  }

  private static let count = (ProcessInfo.processInfo.environment["DITHER_MUTATIONS"].flatMap { Int($0) } ?? 500) / 3

  @Test("what is refused names file, line, key and what was expected; the rest is trained", arguments: recipes.indices)
  func mutations(_ number: Int) throws {
    let data = [Self.table, Self.pictures, Self.values][number]
    var chance = PhiloxGenerator(seed: 0x9EC1, stream: UInt64(number))
    var refused = 0, trained = 0, vague: [String] = []
    #expect(try Self.isTrained(Self.trainer(Self.recipes[number], data)))
    for _ in 0..<Self.count {
      let text = Self.mutated(Self.recipes[number], &chance)
      do {
        let trainer = try Self.trainer(text, data)
        if Self.isTrained(trainer) { trained += 1 }
      } catch let error as TrainError where error.code == .recipe {
        refused += 1
        if let found = Self.vague(error, of: text) { vague.append("\(found)\n\(text)\n") }
      } catch let error as any AnyFault {
        // It is about the data, or the network.
        refused += 1
        #expect(!error.expected.isEmpty && !error.got.isEmpty, "\(error)\n\(text)")
      } catch { Issue.record("\(error)\n\(text)") }
    }
    #expect(vague.isEmpty, "\(vague.count) of \(refused): \(vague.prefix(3).joined(separator: "\n"))")
    #expect(refused > Self.count / 4 && trained > 0, "\(refused) refused, \(trained) trained")
  }

  private static func trainer(_ text: String, _ data: Dataset) throws -> Trainer {
    let recipe = try Recipe(yaml: text, at: "own.yml")
    return try recipe.locating { try Trainer(recipe, data: data, threads: 1) }
  }

  /// Whether a step of it goes well; what a step finds is a fault with words, or the test ends.
  private static func isTrained(_ trainer: Trainer) -> Bool {
    var steps = 0
    do {
      try trainer.run(shouldStop: {
        defer { steps += 1 }
        return steps == 1
      })
      return true
    } catch let fault as any AnyFault {
      #expect(!fault.expected.isEmpty && !fault.got.isEmpty, "\(fault)")
    } catch { Issue.record("\(error)") }
    return false
  }
}

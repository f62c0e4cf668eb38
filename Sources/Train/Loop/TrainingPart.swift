import DitherBasics
import DitherDatasets
import DitherTensor

/// The rows that a run trains on, and those that it holds out.
package struct TrainingPart: Sendable {
  /// The rows that steps are made of.
  package let examples: Dataset
  /// The last rows of a fixed shuffle: the same for every seed, so that seeds are compared on one split.
  package let validation: Dataset?
  /// Whether it is all of the set's training part.
  var isWhole: Bool { examples.count == total }
  private let total: Int

  /// - Throws: where the recipe asks for more rows than there are.
  package init(_ recipe: Recipe, _ data: Dataset) throws(TrainError) {
    guard recipe.validation < data.count else {
      throw TrainError(
        .data, at: "recipe, 'validation'", expected: "fewer rows than the \(data.count) of \(recipe.data)",
        got: "\(recipe.validation)")
    }
    total = data.count
    var order = Array(0..<data.count), generator = PhiloxGenerator(seed: 0, stream: 0x5911)
    if recipe.validation > 0 { order.shuffle(using: &generator) }
    validation = recipe.validation > 0 ? data.rows(order.suffix(recipe.validation).sorted()) : nil
    let rest = recipe.validation > 0 ? order.dropLast(recipe.validation).sorted() : order
    guard let wanted = recipe.examples else {
      examples = recipe.validation > 0 ? data.rows(rest) : data
      return
    }
    guard wanted <= rest.count else {
      throw TrainError(
        .data, at: "recipe, 'examples'",
        expected: "1 to \(rest.count), the training rows of \(recipe.data)"
          + (recipe.validation > 0 ? " without the \(recipe.validation) of validation" : ""),
        got: "\(wanted)")
    }
    // Gathered once: some rows of a large set cost no copy of the others.
    examples = data.rows(Self.rows(wanted, of: data.targets.rows(rest), seed: recipe.seed).map { rest[$0] })
  }

  /// Rows drawn by the seed, of each class as many as its share of all, by the method of largest remainders. Of values
  /// any.
  private static func rows(_ wanted: Int, of targets: Targets, seed: UInt64) -> [Int] {
    var order = Array(0..<targets.count), generator = PhiloxGenerator(seed: mixSeed(seed, 0x5AB5E7), stream: 0)
    order.shuffle(using: &generator)
    guard case .classes(let labels, let count) = targets else { return order.prefix(wanted).sorted() }
    var sizes = [Int](repeating: 0, count: count)
    for label in labels { sizes[label] += 1 }
    var quotas = sizes.map { $0 * wanted / max(labels.count, 1) }
    let byRemainder = sizes.indices.sorted {
      let (a, b) = (sizes[$0] * wanted % max(labels.count, 1), sizes[$1] * wanted % max(labels.count, 1))
      return a == b ? $0 < $1 : a > b
    }
    for label in byRemainder.prefix(wanted - quotas.reduce(0, +)) { quotas[label] += 1 }
    return order.filter { row in
      quotas[labels[row]] -= 1
      return quotas[labels[row]] >= 0
    }.sorted()
  }
}

import DitherBasics
import DitherTensor

/// The features of a table: between which bounds each may lie, and which of them an attacker leaves as they are.
public struct Features: Sendable, Codable, Equatable {
  /// In units of the table, one for each feature.
  public var low: [Float]
  /// In units of the table, one for each feature.
  public var high: [Float]
  /// By number, from 0 on: each example keeps its own value, as it does where the bounds are one.
  public var fixed: Set<Int>

  /// - Parameter fixed: features that attacks leave, by number.
  public init(low: [Float], high: [Float], fixed: Set<Int> = []) {
    self.low = low
    self.high = high
    self.fixed = fixed
  }

  /// From the least to the largest value of each feature; those of at most two values are fixed: what a word became, a
  /// yes or a no.
  /// - Parameter inputs: [N, features].
  public init(of inputs: Tensor) {
    let width = inputs.rowLength
    var values = [Set<Float>](repeating: [], count: width)
    (low, high, fixed) = (
      [Float](repeating: .infinity, count: width), [Float](repeating: -.infinity, count: width), []
    )
    for row in 0..<inputs.rowCount {
      for (i, value) in inputs.row(row).enumerated() {
        low[i] = min(low[i], value)
        high[i] = max(high[i], value)
        if values[i].count < 3 { values[i].insert(value) }
      }
    }
    for i in 0..<width where values[i].count < 3 { fixed.insert(i) }
  }

  private enum CodingKeys: String, CodingKey, CaseIterable { case low, high, fixed }

  /// As a file has it: `{"low": […], "high": […], "fixed": […]}`.
  /// - Throws: for unknown keys too: a misspelled `fixed` would leave every feature to the attacker.
  public init(from decoder: any Decoder) throws {
    try decoder.requireKeys(of: "features", among: CodingKeys.allCases.map(\.rawValue))
    let container = try decoder.container(keyedBy: CodingKeys.self)
    low = try container.decode([Float].self, forKey: .low)
    high = try container.decode([Float].self, forKey: .high)
    fixed = try container.decodeIfPresent(Set<Int>.self, forKey: .fixed) ?? []
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(low, forKey: .low)
    try container.encode(high, forKey: .high)
    try container.encode(fixed.sorted(), forKey: .fixed)
  }

  /// Features.
  public var count: Int { low.count }
  /// Features that an attack may change.
  public var free: [Int] { low.indices.filter { !fixed.contains($0) && low[$0] < high[$0] } }

  /// - Throws: when there are not so many, or a bound is none, or an example lies outside of them.
  func check(_ inputs: Tensor, first: Int) throws(RobustnessError) {
    func refuse(_ place: String, _ expected: String, _ got: String) -> RobustnessError {
      RobustnessError(.data, at: place, expected: expected, got: got)
    }
    let width = inputs.rowLength
    guard low.count == width, high.count == width, fixed.allSatisfy({ (0..<width).contains($0) }) else {
      throw refuse(
        "features", "bounds for \(width) features, and fixed ones from 0 to \(width - 1)",
        "\(low.count) and \(high.count) bounds, fixed \(fixed.sorted().prefix(8))")
    }
    for i in 0..<width where !(low[i] <= high[i] && low[i].isFinite && (high[i] - low[i]).isFinite) {
      throw refuse(
        "feature \(i)", "finite bounds, the lower one first, and a finite number between them",
        "\(low[i]) and \(high[i])")
    }
    for row in 0..<inputs.rowCount {
      for (i, value) in inputs.row(row).enumerated() where !(low[i]...high[i]).contains(value) {
        throw refuse("example \(first + row), feature \(i)", "a number from \(low[i]) to \(high[i])", "\(value)")
      }
    }
  }
}

/// The coordinates in which attacks on a table work: of each example its free features, from 0 at the lower bound to 1
/// at the upper one. A radius is so a share of every feature's range.
struct AttackSpace: Sendable {
  private let features: Features
  private let free: [Int]
  /// By identity: the examples as they are.
  private let examples: [UInt64: ArraySlice<Float>]
  private let shape: Shape

  init(_ features: Features, _ inputs: Tensor, identities: [UInt64]) {
    self.features = features
    free = features.free
    shape = inputs.shape.row
    var examples: [UInt64: ArraySlice<Float>] = [:]
    for (row, identity) in identities.enumerated() { examples[identity] = inputs.row(row) }
    self.examples = examples
  }

  private func unit(_ value: Float, _ feature: Int) -> Float {
    let low = features.low[feature], range = features.high[feature] - low
    return min(max((value - low) / range, 0), 1)
  }

  /// [B, 1, free features]: a picture of one line, so that nobody takes its columns for pixels of a square.
  func units(_ inputs: Tensor) -> Tensor {
    var numbers: [Float] = []
    numbers.reserveCapacity(inputs.rowCount * free.count)
    for row in 0..<inputs.rowCount {
      let values = inputs.row(row), start = values.startIndex
      for i in free { numbers.append(unit(values[start + i], i)) }
    }
    return Tensor([inputs.rowCount, 1, free.count], numbers)
  }

  /// As the model takes them. Where nothing was changed the examples' own numbers come back, to the last bit.
  func inputs(_ units: Tensor, identities: [UInt64]) -> Tensor {
    var numbers: [Float] = []
    numbers.reserveCapacity(units.rowCount * shape.count)
    for (row, identity) in identities.enumerated() {
      guard let example = examples[identity] else { preconditionFailure("an example of this batch") }
      var values = Array(example)
      for (unit, i) in zip(units.row(row), free) {
        let before = self.unit(values[i], i)
        guard unit != before else { continue }
        let low = features.low[i], high = features.high[i]
        values[i] = min(max(values[i] + (unit - before) * (high - low), low), high)
      }
      numbers += values
    }
    return Tensor(Shape([identities.count] + shape.dimensions), numbers)
  }

  /// The derivatives for units, from those for what the model takes.
  func gradient(_ gradient: Tensor) -> Tensor {
    var numbers: [Float] = []
    for row in 0..<gradient.rowCount {
      let values = gradient.row(row), start = values.startIndex
      for i in free { numbers.append(values[start + i] * (features.high[i] - features.low[i])) }
    }
    return Tensor([gradient.rowCount, 1, free.count], numbers)
  }
}

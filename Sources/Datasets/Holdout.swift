import DitherTensor

/// The rows of a set that are its test part, where its publisher has not said: every fifth of a fixed shuffle.
struct Holdout {
  private(set) var train: [Int] = []
  private(set) var test: [Int] = []

  init(count: Int) {
    var order = Array(0..<count), generator = PhiloxGenerator(seed: 0)
    order.shuffle(using: &generator)
    take(order)
  }

  /// The rows that were published as the test part; all others, in their order, are the training part.
  init(test: [Int], count: Int) {
    let chosen = Set(test)
    self.test = test
    train = (0..<count).filter { !chosen.contains($0) }
  }

  /// The same with of each class its share.
  init(labels: [Int], classes: Int) {
    var order = Array(labels.indices), generator = PhiloxGenerator(seed: 0)
    order.shuffle(using: &generator)
    var seen = [Int](repeating: 0, count: classes)
    for row in order {
      if seen[labels[row]] % 5 == 0 { test.append(row) } else { train.append(row) }
      seen[labels[row]] += 1
    }
  }

  private mutating func take(_ order: [Int]) {
    for (at, row) in order.enumerated() {
      if at % 5 == 0 { test.append(row) } else { train.append(row) }
    }
  }

  func rows(_ split: Split) -> [Int] { split == .train ? train : test }
}

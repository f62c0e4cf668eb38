import DitherTensor

/// The percentile bootstrap: what a measure would be on other examples of the same kind, from examples drawn anew, with
/// replacement, out of those that there are. Source: Efron 1979, Annals of Statistics 7; Efron and Tibshirani 1993, An
/// Introduction to the Bootstrap, 13.3. It speaks of the examples' chance only, neither of a random model's draws nor
/// of the bias of a measure: calibration errors over bins are larger on small samples, so the lower end may lie above
/// the error itself.
///
/// The draws depend on the numbers of examples alone: the same examples give the same intervals.
package struct Bootstrap {
  /// How many times the examples are drawn anew.
  let resamples: Int
  /// Sizes of the groups: groups are drawn apart and keep their sizes.
  private let sizes: [Int]

  /// For measures whose cost grows with the examples: 200 resamples, 100 of more than 2000 examples.
  package init(_ sizes: [Int]) { self.init(sizes, resamples: sizes.reduce(0, +) > 2000 ? 100 : 200) }

  package init(_ sizes: [Int], resamples: Int) {
    self.sizes = sizes
    self.resamples = resamples
  }

  /// - Parameter measure: of a resample, several numbers at once. It is given of each group the places of the drawn
  ///   examples in rising order, each as often as it was drawn: what was sorted stays so.
  /// - Returns: from the 2.5 % to the 97.5 % quantile of each number, over the resamples in which it is finite; nil
  ///   where it is in none, or where a group is empty.
  package func intervals(_ measure: ([[Int]]) -> [Double]) -> [Interval?] {
    var found: [[Double]] = [], generator = PhiloxGenerator(seed: 0x626F_6F74)
    guard sizes.allSatisfy({ $0 > 0 }) else { return measure(sizes.map { Array(0..<$0) }).map { _ in nil } }
    for _ in 0..<resamples { found.append(measure(sizes.map { Self.places($0, &generator) })) }
    return (found.first ?? []).indices.map { number in
      let values = found.map { $0[number] }.filter(\.isFinite).sorted()
      return values.isEmpty
        ? nil : Interval(low: Self.quantile(values, 0.025), high: Self.quantile(values, 0.975))
    }
  }

  /// The interval for one group and one number.
  package func interval(_ measure: ([Int]) -> Double) -> Interval? { intervals { [measure($0[0])] }[0] }

  private static func places(_ size: Int, _ generator: inout PhiloxGenerator) -> [Int] {
    var counts = [Int32](repeating: 0, count: size)
    for _ in 0..<size { counts[Int(generator.next().multipliedFullWidth(by: UInt64(size)).high)] += 1 }
    var places: [Int] = []
    places.reserveCapacity(size)
    for (place, count) in counts.enumerated() { for _ in 0..<count { places.append(place) } }
    return places
  }

  /// Between neighbors in proportion (Hyndman and Fan 1996, type 7).
  private static func quantile(_ rising: [Double], _ q: Double) -> Double {
    let place = q * Double(rising.count - 1), below = Int(place), above = min(below + 1, rising.count - 1)
    return rising[below] + (place - Double(below)) * (rising[above] - rising[below])
  }
}

extension Summary {
  /// - Parameter interval: nil where none is known.
  mutating func add(_ name: String, _ value: Double, _ interval: Interval?, n: Int? = nil, _ meaning: String) {
    if let interval { add(name, value, interval, n: n, meaning) } else { add(name, value, n: n, meaning) }
  }
}

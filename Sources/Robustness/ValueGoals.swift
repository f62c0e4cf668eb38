import DitherTensor

/// The true values of a batch, as an oracle compares a regression's outputs with them.
struct ValueGoals {
  /// [B, D].
  let values: Tensor
  /// [D]: the units of errors.
  let scales: [Double]
  /// [B, D]: 1 or −1: the sides of the true values to which a search leads; nil: losses are squares.
  let sides: Tensor?

  /// - Returns: nil where the criteria are about classes.
  init?(_ criteria: [Criterion]) {
    let known = criteria.compactMap(\.values)
    guard let first = known.first, known.count == criteria.count else { return nil }
    values = Tensor([known.count, first.values.count], known.flatMap(\.values))
    scales = first.tolerance
    let sides = known.compactMap(\.sides)
    self.sides = sides.count == known.count ? Tensor(values.shape, sides.flatMap { $0 }) : nil
  }

  /// The values among the numbers of each row, [rows, D].
  /// - Parameter outputs: [rows, outputWidth]; of a Gaussian the values come first.
  func means(_ outputs: Tensor) -> Tensor {
    let width = scales.count
    guard outputs.rowLength != width else { return outputs }
    return Tensor(
      [outputs.rowCount, width],
      (0..<outputs.rowCount).flatMap { outputs.row($0).prefix(width) })
  }

  /// [B]: the mean over the values, and over the draws, of the squares of their errors, or of the errors to the sides,
  /// in units of their scales.
  /// - Parameter outputs: [B, outputWidth], or [draws, B, outputWidth].
  func losses(_ outputs: Tensor) -> [Float] {
    let count = values.rowCount, width = outputs.shape.dimensions.last ?? 1
    let all = outputs.reshaped([outputs.count / max(width, 1), width]), draws = max(all.rowCount / max(count, 1), 1)
    var sums = [Double](repeating: 0, count: count)
    for place in 0..<all.rowCount {
      let z = all.row(place), target = values.row(place % count), side = sides?.row(place % count)
      for (i, scale) in scales.enumerated() {
        let error = (Double(z[z.startIndex + i]) - Double(target[target.startIndex + i])) / scale
        sums[place % count] += side.map { Double($0[$0.startIndex + i]) * error } ?? error * error
      }
    }
    return sums.map { Float($0 / Double(scales.count * draws)) }
  }
}

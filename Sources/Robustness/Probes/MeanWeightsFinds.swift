import DitherTensor
import Synchronization

/// Finds of an attack on a random model on its mean weights, which it tries too. The control with the noise off is the
/// same attack on the same weights: for these examples it has been made.
final class MeanWeightsFinds: Sendable {
  private let found = Mutex<(identities: [UInt64], result: AttackResult)?>(nil)

  func keep(_ result: AttackResult, of examples: Examples) {
    found.withLock { $0 = (examples.identities, result) }
  }

  /// Results for the examples that it has been made for; the others go through `search`.
  func result(for examples: Examples, or search: (Examples) throws -> AttackResult) rethrows -> AttackResult {
    guard let known = found.withLock({ $0 }) else { return try search(examples) }
    let places = Dictionary(zip(known.identities, 0...)) { first, _ in first }
    var result = AttackResult(
      points: examples.inputs, distances: [Double](repeating: .infinity, count: examples.count), trace: [])
    func take(_ row: Int, from other: AttackResult, _ place: Int) {
      result.points.replaceRow(row, with: other.points.row(place))
      result.distances[row] = other.distances[place]
    }
    var left: [Int] = []
    for (row, identity) in examples.identities.enumerated() {
      if let place = places[identity] { take(row, from: known.result, place) } else { left.append(row) }
    }
    if !left.isEmpty {
      let rest = try search(examples.rows(at: left))
      for (place, row) in left.enumerated() { take(row, from: rest, place) }
    }
    return result
  }
}

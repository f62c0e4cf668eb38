import DitherTensor
import Foundation

/// A cloud by diamond and square: Fournier, Fussell and Carpenter 1982, Communications of the ACM 25. Wraps round at
/// its edges.
enum Plasma {
  /// - Parameters:
  ///   - side: a power of two.
  ///   - decay: what the chance is divided by from level to level.
  /// - Returns: [side · side], from 0 to 1.
  static func field(side: Int, decay: Double, at address: NoiseAddress) -> [Double] {
    var map = [Double](repeating: 0, count: side * side), step = side, wibble = 100.0
    let chance = address.uniforms(2 * side * side)
    var next = 0
    func shaken(_ sum: Double) -> Double {
      defer { next += 1 }
      return sum / 4 + wibble * wibble * (2 * Double(chance[next % chance.count]) - 1)
    }
    func at(_ y: Int, _ x: Int) -> Int { (y + side) % side * side + (x + side) % side }
    while step >= 2 {
      let half = step / 2
      for y in stride(from: 0, to: side, by: step) {
        for x in stride(from: 0, to: side, by: step) {
          map[at(y + half, x + half)] = shaken(
            map[at(y, x)] + map[at(y + step, x)] + map[at(y, x + step)] + map[at(y + step, x + step)])
        }
      }
      for y in stride(from: 0, to: side, by: step) {
        for x in stride(from: 0, to: side, by: step) {
          // The points above and left of each square's middle.
          map[at(y, x + half)] = shaken(
            map[at(y, x)] + map[at(y, x + step)] + map[at(y + half, x + half)] + map[at(y - half, x + half)])
          map[at(y + half, x)] = shaken(
            map[at(y, x)] + map[at(y + step, x)] + map[at(y + half, x + half)] + map[at(y + half, x - half)])
        }
      }
      step = half
      wibble /= decay
    }
    let low = map.min() ?? 0, span = max((map.max() ?? 1) - low, .leastNormalMagnitude)
    return map.map { ($0 - low) / span }
  }
}

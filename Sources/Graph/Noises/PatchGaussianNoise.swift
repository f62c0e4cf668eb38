import DitherBasics
import DitherTensor

/// N(0, 1) within a square patch of `size` pixels a side around a pixel drawn uniformly, which may reach over the edge,
/// and 0 outside. The channels have draws of their own in the same patch. A value of one axis has a patch of `size`
/// elements. Source: Lopes et al. 2019, Patch Gaussian, arXiv 1906.02611; unlike there, results are not clipped.
struct PatchGaussianNoise: AddedNoise {
  static let name = "patch_gaussian"
  /// From 1.
  var size = 8

  /// A corner of a plane of 64 pixels a side is in the patch as seldom; of larger ones even less.
  var rarerProbability: Double? {
    let share = min(Double((size + 1) / 2) / 64, 0.5)
    return share * share
  }

  func validate() throws(GraphError) {
    guard (1...65_536).contains(size) else {
      throw GraphError(.noise, at: "noise '\(Self.name)'", expected: "a size from 1 to 65536", got: "\(size)")
    }
  }

  func deviation(of shape: Shape) -> Double {
    let plane = Plane(shape, count: shape.count)
    func share(_ length: Int) -> Double {
      let covered = (0..<length).reduce(0) { sum, center in sum + self.range(around: center, of: length).count }
      return Double(covered) / Double(max(length * length, 1))
    }
    return (share(plane.width) * (plane.height > 1 ? share(plane.height) : 1)).squareRoot()
  }

  private func range(around center: Int, of length: Int) -> Range<Int> {
    let first = center - (size - 1) / 2
    return max(first, 0)..<min(first + size, length)
  }

  func fill(_ out: UnsafeMutableBufferPointer<Float>, of shape: Shape, at address: NoiseAddress) {
    let plane = Plane(shape, count: out.count)
    func center(_ axis: Int, _ length: Int) -> Int { min(Int(address.choice(axis) * Float(length)), length - 1) }
    let columns = range(around: center(1, plane.width), of: plane.width)
    let rows = plane.height > 1 ? range(around: center(2, plane.height), of: plane.height) : 0..<1
    address.normals(out)
    for number in 0..<plane.count {
      for y in 0..<plane.height {
        for x in 0..<plane.width where !(rows.contains(y) && columns.contains(x)) {
          out[(number * plane.height + y) * plane.width + x] = 0
        }
      }
    }
  }
}

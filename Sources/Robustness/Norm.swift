import DitherTensor
import Foundation

/// How the length of a perturbation is measured, and what follows from it. Lengths are summed in double precision: the
/// squares of small gradients are not floats.
public enum Norm: String, Codable, Sendable, CaseIterable {
  /// The largest |v_i|.
  case linf
  /// √Σ v_i².
  case l2
  /// Σ |v_i|.
  case l1

  /// As the field writes it: `L∞`.
  public var title: String {
    switch self {
    case .linf: "L∞"
    case .l2: "L2"
    case .l1: "L1"
    }
  }

  /// The length of a vector; 0 for an empty one.
  public func length(_ v: UnsafeBufferPointer<Float>) -> Double {
    switch self {
    case .linf: v.reduce(0) { max($0, abs(Double($1))) }
    case .l2: v.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    case .l1: v.reduce(0) { $0 + abs(Double($1)) }
    }
  }

  /// The length of the difference of two rows; infinite where it has none.
  func distance(_ a: Tensor, _ rowOfA: Int, _ b: Tensor, _ rowOfB: Int) -> Double {
    let length = a.rowLength
    let result = a.elements.withUnsafeBufferPointer { a in
      b.elements.withUnsafeBufferPointer { b in
        distance(
          UnsafeBufferPointer(rebasing: a[rowOfA * length..<(rowOfA + 1) * length]),
          UnsafeBufferPointer(rebasing: b[rowOfB * length..<(rowOfB + 1) * length]))
      }
    }
    return result.isNaN ? .infinity : result
  }

  private func distance(_ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>) -> Double {
    // Eight sums side by side, on every CPU alike; a difference that is not a number stays one in them.
    typealias Lanes = SIMD8<Double>
    @inline(__always) func add(_ sum: Lanes, _ difference: Lanes) -> Lanes {
      let magnitudes = difference.replacing(with: -difference, where: difference .< 0)
      return switch self {
      case .linf: sum.replacing(with: magnitudes, where: (magnitudes .> sum) .| (magnitudes .!= magnitudes))
      case .l2: sum + difference * difference
      case .l1: sum + magnitudes
      }
    }
    var sums = Lanes.zero, i = 0
    while i + Lanes.scalarCount <= a.count {
      let x = UnsafeRawBufferPointer(a).loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self)
      let y = UnsafeRawBufferPointer(b).loadUnaligned(fromByteOffset: i * 4, as: SIMD8<Float>.self)
      sums = add(sums, Lanes(x) - Lanes(y))
      i += Lanes.scalarCount
    }
    var rest = Lanes.zero
    for (lane, at) in (i..<a.count).enumerated() { rest[lane] = Double(a[at]) - Double(b[at]) }
    sums = add(sums, rest)
    switch self {
    case .linf: return sums.indices.reduce(0) { sums[$1] > $0 || sums[$1].isNaN ? sums[$1] : $0 }
    case .l2: return sums.sum().squareRoot()
    case .l1: return sums.sum()
    }
  }

  /// A radius within which any point of the unit cube reaches any other.
  public func diameter(dimensions: Int) -> Double {
    switch self {
    case .linf: 1
    case .l2: Double(dimensions).squareRoot()
    case .l1: Double(dimensions)
    }
  }

  /// Replaces a vector by the nearest (in l2) of at most this length.
  func shorten(_ v: UnsafeMutableBufferPointer<Float>, to radius: Double) {
    switch self {
    case .linf:
      let bound = Float(radius)
      for i in v.indices { v[i] = min(max(v[i], -bound), bound) }
    case .l2:
      let length = length(UnsafeBufferPointer(v))
      guard length > radius else { return }
      let factor = radius / length
      for i in v.indices { v[i] = Float(Double(v[i]) * factor) }
    case .l1:
      guard length(UnsafeBufferPointer(v)) > radius else { return }
      let cut = softThreshold(UnsafeBufferPointer(v), radius: radius)
      for i in v.indices { v[i] = Float(max(abs(Double(v[i])) - cut, 0)) * (v[i] < 0 ? -1 : 1) }
    }
  }

  /// Replaces a perturbation of `clean` by the nearest (in l2) of at most this l1 length that stays in [0, 1]. Every
  /// coordinate is shortened by the same amount, and ends at its side of the box at the latest: shortened first and cut
  /// off then, it would be too short. Croce and Hein 2021, arXiv 2103.01208, proposition 2.1.
  func shortenInBox(
    _ v: UnsafeMutableBufferPointer<Float>, from clean: UnsafeBufferPointer<Float>, to radius: Double
  ) {
    func room(_ i: Int) -> Double { Double(v[i] > 0 ? 1 - clean[i] : clean[i]) }
    func put(_ cut: Double) {
      for i in v.indices { v[i] = Float(min(max(abs(Double(v[i])) - cut, 0), room(i))) * (v[i] < 0 ? -1 : 1) }
    }
    let length = v.indices.reduce(0.0) { $0 + min(abs(Double(v[$1])), room($1)) }
    guard length > radius else { return put(0) }
    // As the cut falls from above all of them, a coordinate grows from |v| on, until it stands at its side.
    var turns: [(cut: Double, slope: Double)] = []
    turns.reserveCapacity(2 * v.count)
    for i in v.indices where v[i] != 0 && room(i) > 0 {
      let magnitude = abs(Double(v[i]))
      turns.append((magnitude, 1))
      turns.append((magnitude - room(i), -1))
    }
    turns.sort { $0.cut > $1.cut }
    var sum = 0.0, slope = 0.0, at = turns.first?.cut ?? 0
    for turn in turns {
      let next = max(turn.cut, 0), grown = sum + slope * (at - next)
      if grown >= radius { break }
      (sum, at) = (grown, next)
      slope += turn.slope
    }
    put(slope > 0 ? max(at - (radius - sum) / slope, 0) : at)
  }

  /// Projection on the l1 ball takes the same amount off every coordinate. Duchi et al., ICML 2008, figure 1.
  private func softThreshold(_ v: UnsafeBufferPointer<Float>, radius: Double) -> Double {
    var sum = 0.0, cut = 0.0
    for (rank, magnitude) in v.map({ abs(Double($0)) }).sorted(by: >).enumerated() {
      sum += magnitude
      let candidate = (sum - radius) / Double(rank + 1)
      guard magnitude >= candidate else { break }
      cut = candidate
    }
    return cut
  }

  /// Replaces a gradient by the step of this length that climbs most; a gradient of zeros stays one.
  ///
  /// For l1 the step is spread evenly over the one per cent of coordinates with the largest derivatives, as the
  /// steepest step would change a single pixel (SLIDE: Tramèr and Boneh 2019, arXiv 1904.13000, algorithm 1).
  /// - Parameter point: from where the step is made, if it is.
  func steepen(
    _ gradient: UnsafeMutableBufferPointer<Float>, to length: Double, from point: UnsafeBufferPointer<Float>? = nil
  ) {
    switch self {
    case .linf:
      let step = Float(length)
      for i in gradient.indices { gradient[i] = gradient[i] > 0 ? step : gradient[i] < 0 ? -step : 0 }
    case .l2:
      let norm = self.length(UnsafeBufferPointer(gradient))
      let factor = norm > 0 ? length / norm : 0
      for i in gradient.indices { gradient[i] = Float(Double(gradient[i]) * factor) }
    case .l1:
      spread(gradient, to: length, over: max(gradient.count / 100, 1), from: point)
    }
  }

  /// A step of this l1 length, spread evenly over so many coordinates with the largest derivatives. Those that stand at
  /// the side of [0, 1] to which the step would go are left out, as in SLIDE's code: nothing is to be gained from them.
  /// - Parameter point: from where the step is made, if it is.
  func spread(
    _ gradient: UnsafeMutableBufferPointer<Float>, to length: Double, over most: Int,
    from point: UnsafeBufferPointer<Float>?
  ) {
    func isOpen(_ i: Int) -> Bool { point.map { gradient[i] > 0 ? $0[i] < 1 : $0[i] > 0 } ?? true }
    let chosen = gradient.indices.filter { gradient[$0] != 0 && gradient[$0].isFinite && isOpen($0) }
      .sorted { (-abs(gradient[$0]), $0) < (-abs(gradient[$1]), $1) }.prefix(most)
    let signs = chosen.map { ($0, gradient[$0] > 0 ? 1 : -1) }
    gradient.update(repeating: 0)
    for (i, sign) in signs { gradient[i] = Float(Double(sign) * length / Double(signs.count)) }
  }

  /// A point drawn uniformly from the ball of this radius around 0.
  func fillUniformly(_ out: UnsafeMutableBufferPointer<Float>, radius: Double, at address: NoiseAddress) {
    // The radius of a uniform point: u^(1/d), from an address of its own.
    let sizeAddress = NoiseAddress(seed: address.seed, site: address.site ^ 0x8000_0000, sample: address.sample)
    switch self {
    case .linf:
      address.uniforms(out)
      for i in out.indices { out[i] = Float(radius) * (2 * out[i] - 1) }
    case .l2:
      address.normals(out)
      let size = radius * pow(Double(sizeAddress.uniform(0)), 1 / Double(max(out.count, 1)))
      steepen(out, to: size)
    case .l1:
      // Exponentials, one more than there are coordinates, over their sum: uniform on the simplex's interior.
      address.uniforms(out)
      var sum = -log(Double(sizeAddress.uniform(0)))
      for u in out { sum += -log(Double(abs(2 * u - 1)) + .leastNormalMagnitude) }
      for i in out.indices {
        let sign: Double = out[i] < 0.5 ? -1 : 1
        out[i] = Float(sign * radius * -log(Double(abs(2 * out[i] - 1)) + .leastNormalMagnitude) / sum)
      }
    }
  }
}

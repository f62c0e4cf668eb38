import DitherTensor

/// The normals of a layer's last draw. Antithetic draws need them again with the other sign, and runs of one draw on
/// several batches of rows as they are.
final class LastNormals {
  /// Made when it is asked for: terms of other distributions never do.
  private lazy var values = AlignedBuffer(floats: count)
  private let count: Int
  private var address: NoiseAddress?

  init(count: Int) { self.count = count }

  func at(_ wanted: NoiseAddress) -> UnsafePointer<Float> {
    let floats = UnsafeMutableBufferPointer(rebasing: values.bytes.bindMemory(to: Float.self)[..<count])
    if address != wanted {
      wanted.normals(floats)
      address = wanted
    }
    return UnsafePointer(values.base.assumingMemoryBound(to: Float.self))
  }
}

/// Where a term's draw lies, and how it enters.
struct TermDraw {
  let address: NoiseAddress
  /// −1 for the second of an antithetic pair.
  let sign: Float
  /// Its schedule's factor.
  let strength: Float
}

/// Draws of a layer's weights, or of a gradient: term by term.
struct WeightDraws: Sendable {
  var terms: [PlacedTerm]
  /// The standard deviation of the weights, for terms relative to it; nil: that of the weights at hand.
  var layerDeviation: Float?

  /// Whether a weight's noise depends on the weight, so that the gradient sees it.
  var hasSlope: Bool { terms.contains { $0.term.combination != .adds || $0.term.scale == .relative } }

  /// One draw.
  /// - Parameters:
  ///   - to: another place than `w`.
  ///   - scale: a factor for each of `channels` equal parts of what is absolute; nil: 1.
  ///   - slope: where the derivative of each result for its weight goes.
  ///   - last: for each term, or empty.
  ///   - draw: where a term's draw lies.
  func draw(
    _ to: UnsafeMutablePointer<Float>, from w: UnsafePointer<Float>, shape: Shape, channels: Int,
    scale: UnsafePointer<Float>?, slope: UnsafeMutablePointer<Float>? = nil, last: [LastNormals] = [],
    at draw: (PlacedTerm) -> TermDraw
  ) {
    slope?.update(repeating: 1, count: shape.count)
    for (index, placed) in terms.enumerated() {
      let found = draw(placed), base = index == 0 ? w : UnsafePointer(to)
      if placed.term.isGaussian && placed.term.scale != .relative && placed.factors == nil {
        addNormals(
          sigma(placed.term, found, w, shape.count), to: base, into: to, count: shape.count, channels: channels,
          scale: scale, found.address, last.isEmpty ? nil : last[index])
      } else {
        apply(placed, found, to, base, from: w, shape, channels, scale, slope)
      }
    }
  }

  private func sigma(_ term: NoiseTerm, _ draw: TermDraw, _ w: UnsafePointer<Float>, _ count: Int) -> Float {
    let sigma = draw.sign * draw.strength * (term.sigma ?? 0)
    return term.scale == .relativeToLayer ? sigma * (layerDeviation ?? standardDeviation(w, count)) : sigma
  }

  private func addNormals(
    _ sigma: Float, to base: UnsafePointer<Float>, into to: UnsafeMutablePointer<Float>, count: Int, channels: Int,
    scale: UnsafePointer<Float>?, _ address: NoiseAddress, _ last: LastNormals?
  ) {
    let length = count / channels
    if let last {
      if base != UnsafePointer(to) { to.update(from: base, count: count) }
      let normals = last.at(address)
      for channel in 0..<channels {
        let start = channel * length
        Kernels.axpy(to + start, normals + start, sigma * (scale?[channel] ?? 1), length)
      }
      return
    }
    for channel in 0..<(scale == nil ? 1 : channels) {
      let length = scale == nil ? count : length, start = channel * length
      address.addNormals(
        times: sigma * (scale?[channel] ?? 1), to: base + start,
        into: UnsafeMutableBufferPointer(start: to + start, count: length), from: start)
    }
  }

  /// Any noise, through its draws.
  private func apply(
    _ placed: PlacedTerm, _ draw: TermDraw, _ to: UnsafeMutablePointer<Float>, _ base: UnsafePointer<Float>,
    from w: UnsafePointer<Float>, _ shape: Shape, _ channels: Int, _ scale: UnsafePointer<Float>?,
    _ slope: UnsafeMutablePointer<Float>?
  ) {
    let term = placed.term, count = shape.count, length = count / channels, combination = term.combination
    let noise = combination == .adds || draw.strength == 1 ? term.noise : term.noise.scaled(by: draw.strength)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { draws in
      noise.fill(draws, of: shape, at: draw.address)
      if let factors = placed.factors {
        for i in 0..<count { draws[i] *= factors[i] }
      }
      switch combination {
      case .adds:
        let sigma = sigma(term, draw, w, count), isRelative = term.scale == .relative
        for i in 0..<count {
          to[i] = base[i] + sigma * (isRelative ? abs(w[i]) : scale?[i / length] ?? 1) * draws[i]
          if isRelative, let slope { slope[i] += w[i] == 0 ? 0 : (w[i] < 0 ? -sigma : sigma) * draws[i] }
        }
      case .multiplies:
        for i in 0..<count {
          to[i] = base[i] * draws[i]
          if let slope { slope[i] *= draws[i] }
        }
      case .replaces:
        for i in 0..<count {
          to[i] = draws[i].isNaN ? base[i] : (scale?[i / length] ?? 1) * draws[i]
          if let slope, !draws[i].isNaN { slope[i] = 0 }
        }
      }
    }
  }
}

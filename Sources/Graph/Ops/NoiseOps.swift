import DitherBasics
import DitherTensor

// The ops that noise becomes when it is placed. They are never written to files: a file holds the NoiseModel.

/// ‖x‖ of each row: [R, K] to [R, 1].
struct RowNorms: Op {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType([try inputs.float(0, "x", rank: 2...2)[0], 1])]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    // x / ‖x‖, and 0 for a row of zeros, where the norm has no slope.
    try [call.inputs[0] * (upstream / (call.outputs[0] + 1e-30))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], rows = x.shape[0], n = x.shape[1]
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { Kernels.rowNorms(to, from, rows, n) }
    }
  }
}

/// The standard deviation of all elements, [1]; a constant to gradients, as a layer's scale is.
struct StandardDeviation: Op {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    _ = try inputs.float(0, "x")
    return [TensorType([1])]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { to[0] = standardDeviation(from, count) }
    }
  }
}

func standardDeviation(_ from: UnsafePointer<Float>, _ count: Int) -> Float {
  let mean = Kernels.sum(from, count) / Double(count)
  return Float(max(Kernels.sumOfSquares(from, count) / Double(count) - mean * mean, 0).squareRoot())
}

/// `times` copies of all rows, one after the other: [R, …] to [times · R, …].
struct RepeatRows: Op {
  let times: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let shape = try inputs.float(0, "x", rank: 1...8)
    return [TensorType(shape.replacingRows(times * shape[0]))]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    try [sumOfCopies(upstream, times, call.inputs[0].shape)]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], bytes = x.type.byteCount, times = times
    plan.step([x, y]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      return { for copy in 0..<times { (to + copy * bytes).copyMemory(from: from, byteCount: bytes) } }
    }
  }
}

func sumOfCopies(_ value: Value, _ times: Int, _ shape: Shape) throws(GraphError) -> Value {
  times == 1
    ? value : try value.viewed(as: [times, shape.count]).summed(to: [1, shape.count]).viewed(as: shape)
}

/// y + scale ⊙ normals, fresh for each row and sample: y [R, N], scale [R, N] or [R, 1], the result [repeats · R, N].
/// `spread`: how many samples the rows of y already are.
struct AddRowNoise: Op {
  let site: UInt32
  /// The term whose strength multiplies the scale; nil: the scale has it.
  let term: Int?
  let repeats: Int
  let spread: Int

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let y = try inputs.float(0, "y", rank: 2...2), scale = try inputs.float(1, "scale", rank: 2...2)
    guard scale[0] == y[0], scale[1] == y[1] || scale[1] == 1 else {
      throw GraphError(.noise, at: "noise on weights", expected: "a scale for each row of \(y)", got: "\(scale)")
    }
    return [TensorType([repeats * y[0], y[1]])]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let y = call.inputs[0], scale = call.inputs[1]
    let draws = try upstream.builder.apply(
      Draw(
        shape: upstream.shape, noise: GaussianNoise(), term: term, site: site, rows: y.shape[0] / spread,
        samples: repeats * spread), [])[0]
    return try [
      sumOfCopies(upstream, repeats, y.shape), sumOfCopies(upstream * draws, repeats, y.shape).summed(to: scale.shape),
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let y = call.inputs[0], scale = call.inputs[1], z = call.outputs[0]
    let rows = y.shape[0] / spread, n = y.shape[1], width = scale.shape[1], each = width == n && n > 1
    let repeats = repeats, spread = spread, site = site, term = term
    plan.step([y, scale, z]) { memory in
      let from = memory.floats(y), deviations = memory.floats(scale), to = memory.floats(z), state = memory.state
      return {
        let strength = state.strength(of: term)
        if spread == 1 {
          Kernels.addRowNoise(
            to, from, deviations, scalesElements: each, rows: rows, samples: repeats, n, factor: strength,
            seeds: state.seeds.baseAddress, site: site, first: state.firstSample, antithetic: state.isAntithetic)
          return
        }
        for sample in 0..<spread {
          let row = sample * rows
          Kernels.addRowNoise(
            to + row * n, from + row * n, deviations + row * width, scalesElements: each, rows: rows, samples: 1, n,
            factor: strength, seeds: state.seeds.baseAddress, site: site, first: state.firstSample &+ UInt32(sample),
            antithetic: state.isAntithetic)
        }
      }
    }
  }
}

/// The strength of a term at this step, [1, 1]: its schedule's factor.
struct Strength: Op {
  let term: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType([1, 1])] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let y = call.outputs[0], term = term
    plan.step([y]) { memory in
      let to = memory.floats(y), state = memory.state
      return { to[0] = state.strength(of: term) }
    }
  }
}

/// Draws of any noise, one stream for each row and sample. What adds: its draws, times the term's strength. What
/// multiplies: the factors. What replaces: 1 where the value stays, else 0; and what comes in its place, or 0.
struct Draw: Op {
  let shape: Shape
  let noise: any Noise
  /// The term whose strength it has; nil: 1.
  let term: Int?
  let site: UInt32
  let rows: Int
  let samples: Int
  var draws = NoiseTerm.Draws.example
  /// The probability that a row has a draw, else it stays as it is.
  var fraction: Float?

  private var combination: NoiseCombination { type(of: noise).combination }

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType](repeating: TensorType(shape), count: combination == .replaces ? 2 : 1)
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let y = call.outputs[0], length = shape.count / (rows * samples), rows = rows, samples = samples, site = site
    let draws = draws, noise = noise, term = term, combination = combination, fraction = fraction
    // A row is what the axes after the first are, also where an op made several of each.
    let row = shape.row.count == length ? shape.row : Shape([length])
    let rest = combination == .replaces ? call.outputs[1] : nil
    plan.step([y, rest]) { memory in
      let to = memory.floats(y), values = rest.map { memory.floats($0) }, state = memory.state
      return {
        let strength = state.strength(of: term), isFull = strength == 1 || combination == .adds
        let noise = isFull ? noise : noise.scaled(by: strength)
        for sample in 0..<samples {
          for number in 0..<rows {
            let start = (sample * rows + number) * length
            let place = UnsafeMutableBufferPointer(start: to + start, count: length)
            let (address, sign) = state.address(
              sample, row: draws.row(number), site: site, isSymmetric: combination == .adds)
            if let fraction, address.choice(0) >= fraction {
              place.update(repeating: combination == .adds ? 0 : combination == .multiplies ? 1 : .nan)
            } else {
              noise.fill(place, of: row, at: address)
            }
            if combination == .adds, sign * strength != 1 { Kernels.scale(to + start, sign * strength, length) }
            if let values { split(place, values + start) }
          }
        }
      }
    }
  }

  /// Splits replacing draws into a factor and an addend: 1 and 0 where a draw is NaN, which leaves the value, else 0
  /// and the draw.
  private func split(_ draws: UnsafeMutableBufferPointer<Float>, _ values: UnsafeMutablePointer<Float>) {
    for i in draws.indices {
      values[i] = draws[i].isNaN ? 0 : draws[i]
      draws[i] = draws[i].isNaN ? 1 : 0
    }
  }
}

/// 1 or −1 for each number of each row, [rows, n]: a row's own, behind all draws of its noise.
struct Signs: Op {
  let shape: Shape
  let site: UInt32
  /// 0 or 1: which of a term's two.
  let part: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let y = call.outputs[0], rows = shape[0], length = shape.count / max(rows, 1), site = site, part = part
    plan.step([y]) { memory in
      let to = memory.floats(y), state = memory.state
      return {
        for row in 0..<rows {
          let place = UnsafeMutableBufferPointer(start: to + row * length, count: length)
          let (address, _) = state.address(0, row: row, site: site, isSymmetric: true)
          address.uniforms(place, from: (6 + part) << 31)
          for i in place.indices { place[i] = place[i] < 0.5 ? -1 : 1 }
        }
      }
    }
  }
}

/// w with one draw for every weight: the explicit path. The draw is the first row's. Operands: w, and the factors of
/// its channels where a normalization was folded into it.
struct WeightNoise: Op {
  let draws: WeightDraws
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "w"))] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    // A layer's deviation is a constant to gradients.
    guard draws.hasSlope else { return [upstream, nil] }
    let slope = try upstream.builder.apply(WeightNoiseSlope(draws: draws), [call.inputs[0], call.inputs.optional(1)])[0]
    return [try upstream * slope, nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let w = call.inputs[0], y = call.outputs[0], shape = w.shape, draws = draws, scale = call.inputs.optional(1)
    let channels = scale?.shape.count ?? 1
    plan.step([w, y, scale]) { memory in
      let from = memory.floats(w), to = memory.floats(y), factors = scale.map { memory.floats($0) },
        state = memory.state
      let last = state.isAntithetic ? draws.terms.map { _ in LastNormals(count: shape.count) } : []
      return {
        draws.draw(to, from: from, shape: shape, channels: channels, scale: factors, last: last) {
          state.draw(0, row: 0, $0)
        }
      }
    }
  }
}

/// The derivative of each noisy weight of `WeightNoise` for the weight itself.
struct WeightNoiseSlope: Op {
  let draws: WeightDraws
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "w"))] }
  /// None: the slope is constant but where a weight changes its sign.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [nil, nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let w = call.inputs[0], y = call.outputs[0], shape = w.shape, draws = draws, scale = call.inputs.optional(1)
    let channels = scale?.shape.count ?? 1, scratch = plan.scratch(bytes: shape.count * 4)
    plan.step([w, y, scale], scratch: [scratch]) { memory in
      let from = memory.floats(w), to = memory.floats(y), factors = scale.map { memory.floats($0) },
        noisy = memory.floats(scratch), state = memory.state
      return {
        draws.draw(noisy, from: from, shape: shape, channels: channels, scale: factors, slope: to) {
          state.draw(0, row: 0, $0)
        }
      }
    }
  }
}

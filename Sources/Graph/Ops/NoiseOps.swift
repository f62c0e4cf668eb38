import CKernels
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
      return { dk_row_norms(to, from, rows, n) }
    }
  }
}

/// The standard deviation of all elements, [1]; a constant to gradients, as a layer's scale is.
struct StandardDeviation: Op {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    _ = try inputs.float(0, "x")
    return [TensorType([1])]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], count = x.shape.count
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return { to[0] = standardDeviation(from, count) }
    }
  }
}

func standardDeviation(_ from: UnsafePointer<Float>, _ count: Int) -> Float {
  let mean = dk_sum(from, count) / Double(count)
  return Float(max(dk_sum_squares(from, count) / Double(count) - mean * mean, 0).squareRoot())
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
  let repeats: Int
  let spread: Int

  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let y = try inputs.float(0, "y", rank: 2...2), scale = try inputs.float(1, "scale", rank: 2...2)
    precondition(scale[0] == y[0] && (scale[1] == y[1] || scale[1] == 1), "a scale for each row of \(y), got \(scale)")
    return [TensorType([repeats * y[0], y[1]])]
  }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let y = call.inputs[0], scale = call.inputs[1]
    let draws = try upstream.builder.apply(
      Draw(
        shape: upstream.shape, distribution: GaussianNoise.name, sigma: 1, site: site, rows: y.shape[0] / spread,
        samples: repeats * spread), [])[0]
    return try [
      sumOfCopies(upstream, repeats, y.shape), sumOfCopies(upstream * draws, repeats, y.shape).summed(to: scale.shape),
    ]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let y = call.inputs[0], scale = call.inputs[1], z = call.outputs[0]
    let rows = y.shape[0] / spread, n = y.shape[1], width = scale.shape[1], each: Int32 = width == n && n > 1 ? 1 : 0
    let repeats = repeats, spread = spread, site = site
    plan.step([y, scale, z]) { memory in
      let from = memory.floats(y), deviations = memory.floats(scale), to = memory.floats(z), state = memory.state
      return {
        if spread == 1 {
          dk_row_noise(
            to, from, deviations, each, rows, repeats, n, state.noiseScale, state.seeds.baseAddress, site,
            state.firstSample, state.isAntithetic ? 1 : 0)
          return
        }
        for sample in 0..<spread {
          let row = sample * rows
          dk_row_noise(
            to + row * n, from + row * n, deviations + row * width, each, rows, 1, n,
            state.noiseScale, state.seeds.baseAddress, site,
            state.firstSample &+ UInt32(sample), state.isAntithetic ? 1 : 0)
        }
      }
    }
  }
}

/// Draws of mean 0 and standard deviation 1, of any distribution, one stream for each row and sample.
struct Draw: Op {
  let shape: Shape
  let distribution: String
  /// What they will be multiplied by.
  let sigma: Float
  let site: UInt32
  let rows: Int
  let samples: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [] }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let y = call.outputs[0], length = shape.count / (rows * samples), rows = rows, samples = samples, site = site
    let noise = try NoiseModel.Term(.input, sigma: sigma, distribution: distribution).noise
    plan.step([y]) { memory in
      let to = memory.floats(y), state = memory.state
      return {
        for sample in 0..<samples {
          for row in 0..<rows {
            let place = UnsafeMutableBufferPointer(start: to + (sample * rows + row) * length, count: length)
            let (address, factor) = state.draw(sample, row: row, site: site)
            noise.fill(place, at: address)
            if factor != 1 { dk_scale(place.baseAddress, factor, length) }
          }
        }
      }
    }
  }
}

/// The normals of a layer's last draw. Antithetic draws need them again with the other sign, and runs of one draw on several batches
/// of rows as they are.
final class LastNormals {
  /// Made when it is asked for: terms of other distributions never do.
  private lazy var values = AlignedBuffer(floats: count)
  private let count: Int
  private var address: NoiseAddress?

  init(count: Int) { self.count = count }

  func at(_ wanted: NoiseAddress) -> UnsafeMutableBufferPointer<Float> {
    let floats = UnsafeMutableBufferPointer(rebasing: values.bytes.bindMemory(to: Float.self)[..<count])
    if address != wanted {
      wanted.normals(floats)
      address = wanted
    }
    return floats
  }
}

/// Draws of a layer's weights: w + Σ sigma · draw, term by term.
struct WeightDraws: Sendable {
  let terms: [NumberedTerm]
  /// The number of the node that has the weights.
  let node: Int
  /// The standard deviation of the weights, for terms relative to it; nil: that of the weights at hand.
  var layerDeviation: Float?

  /// Each term is drawn at a site of its own.
  func site(_ index: Int) -> UInt32 { DrawSite(.node(node, kind: 0), term: terms[index].number).number }

  /// One draw. `scale` has a factor for each of `channels` equal parts; nil: 1. `last`: for each term, or empty.
  func draw(
    _ to: UnsafeMutablePointer<Float>, from w: UnsafePointer<Float>, count: Int, channels: Int,
    scale: UnsafePointer<Float>?, _ noises: [any Noise], _ state: RunState, sample: Int, row: Int,
    last: [LastNormals] = []
  ) {
    let length = count / channels
    for (index, (_, term)) in terms.enumerated() {
      let (address, factor) = state.draw(sample, row: row, site: site(index))
      let base = index == 0 ? w : UnsafePointer(to)
      var sigma = factor * term.sigma
      if term.scale == .relativeToLayer { sigma *= layerDeviation ?? standardDeviation(w, count) }
      if term.isGaussian && term.scale != .relative {
        if !last.isEmpty {
          if base != UnsafePointer(to) { to.update(from: base, count: count) }
          let normals = last[index].at(address)
          for channel in 0..<channels {
            let start = channel * length
            dk_axpy(to + start, normals.baseAddress.map { $0 + start }, sigma * (scale?[channel] ?? 1), length)
          }
          continue
        }
        guard let scale else {
          dk_add_normals(to, base, count, sigma, 0, address.seed, address.site, address.sample)
          continue
        }
        for channel in 0..<channels {
          let start = channel * length
          dk_add_normals(
            to + start, base + start, length, sigma * scale[channel], UInt64(start), address.seed, address.site,
            address.sample)
        }
        continue
      }
      withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { draws in
        noises[index].fill(draws, at: address)
        for i in 0..<count {
          let size = term.scale == .relative ? abs(w[i]) : scale?[i / length] ?? 1
          to[i] = base[i] + sigma * size * draws[i]
        }
      }
    }
  }
}

/// w + one draw for every weight: the explicit path. The draw is the first row's. Operands: w, and the factors of its
/// channels where a normalisation was folded into it.
struct WeightNoise: Op {
  let draws: WeightDraws
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "w"))] }
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] {
    let w = call.inputs[0]
    var sum = upstream  // a layer's deviation is a constant to gradients
    for (index, (_, term)) in draws.terms.enumerated() where term.scale == .relative {
      let draw = try upstream.builder.apply(
        Draw(
          shape: w.shape, distribution: term.distribution, sigma: term.sigma, site: draws.site(index), rows: 1,
          samples: 1), [])[0]
      sum = try sum + term.sigma * (upstream * (w.map(.sign) * draw))
    }
    return [sum, nil]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let w = call.inputs[0], y = call.outputs[0], count = w.shape.count, draws = draws, scale = call.inputs.optional(1)
    let channels = scale?.shape.count ?? 1
    var noises: [any Noise] = []
    for (_, term) in draws.terms { noises.append(try term.noise) }
    plan.step([w, y, scale]) { [noises] memory in
      let from = memory.floats(w), to = memory.floats(y), factors = scale.map { memory.floats($0) },
        state = memory.state
      let last = state.isAntithetic ? draws.terms.map { _ in LastNormals(count: count) } : []
      return {
        draws.draw(
          to, from: from, count: count, channels: channels, scale: factors, noises, state, sample: 0, row: 0, last: last
        )
      }
    }
  }
}

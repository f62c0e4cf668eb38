import CKernels
import DitherBasics
import DitherTensor

// The ops that noise becomes when it is placed. They are never written to files: a file holds the NoiseModel.

/// ‖x‖ of each row: [R, K] to [R, 1].
struct RowNorms: Op {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType([try inputs.float(0, "x", rank: 2...2)[0], 1])]
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    // x / ‖x‖, and 0 for a row of zeros, where the norm has no slope.
    [call.inputs[0] * (upstream / (call.outputs[0] + 1e-30))]
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

private func standardDeviation(_ from: UnsafePointer<Float>, _ count: Int) -> Float {
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
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [sumOfCopies(upstream, times, call.inputs[0].shape)] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], bytes = x.type.byteCount, times = times
    plan.step([x, y]) { memory in
      let from = memory.raw(x), to = memory.raw(y)
      return { for copy in 0..<times { (to + copy * bytes).copyMemory(from: from, byteCount: bytes) } }
    }
  }
}

private func sumOfCopies(_ value: Value, _ times: Int, _ shape: Shape) -> Value {
  times == 1
    ? value : value.viewed(as: [times, shape.count]).summed(to: [1, shape.count]).viewed(as: shape)
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
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    let y = call.inputs[0], scale = call.inputs[1]
    let draws = upstream.builder.emit(
      Draw(
        shape: upstream.shape, distribution: GaussianNoise.name, site: site, rows: y.shape[0] / spread,
        samples: repeats * spread), [])[0]
    return [
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
            state.firstSample)
          return
        }
        for sample in 0..<spread {
          let row = sample * rows
          dk_row_noise(
            to + row * n, from + row * n, deviations + row * width, each, rows, 1, n,
            state.noiseScale, state.seeds.baseAddress, site,
            state.firstSample &+ UInt32(sample))
        }
      }
    }
  }
}

/// Draws of mean 0 and standard deviation 1, of any distribution, one stream for each row and sample.
struct Draw: Op {
  let shape: Shape
  let distribution: String
  let site: UInt32
  let rows: Int
  let samples: Int
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(shape)] }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [] }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let y = call.outputs[0], length = shape.count / (rows * samples), rows = rows, samples = samples, site = site
    let noise = try NoiseModel.Term(.input, sigma: 1, distribution: distribution).noise
    plan.step([y]) { memory in
      let to = memory.floats(y), state = memory.state
      return {
        for sample in 0..<samples {
          for row in 0..<rows {
            let place = UnsafeMutableBufferPointer(start: to + (sample * rows + row) * length, count: length)
            noise.fill(
              place, at: NoiseAddress(seed: state.seeds[row], site: site, sample: state.firstSample &+ UInt32(sample)))
            if state.noiseScale != 1 { dk_scale(place.baseAddress, state.noiseScale, length) }
          }
        }
      }
    }
  }
}

/// w + one draw for every weight: the explicit path. The draw is the first row's.
struct WeightNoise: Op {
  let term: NoiseModel.Term
  let site: UInt32
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] { [TensorType(try inputs.float(0, "w"))] }
  func gradient(_ call: Call, upstream: Value) -> [Value?] {
    guard term.scale == .relative else { return [upstream] }  // a layer's deviation is a constant to gradients
    let w = call.inputs[0]
    let draw = upstream.builder.emit(
      Draw(shape: w.shape, distribution: term.distribution, site: site, rows: 1, samples: 1), [])[0]
    return [upstream + term.sigma * (upstream * (w.map(.sign) * draw))]
  }
  func lower(_ call: Call, into plan: inout PlanBuilder) throws(GraphError) {
    let w = call.inputs[0], y = call.outputs[0], count = w.shape.count, term = term, site = site
    let noise = try term.noise
    plan.step([w, y]) { memory in
      let from = memory.floats(w), to = memory.floats(y), state = memory.state
      return {
        let address = NoiseAddress(seed: state.seeds[0], site: site, sample: state.firstSample)
        if term.isGaussian && term.scale != .relative {
          let sigma =
            state.noiseScale * (term.scale == .absolute ? term.sigma : term.sigma * standardDeviation(from, count))
          dk_add_normals(to, from, count, sigma, 0, address.seed, address.site, address.sample)
          return
        }
        noise.fill(UnsafeMutableBufferPointer(start: to, count: count), at: address)
        let sigma =
          state.noiseScale * (term.scale == .relativeToLayer ? term.sigma * standardDeviation(from, count) : term.sigma)
        let relative = term.scale == .relative
        for i in 0..<count { to[i] = from[i] + (relative ? sigma * abs(from[i]) : sigma) * to[i] }
      }
    }
  }
}

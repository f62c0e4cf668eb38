import AllocationCounter
import DitherGraph
import DitherTensor
import Testing

@Suite("Plans")
struct PlanTests {
  private func plan(_ graph: Graph, _ options: Plan.Options, moving: Bool = false) throws -> Plan {
    let plan = try Plan(graph, parameters: ParameterBuffers(graph, moving: moving), options: options)
    let length = graph.inputs[0].dimensions.compactMap { $0 }.reduce(1, *)
    _ = plan.input().update(fromContentsOf: SmallNets.random([options.rows, length], 3).elements)
    for row in 0..<options.rows { plan.seeds[row] = UInt64(row) }
    return plan
  }

  private func dense() throws -> Graph {
    let builder = GraphBuilder(name: "dense")
    var x = builder.input("x", [40])
    for layer in 0..<2 {
      let w = builder.parameter("w\(layer)", SmallNets.random([40, 40], UInt64(layer)))
      x = try builder.relu(builder.dense(x, w, builder.parameter("b\(layer)", SmallNets.random([40], 9))))
    }
    var graph = builder.finish(outputs: [("y", x)])
    graph.noise = NoiseModel([.init(.weights, sigma: 0.1)])
    return graph
  }

  @Test("folding normalization changes nothing that is computed")
  func folding() throws {
    let graph = try SmallNets.residual(), folded = graph.foldingNormalization()
    #expect(folded.nodes.count == graph.nodes.count - 5)
    let before = try plan(graph, .init(rows: 3, inputGradient: true)),
      after = try plan(folded, .init(rows: 3, inputGradient: true))
    for plan in [before, after] {
      plan.forward()
      plan.cotangent.update(repeating: 1)
      plan.backward()
    }
    for (a, b) in zip(before.output(), after.output()) { #expect(abs(a - b) < 1e-4) }
    for (a, b) in zip(before.inputGradients[0], after.inputGradients[0]) { #expect(abs(a - b) < 1e-4) }
  }

  @Test("rows do not depend on their batch, nor results on threads")
  func batches() throws {
    let graph = try SmallNets.residual().foldingNormalization()
    let whole = try plan(graph, .init(rows: 5)), two = try plan(graph, .init(rows: 5, threads: 2))
    let one = try plan(graph, .init(rows: 1))
    for plan in [whole, two, one] { plan.forward() }
    for (a, b) in zip(whole.output(), two.output()) { #expect(abs(a - b) < 1e-5) }
    for (a, b) in zip(whole.output(), one.output()) { #expect(abs(a - b) < 1e-5) }
  }

  @Test("bf16 stays near fp32", .enabled(if: Plan.hasBfloat16, "this CPU has no bf16 products"))
  func bfloat16() throws {
    let graph = try SmallNets.residual().foldingNormalization()
    let exact = try plan(graph, .init(rows: 4, inputGradient: true))
    let short = try plan(graph, .init(rows: 4, inputGradient: true, precision: .bfloat16))
    for plan in [exact, short] {
      plan.forward()
      plan.cotangent.update(repeating: 1)
      plan.backward()
    }
    let size = exact.output().map(abs).max() ?? 0
    // Eight bits of fraction, a handful of layers.
    for (a, b) in zip(exact.output(), short.output()) { #expect(abs(a - b) < 0.03 * size) }
    // Where a ReLU changes its mind, a gradient jumps: the whole is compared.
    let pairs = zip(exact.inputGradients[0], short.inputGradients[0])
    let error = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }, length = pairs.reduce(0) { $0 + $1.0 * $1.0 }
    #expect(error < 0.05 * length)
    #expect(Array(exact.output()) != Array(short.output()))
  }

  @Test("gradients through the batch's own statistics are those of differences")
  func batchStatistics() throws {
    let graph = try SmallNets.residual(), parameters = ParameterBuffers(graph, moving: true)
    let plan = try Plan(
      graph, parameters: parameters,
      options: .init(rows: 6, parameterGradients: true, threads: 2, batchStatistics: true))
    _ = plan.input().update(fromContentsOf: SmallNets.random([6, 3 * 64], 3).elements)
    plan.forward()
    let weights = SmallNets.random([plan.output().count], 4).elements
    func value() -> Double {
      plan.forward()
      return zip(plan.output(), weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    _ = value()
    _ = plan.cotangent.update(fromContentsOf: weights)
    plan.backward()
    for id in parameters.trainable {
      let start = try #require(parameters.tensor(id)), gradient = Array(try #require(plan.parameterGradient(id)))
      let direction = SmallNets.random(start.shape, 12).elements, step: Float = 1e-4
      var ends: [Double] = []
      for sign in [Float(1), -1] {
        try parameters.set(id, zip(start.elements, direction).map { $0 + sign * step * $1 })
        ends.append(value())
      }
      try parameters.set(id, start.elements)
      let numeric = (ends[0] - ends[1]) / Double(2 * step)
      let analytic = zip(gradient, direction).reduce(0) { $0 + Double($1.0 * $1.1) }
      let scale = gradient.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
      #expect(abs(numeric - analytic) < 0.05 * max(scale, 0.1), "\(parameters.names[id] ?? "")")
    }
    let found = try #require(plan.batchStatistics.first)
    #expect(plan.batchStatistics.count == 5 && found.count == 6 * 64)
    #expect(found.batchVariance.allSatisfy { $0 > 0 })
  }

  /// oneDNN's call makes a small table of its arguments; nothing else is allocated.
  @Test("the reverse pass can be run again with other cotangents, without a pass before it", arguments: [false, true])
  func again(isConvolutional: Bool) throws {
    var graph = isConvolutional ? try SmallNets.residual().foldingNormalization() : try dense()
    graph.noise = nil
    func seed(_ plan: Plan, _ number: UInt64) {
      _ = plan.cotangent.update(fromContentsOf: SmallNets.random([plan.cotangent.count], number).elements)
    }
    func gradients(_ plan: Plan) -> [Float] {
      plan.backward()
      return Array(plan.inputGradients[0]) + Array(plan.parameterGradients)
    }
    let options = Plan.Options(rows: 3, inputGradient: true, parameterGradients: true)
    let input = SmallNets.random([3, graph.inputs[0].dimensions.compactMap { $0 }.reduce(1, *)], 3).elements
    let expected = try ([20, 21, 20] as [UInt64]).map { number in
      let once = try plan(graph, options, moving: true)
      once.forward()
      seed(once, number)
      return gradients(once)
    }
    var kept = options
    kept.repeatsBackward = true
    let repeated = try plan(graph, kept, moving: true)
    // Twice, as a second batch finds all memory written.
    for _ in 0..<2 {
      _ = repeated.input().update(fromContentsOf: input)
      repeated.forward()
      for (number, wanted) in zip([20, 21, 20] as [UInt64], expected) {
        seed(repeated, number)
        #expect(gradients(repeated) == wanted)
      }
    }
  }

  @Test("running a plan allocates nothing")
  func allocations() throws {
    func measure(_ plan: Plan, backward: Bool = false) -> (count: Int, largest: Int) {
      func run() {
        plan.forward()
        if backward { plan.backward() }
      }
      run()
      run()
      var largest = 0
      ac_start()
      run()
      return (ac_stop(&largest), largest)
    }
    let probe = { () -> (Int, Int) in
      var largest = 0
      ac_start()
      let pointer = UnsafeMutableRawPointer.allocate(byteCount: 12_345, alignment: 16)
      let count = ac_stop(&largest)
      pointer.deallocate()
      return (count, largest)
    }()
    #expect(probe.0 > 0 && probe.1 >= 12_345, "the counter counts")

    // Without optimization, walking over the steps boxes each.
    let single = measure(try plan(dense(), .init(rows: 1)))
    #expect(single.count == 0 || (_isDebugAssertConfiguration() && single.largest <= 1024), "\(single)")
    #expect(measure(try plan(dense(), .init(rows: 1, samples: 8, path: .fresh))).largest <= 1024)
    var net = try SmallNets.residual().foldingNormalization()
    #expect(net.nodes.count == 15)
    let forward = measure(try plan(net, .init(rows: 2)))
    // Nine kernels and the reorders at both ends.
    #expect(forward.count <= 12 * 12 && forward.largest <= 1024, "\(forward)")
    let both = measure(try plan(net, .init(rows: 2, inputGradient: true)), backward: true)
    #expect(both.largest <= 1024, "\(both)")
    net.noise = NoiseModel([.init(.weights, sigma: 0.1)])
    let noisy = measure(try plan(net, .init(rows: 2, samples: 2, path: .fresh)))
    #expect(noisy.largest <= 1024, "\(noisy)")
    #expect(try plan(net, .init(rows: 2)).arenaBytes > 0)
  }
}

import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Ops")
struct OpTests {
  @Test("every op has a case")
  func covers() {
    let covered = Set(OpCase.all.map(\.type))
    // These take or put out integers, truth values or constants: see `IntegerOpTests`, `QuantizationTests` and
    // `GridTests`.
    let others: Set = [
      "AffineGrid", "And", "ArgMax", "ArgMin", "ConstantOfShape", "DequantizeLinear", "Equal", "Greater",
      "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not", "OneHot", "Or", "QuantizeLinear", "Range",
      "Shape", "Size", "Xor",
    ]
    #expect(Set(Catalog<any OnnxOp.Type>.ops.names).subtracting(covered) == others)
  }

  @Test("shapes are as the standard has them", arguments: OpCase.all)
  func shapes(_ test: OpCase) throws {
    let graph = try test.graph()
    let type = try #require(graph.types(rows: OpCase.rows)[graph.outputs[0].value.index])
    if let result = test.result { #expect(type.shape == result) }
  }

  /// Along random directions, for the inputs and the parameters at once: (L(x + hd) − L(x − hd)) / 2h against ⟨∇L, d⟩,
  /// with L a random weighting of the output.
  @Test("gradients are those of finite differences", arguments: OpCase.all)
  func gradients(_ test: OpCase) throws {
    let graph = try test.graph()
    let inputs = test.inputs(graph)
    let parameters = ParameterBuffers(graph)
    let plan = try Plan(
      graph, parameters: parameters, options: .init(rows: OpCase.rows, inputGradient: true, parameterGradients: true))
    let weights = NoiseAddress(seed: 3).uniforms(plan.output().count).map { $0 - 0.3 }
    for (index, input) in inputs.enumerated() { plan.write(.float(input), to: index) }
    plan.forward()
    _ = plan.cotangent.update(fromContentsOf: weights)
    plan.backward()

    let step: Float = 1.0 / 512
    func loss(_ directions: [[Float]], _ side: Float) throws -> Double {
      var moved = graph
      for (id, direction) in zip(parameters.trainable, directions.dropFirst(inputs.count)) {
        guard case .float(let tensor) = graph.literals[id] else { continue }
        moved.literals[id] = .float(Tensor(tensor.shape, zip(tensor.elements, direction).map { $0 + side * step * $1 }))
      }
      let plan = try Plan(moved, parameters: ParameterBuffers(moved), options: .init(rows: OpCase.rows))
      for (index, input) in inputs.enumerated() {
        let elements = zip(input.elements, directions[index]).map { $0 + side * step * $1 }
        plan.write(.float(Tensor(input.shape, elements)), to: index)
      }
      plan.forward()
      return zip(plan.output(), weights).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    }
    let counts = inputs.map(\.count) + parameters.trainable.map { parameters.shapes[$0]?.count ?? 0 }
    let found =
      plan.inputGradients.map { Array($0) }
      + parameters.trainable.map { id in
        plan.parameterGradient(id).map { Array($0) } ?? []
      }
    for trial in 0..<3 as Range<UInt64> {
      let directions = counts.enumerated().map { index, count in
        NoiseAddress(seed: trial, site: UInt32(index)).uniforms(count).map { $0 < 0.5 ? Float(-1) : 1 }
      }
      let numerical = try (loss(directions, 1) - loss(directions, -1)) / Double(2 * step)
      var analytical = 0.0, size = 1.0
      for (gradient, direction) in zip(found, directions) {
        for (g, d) in zip(gradient, direction) {
          analytical += Double(g * d)
          size += abs(Double(g))
        }
      }
      #expect(abs(numerical - analytical) <= 2e-3 * size, "\(numerical) against \(analytical)")
    }
  }

  /// H v of L = ½ Σ w y² against (∇L(x + hv) − ∇L(x − hv)) / 2h, for the inputs and the parameters at once.
  @Test("second derivatives are those of differences of gradients", arguments: OpCase.all)
  func secondDerivatives(_ test: OpCase) throws {
    let graph = try test.graph(), inputs = test.inputs(graph), parameters = ParameterBuffers(graph)
    let count = try Plan(graph, parameters: parameters, options: .init(rows: OpCase.rows)).output().count
    let weights = NoiseAddress(seed: 3).uniforms(count).map { $0 - 0.3 }
    let counts = inputs.map(\.count) + parameters.trainable.map { parameters.shapes[$0]?.count ?? 0 }
    let second = try HessianPlan(squaresOf: graph, weights: weights, rows: OpCase.rows)
    let step: Float = 1.0 / 512

    func gradient(_ directions: [[Float]], _ side: Float) throws -> [[Float]] {
      var moved = graph
      for (id, direction) in zip(parameters.trainable, directions.dropFirst(inputs.count)) {
        guard case .float(let tensor) = graph.literals[id] else { continue }
        moved.literals[id] = .float(Tensor(tensor.shape, zip(tensor.elements, direction).map { $0 + side * step * $1 }))
      }
      let plan = try Plan(
        moved, parameters: ParameterBuffers(moved),
        options: .init(rows: OpCase.rows, inputGradient: true, parameterGradients: true))
      for (index, input) in inputs.enumerated() {
        plan.write(
          .float(Tensor(input.shape, zip(input.elements, directions[index]).map { $0 + side * step * $1 })), to: index)
      }
      plan.forward()
      for (i, y) in plan.output().enumerated() { plan.cotangent[i] = weights[i] * y }
      plan.backward()
      return zip(plan.inputGradients, counts).map { found, count in
        found.isEmpty ? [Float](repeating: 0, count: count) : Array(found)
      } + parameters.trainable.map { plan.parameterGradient($0).map { Array($0) } ?? [] }
    }
    let directions = counts.enumerated().map { index, count in
      NoiseAddress(seed: 1, site: UInt32(index)).uniforms(count).map { $0 < 0.5 ? Float(-1) : 1 }
    }
    for (index, input) in inputs.enumerated() {
      _ = second.inputs[index].bindMemory(to: Float.self).update(fromContentsOf: input.elements)
    }
    var product = [Float](repeating: 0, count: counts.reduce(0, +))
    second.add(vector: directions.flatMap { $0 }, to: &product)
    let above = try gradient(directions, 1).flatMap { $0 }, below = try gradient(directions, -1).flatMap { $0 }
    let size = 1 + (product.map { abs($0) }.max() ?? 0)
    for (i, (a, b)) in zip(above, below).enumerated() {
      #expect(abs((a - b) / (2 * step) - product[i]) <= 0.02 * size, "element \(i)")
    }
  }

  @Test("one row alone gives what it gives among others", arguments: OpCase.all)
  func rowsAreIndependent(_ test: OpCase) throws {
    // Indices name rows.
    guard !["GatherElements", "GatherND", "ScatterElements", "ScatterND"].contains(test.type) else { return }
    let graph = try test.graph()
    // Where the first axis does not follow the batch, there are no rows to speak of.
    guard let one = try? graph.types(rows: 1)[graph.outputs[0].value.index], one.shape.rank > 0, one.shape[0] == 1,
      graph.inputs.allSatisfy({ $0.dimensions.first == .some(nil) })
    else { return }
    let inputs = test.inputs(graph), parameters = ParameterBuffers(graph)
    let whole = try Plan(graph, parameters: parameters, options: .init(rows: OpCase.rows))
    for (index, input) in inputs.enumerated() { whole.write(.float(input), to: index) }
    whole.forward()
    let single = try Plan(graph, parameters: parameters, options: .init(rows: 1)), length = one.shape.count
    for row in 0..<OpCase.rows {
      for (index, input) in inputs.enumerated() { single.write(.float(input.rows(row..<row + 1)), to: index) }
      single.forward()
      let there = Array(whole.output()[row * length..<(row + 1) * length])
      #expect(
        Tensor([length], Array(single.output())).isClose(to: Tensor([length], there), absolute: 2e-6, relative: 1e-6))
    }
  }

  @Test("written to a file and read again, it is the same", arguments: OpCase.all)
  func roundTrip(_ test: OpCase) throws {
    let graph = try test.graph()
    let written = try graph.onnx(), again = try Graph(onnx: written)
    #expect(try again.onnx() == written)
    let inputs = test.inputs(graph).map { Literal.float($0) }, mine = try Network(graph).outputs(inputs)
    #expect(try Network(again).outputs(inputs) == mine)
    let number = OpCase.all.firstIndex { $0.name == test.name } ?? 0
    try Written.keep("\(test.type)_\(number)", again, written, inputs, mine)
  }

  @Test("integers that follow from shapes are put out")
  func shapesAreOutputs() throws {
    let builder = GraphBuilder()
    let x = builder.input("x", [3, 4])
    let node = OnnxNode(name: "extents", type: "Shape", opset: 17)
    let shape = try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: "Shape").init(node), [x])[0]
    let graph = try Graph(onnx: builder.finish(outputs: [("y", shape)]).onnx())
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 5))
    plan.forward()
    #expect(Array(plan.outputs[0].bindMemory(to: Int64.self)) == [5, 3, 4])
  }

  @Test("a bound that is computed gets the gradient of what it holds back")
  func clipBounds() throws {
    let builder = GraphBuilder(), x = builder.input("x", [4])
    func op(_ type: String) throws -> any OnnxOp {
      try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
        OnnxNode(
          name: type, type: type, opset: 17,
          attributes: type == "ReduceMean" ? ["keepdims": .int(0), "axes": .ints([0, 1])] : [:]))
    }
    let mean = try builder.apply(op("ReduceMean"), [x])[0]
    let above = try builder.apply(op("Clip"), [x, mean])[0], below = try builder.apply(op("Clip"), [x, nil, mean])[0]
    for (value, expected) in [(above, [0.5, 0.5, 1.5, 1.5]), (below, [1.5, 1.5, 0.5, 0.5])] as [(Value, [Float])] {
      let graph = builder.finish(outputs: [("y", value)])
      let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 1, inputGradient: true))
      plan.write(.float(Tensor([1, 4], [1, 2, 4, 5])), to: 0)
      plan.forward()
      plan.cotangent.update(repeating: 1)
      plan.backward()
      #expect(Array(plan.inputGradients[0]) == expected)
    }
  }
}

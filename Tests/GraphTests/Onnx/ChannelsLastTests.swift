import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Graphs as converters from TensorFlow write them: images are [N, H, W, C], and a Transpose stands before and behind each
/// convolution; weights are turned and reshaped in the graph.
@Suite("Channels last")
struct ChannelsLastTests {
  private func op(_ type: String, _ attributes: [String: OnnxAttribute] = [:]) throws -> any OnnxOp {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(name: type, type: type, opset: 17, attributes: attributes))
  }

  private static let kernel = Tensor.random([8, 3, 3, 3], seed: 1)  // [M, C, H, W]
  private static let dense = Tensor.random([32, 5], seed: 2)  // rows by channel, then row, then column
  private static let bias = Tensor.random([8], seed: 3)

  private static func permuted(_ tensor: Tensor, _ order: [Int]) -> Tensor {
    let shape = Shape(order.map { tensor.shape[$0] }), own = tensor.shape.strides, there = shape.strides
    return Tensor(
      shape,
      (0..<tensor.count).map { index in
        tensor.elements[order.indices.reduce(0) { $0 + index / there[$1] % shape[$1] * own[order[$1]] }]
      })
  }

  private func classifier(channelsLast: Bool) throws -> Graph {
    let builder = GraphBuilder()
    func turn(_ value: Value, _ order: [Int64]) throws -> Value {
      try builder.apply(op("Transpose", ["perm": .ints(order)]), [value])[0]
    }
    let toFirst: [Int64] = [0, 3, 1, 2], toLast: [Int64] = [0, 2, 3, 1]
    var value = builder.input("x", channelsLast ? [8, 8, 3] : [3, 8, 8])
    let convolution = try op(
      "Conv", ["pads": .ints([0, 0, 1, 1]), "strides": .ints([2, 2]), "kernel_shape": .ints([3, 3])])
    if channelsLast {
      // TensorFlow keeps kernels as [H, W, C, M].
      let stored = builder.parameter("kernel", Self.permuted(Self.kernel, [2, 3, 1, 0]))
      value = try builder.apply(convolution, [turn(value, toFirst), turn(stored, [3, 2, 0, 1])])[0]
      value = try builder.apply(op("Add"), [turn(value, toLast), builder.parameter("bias", Self.bias)])[0]
    } else {
      value = try builder.apply(
        convolution, [value, builder.parameter("kernel", Self.kernel), builder.parameter("bias", Self.bias)])[0]
    }
    value = try builder.apply(op("Relu"), [value])[0]
    if channelsLast { value = try turn(value, toFirst) }
    value = try builder.apply(op("MaxPool", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]), [value])[0]
    if channelsLast { value = try turn(value, toLast) }
    value = try builder.apply(op("Reshape"), [value, builder.constant(.int64([2], [-1, 32]))])[0]
    let byChannel = Self.dense.reshaped([8, 2, 2, 5])
    let dense = channelsLast ? Self.permuted(byChannel, [1, 2, 0, 3]).reshaped([32, 5]) : Self.dense
    value = try builder.apply(op("MatMul"), [value, builder.parameter("dense", dense)])[0]
    return builder.finish(outputs: [("y", value)])
  }

  @Test("outputs and gradients are those of the same network with channels first")
  func agrees() throws {
    let images = Tensor.random([4, 3, 8, 8], seed: 4), weights = Tensor.random([4, 5], seed: 5)
    var results: [(output: Tensor, input: Tensor, kernel: Tensor, bias: Tensor)] = []
    for channelsLast in [false, true] {
      let made = try classifier(channelsLast: channelsLast), graph = try Graph(onnx: made.onnx())
      #expect(try graph.onnx() == made.onnx())
      let parameters = ParameterBuffers(graph)
      let plan = try Plan(
        graph, parameters: parameters, options: .init(rows: 4, inputGradient: true, parameterGradients: true))
      plan.write(.float(channelsLast ? Self.permuted(images, [0, 2, 3, 1]) : images), to: 0)
      plan.forward()
      _ = plan.cotangent.update(fromContentsOf: weights.elements)
      plan.backward()
      func gradient(_ name: String) throws -> [Float] {
        let id = try #require(parameters.trainable.first { parameters.names[$0] == name })
        return Array(try #require(plan.parameterGradient(id)))
      }
      let input = Tensor(channelsLast ? [4, 8, 8, 3] : [4, 3, 8, 8], Array(plan.inputGradients[0]))
      let kernel = Tensor(channelsLast ? [3, 3, 3, 8] : [8, 3, 3, 3], try gradient("kernel"))
      results.append(
        (
          Tensor([4, 5], Array(plan.output())), channelsLast ? Self.permuted(input, [0, 3, 1, 2]) : input,
          channelsLast ? Self.permuted(kernel, [3, 2, 0, 1]) : kernel, Tensor([8], try gradient("bias"))
        ))
    }
    #expect(results[1].output.isClose(to: results[0].output, absolute: 1e-5, relative: 1e-5))
    #expect(results[1].input.isClose(to: results[0].input, absolute: 1e-5, relative: 1e-5))
    #expect(results[1].kernel.isClose(to: results[0].kernel, absolute: 1e-4, relative: 1e-4))
    #expect(results[1].bias.isClose(to: results[0].bias, absolute: 1e-4, relative: 1e-4))
  }

  /// Moments by ReduceMean, then a BatchNormalization with the examples as its channels.
  @Test("a layer's normalization as the converter writes it, and its gradients")
  func layerNormalization() throws {
    let x = Tensor.random([4, 6], seed: 6), weights = Tensor.random([4, 6], seed: 7)
    var results: [(output: [Float], input: [Float], scale: [Float])] = []
    for isConverted in [false, true] {
      let builder = GraphBuilder(), input = builder.input("x", [6])
      let scale = builder.parameter("scale", .random([6], seed: 8, from: 0.5, to: 2))
      var value = input
      if isConverted {
        func known(_ values: [Int64]) -> Value { builder.constant(.int64([values.count], values)) }
        let moments = try op("ReduceMean", ["axes": .ints([1]), "keepdims": .int(0)])
        let mean = try builder.apply(moments, [input])[0]
        let centered = try builder.apply(
          op("Sub"), [input, builder.apply(op("Unsqueeze"), [mean, known([1])])[0]])[0]
        let variance = try builder.apply(moments, [builder.apply(op("Mul"), [centered, centered])[0]])[0]
        let rows = try builder.apply(op("Slice"), [builder.apply(op("Shape"), [input])[0], known([0]), known([1])])[0]
        let ones = try builder.apply(
          op("ConstantOfShape", ["value": .tensor(.float(Tensor([1], [1])))]), [rows])[0]
        let zeros = try builder.apply(op("ConstantOfShape"), [rows])[0]
        value = try builder.apply(op("Reshape"), [value, known([1, -1, 6])])[0]
        value = try builder.apply(op("BatchNormalization"), [value, ones, zeros, mean, variance])[0]
        value = try builder.apply(op("Reshape"), [value, known([-1, 6])])[0]
        value = try builder.apply(op("Mul"), [value, scale])[0]
      } else {
        value = try builder.apply(op("LayerNormalization"), [value, scale])[0]
      }
      let graph = try Graph(onnx: builder.finish(outputs: [("y", value)]).onnx()), parameters = ParameterBuffers(graph)
      #expect(parameters.trainable.map { parameters.names[$0] } == ["scale"])
      let plan = try Plan(
        graph, parameters: parameters, options: .init(rows: 4, inputGradient: true, parameterGradients: true))
      plan.write(.float(x), to: 0)
      plan.forward()
      _ = plan.cotangent.update(fromContentsOf: weights.elements)
      plan.backward()
      let gradient = try #require(parameters.trainable.first.flatMap { plan.parameterGradient($0) })
      results.append((Array(plan.output()), Array(plan.inputGradients[0]), Array(gradient)))
    }
    #expect(worstDifference(results[0].output, results[1].output) <= 1e-5)
    #expect(worstDifference(results[0].input, results[1].input) <= 1e-5)
    #expect(worstDifference(results[0].scale, results[1].scale) <= 1e-5)
  }
}

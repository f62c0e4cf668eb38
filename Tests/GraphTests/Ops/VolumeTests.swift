import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Convolutions and poolings of volumes [N, C, D, H, W], against sums written out place by place.
@Suite("Volumes")
struct VolumeTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var kernel: [Int]
    var strides = [1, 1, 1]
    var dilations = [1, 1, 1]
    var pads = [0, 0, 0, 0, 0, 0]
    var groups = 1
    var testDescription: String {
      "\(kernel), strides \(strides), dilations \(dilations), pads \(pads), groups \(groups)"
    }
    var attributes: [String: OnnxAttribute] {
      [
        "kernel_shape": .ints(kernel.map(Int64.init)), "strides": .ints(strides.map(Int64.init)),
        "dilations": .ints(dilations.map(Int64.init)), "pads": .ints(pads.map(Int64.init)),
      ]
    }
    func extent(_ axis: Int, _ input: Int) -> Int {
      (input + pads[axis] + pads[axis + 3] - (kernel[axis] - 1) * dilations[axis] - 1) / strides[axis] + 1
    }
    /// The places of the input that a result's window covers, [] for one in the padding.
    func places(_ out: [Int], _ image: [Int]) -> [(tap: Int, place: Int?)] {
      var found: [(Int, Int?)] = []
      for a in 0..<kernel[0] {
        for b in 0..<kernel[1] {
          for c in 0..<kernel[2] {
            let at = zip([a, b, c], 0..<3).map { out[$1] * strides[$1] - pads[$1] + $0 * dilations[$1] }
            let isInside = zip(at, image).allSatisfy { $0 >= 0 && $0 < $1 }
            found.append(
              ((a * kernel[1] + b) * kernel[2] + c, isInside ? (at[0] * image[1] + at[1]) * image[2] + at[2] : nil))
          }
        }
      }
      return found
    }
  }

  static let rows = [
    Row(kernel: [2, 3, 2]), Row(kernel: [1, 2, 3], strides: [2, 1, 2]),
    Row(kernel: [2, 2, 2], strides: [2, 2, 1], pads: [1, 0, 1, 0, 1, 0], groups: 2),
    Row(kernel: [2, 2, 2], dilations: [2, 1, 2], pads: [1, 1, 1, 1, 1, 1]),
    Row(kernel: [3, 1, 1], strides: [1, 2, 2], pads: [2, 0, 0, 1, 0, 0], groups: 4),
  ]
  static let image = [4, 5, 4], channels = 4, batch = 2

  private func run(_ type: String, _ attributes: [String: OnnxAttribute], _ constants: [Tensor], _ x: Tensor) throws
    -> Tensor
  {
    let op = try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(name: "op", type: type, opset: 19, attributes: attributes, presentInputs: [true]))
    let builder = GraphBuilder(), input = builder.input("x", x.shape.row.dimensions)
    let y = try builder.apply(op, [input] + constants.map { builder.constant(.float($0)) })[0]
    let graph = try Graph(onnx: builder.finish(outputs: [("y", y)]).onnx())
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: x.shape[0]))
    plan.write(.float(x), to: 0)
    plan.forward()
    return Tensor(plan.outputTypes[0].shape, Array(plan.output()))
  }

  /// Each number of the result from the window's taps and places, by batch and channel.
  private func each(
    _ row: Row, channels: Int, _ body: (_ plane: Int, _ channel: Int, _ window: [(tap: Int, place: Int?)]) -> Float
  ) -> Tensor {
    let out = (0..<3).map { row.extent($0, Self.image[$0]) }
    var numbers: [Float] = []
    for n in 0..<Self.batch {
      for channel in 0..<channels {
        for a in 0..<out[0] {
          for b in 0..<out[1] {
            for c in 0..<out[2] { numbers.append(body(n, channel, row.places([a, b, c], Self.image))) }
          }
        }
      }
    }
    return Tensor(Shape([Self.batch, channels] + out), numbers)
  }

  private var x: Tensor { .random(Shape([Self.batch, Self.channels] + Self.image), seed: 5) }
  private var size: Int { Self.image.reduce(1, *) }

  @Test("a convolution is the sum of its products", arguments: rows)
  func convolution(_ row: Row) throws {
    let made = 4, taps = row.kernel.reduce(1, *), own = Self.channels / row.groups
    let w = Tensor.random(Shape([made, own] + row.kernel), seed: 6), b = Tensor.random([made], seed: 7), x = x,
      size = size
    let expected = each(row, channels: made) { n, m, window in
      var sum = b.elements[m]
      for c in 0..<own {
        let plane = (n * Self.channels + m / (made / row.groups) * own + c) * size
        for (tap, place) in window where place != nil {
          sum += w.elements[(m * own + c) * taps + tap] * x.elements[plane + (place ?? 0)]
        }
      }
      return sum
    }
    var attributes = row.attributes
    attributes["group"] = .int(Int64(row.groups))
    #expect(try run("Conv", attributes, [w, b], x).isClose(to: expected, absolute: 1e-5))
  }

  @Test("poolings look at the box of each result", arguments: rows.filter { $0.groups < 4 })
  func poolings(_ row: Row) throws {
    let x = x, size = size, taps = Float(row.kernel.reduce(1, *))
    func values(_ n: Int, _ c: Int, _ window: [(tap: Int, place: Int?)]) -> [Float] {
      window.compactMap { $0.place.map { x.elements[(n * Self.channels + c) * size + $0] } }
    }
    let most = each(row, channels: Self.channels) { values($0, $1, $2).max() ?? 0 }
    #expect(try run("MaxPool", row.attributes, [], x) == most)
    let mean = each(row, channels: Self.channels) { n, c, window in
      let inside = values(n, c, window)
      return inside.reduce(0, +) / Float(inside.count)
    }
    #expect(try run("AveragePool", row.attributes, [], x).isClose(to: mean, absolute: 1e-5))
    var attributes = row.attributes
    attributes["count_include_pad"] = .int(1)
    let padded = each(row, channels: Self.channels) { values($0, $1, $2).reduce(0, +) / taps }
    #expect(try run("AveragePool", attributes, [], x).isClose(to: padded, absolute: 1e-5))
    let norm = each(row, channels: Self.channels) { n, c, window in
      values(n, c, window).reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    #expect(try run("LpPool", row.attributes, [], x).isClose(to: norm, absolute: 1e-5))
  }

  @Test(
    "attributes of another rank are refused",
    arguments: [
      ["kernel_shape": OnnxAttribute.ints([2, 2])], ["kernel_shape": .ints([2, 2, 2]), "strides": .ints([1, 1])],
      ["kernel_shape": .ints([2, 2, 2]), "pads": .ints([0, 0, 0, 0])], ["kernel_shape": .ints([5, 2, 2])],
    ])
  func refuses(_ attributes: [String: OnnxAttribute]) {
    #expect(throws: GraphError.self) { try run("MaxPool", attributes, [], x) }
  }
}

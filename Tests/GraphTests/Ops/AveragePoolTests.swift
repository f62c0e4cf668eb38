import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Testing

/// Averages over windows that hang over: padding counts where that is asked for, what ceil mode adds behind it never does.
@Suite("AveragePool")
struct AveragePoolTests {
  struct Row: Sendable, CustomTestStringConvertible {
    /// Behind batch and channels.
    var image: [Int]
    var kernel: [Int]
    var strides: [Int]
    var pads: [Int]
    var ceil = true
    var counts = true
    var testDescription: String {
      "\(image) by \(kernel), strides \(strides), pads \(pads), ceil \(ceil), counts \(counts)"
    }
  }

  static let rows: [Row] = [
    Row(image: [7], kernel: [2], strides: [2], pads: [0, 0]),
    Row(image: [7, 7], kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0]),
    Row(image: [7, 6], kernel: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1]),
    Row(image: [6, 9], kernel: [3, 4], strides: [3, 2], pads: [0, 1, 2, 0]),
    Row(image: [8], kernel: [3], strides: [3], pads: [1, 0]),
    Row(image: [9], kernel: [4], strides: [3], pads: [0, 2]),
    Row(image: [5, 5], kernel: [3, 3], strides: [2, 2], pads: [0, 1, 0, 0]),
    Row(image: [6, 6], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], counts: false),
    Row(image: [6, 6], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil: false),
    Row(image: [7, 8], kernel: [2, 3], strides: [3, 2], pads: [0, 0, 1, 2], ceil: false),
    Row(image: [6, 5], kernel: [2, 2], strides: [1, 1], pads: [1, 0, 0, 1]),
  ]

  static let channels = 3

  private static func graph(_ row: Row) throws -> Graph {
    let op = try Catalog<any OnnxOp.Type>.ops.entry(named: "AveragePool").init(
      OnnxNode(
        name: "pool", type: "AveragePool", opset: 19,
        attributes: [
          "kernel_shape": .ints(row.kernel.map(Int64.init)), "strides": .ints(row.strides.map(Int64.init)),
          "pads": .ints(row.pads.map(Int64.init)), "ceil_mode": .int(row.ceil ? 1 : 0),
          "count_include_pad": .int(row.counts ? 1 : 0),
        ], presentInputs: [true]))
    let builder = GraphBuilder(), x = builder.input("x", [channels] + row.image)
    return builder.finish(outputs: [("y", try builder.apply(op, [x])[0])])
  }

  /// One axis: for each window the first place, one past the last, and how many cells count.
  private static func windows(_ row: Row, _ axis: Int) -> [(range: Range<Int>, counted: Int)] {
    let extent = row.image[axis], before = row.pads[axis], after = row.pads[axis + row.image.count]
    let kernel = row.kernel[axis], stride = row.strides[axis], room = extent + before + after - kernel
    var count = room / stride + 1
    // A window more, where it begins in the image or before it.
    if row.ceil, room % stride > 0, count * stride < extent + before { count += 1 }
    return (0..<count).map { index in
      let start = index * stride - before, end = min(start + kernel, extent + after)
      let inside = max(start, 0)..<max(min(end, extent), max(start, 0))
      return (inside, row.counts ? end - start : inside.count)
    }
  }

  /// The output's shape behind the channels, and for each of its cells which cells of the image it is the mean of, and of how many.
  private static func reference(_ row: Row) -> (shape: [Int], cells: [(places: [Int], counted: Int)]) {
    let wide = row.image.count == 1
    let heights = wide ? [(range: 0..<1, counted: 1)] : windows(row, 0)
    let widths = windows(row, wide ? 0 : 1), width = row.image[wide ? 0 : 1]
    let cells = heights.flatMap { h in
      widths.map { w in
        (places: h.range.flatMap { y in w.range.map { y * width + $0 } }, counted: h.counted * w.counted)
      }
    }
    return (wide ? [widths.count] : [heights.count, widths.count], cells)
  }

  @Test("values and gradients are the naive ones", arguments: rows)
  func naive(_ row: Row) throws {
    let graph = try Self.graph(row), (shape, cells) = Self.reference(row), planes = 2 * Self.channels
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 2, inputGradient: true))
    #expect(plan.outputTypes[0].shape == Shape([2, Self.channels] + shape))
    let pixels = row.image.reduce(1, *), x = Tensor.random([planes, pixels], seed: 4)
    let upstream = Tensor.random([planes, cells.count], seed: 5)
    plan.write(.float(x), to: 0)
    plan.forward()
    _ = plan.cotangent.update(fromContentsOf: upstream.elements)
    plan.backward()
    var wanted = Tensor(zeros: [planes, cells.count]), gradient = Tensor(zeros: [planes, pixels])
    for plane in 0..<planes {
      for (at, cell) in cells.enumerated() {
        for place in cell.places {
          wanted.elements[plane * cells.count + at] += x.elements[plane * pixels + place] / Float(cell.counted)
          gradient.elements[plane * pixels + place] +=
            upstream.elements[plane * cells.count + at] / Float(cell.counted)
        }
      }
    }
    #expect(Tensor(wanted.shape, Array(plan.output())).isClose(to: wanted, absolute: 1e-6))
    #expect(Tensor(gradient.shape, Array(plan.inputGradients[0])).isClose(to: gradient, absolute: 1e-6))
  }

  @Test("bounds are the means of the box's sides", arguments: rows)
  func bounds(_ row: Row) throws {
    let bounded = try Self.graph(row).bounded(rows: 2)
    let plan = try Plan(bounded.graph, parameters: ParameterBuffers(bounded.graph), options: .init(rows: 2))
    let shape = Shape([2 * Self.channels] + row.image), cells = Self.reference(row).cells
    plan.write(.float(Tensor(zeros: shape)), to: 0)
    plan.write(.float(Tensor(shape, repeating: 0.5)), to: 1)
    plan.forward()
    for (at, radius) in plan.output(1).enumerated() {
      let cell = cells[at % cells.count], right = 0.5 * Float(cell.places.count) / Float(cell.counted)
      #expect(radius >= right && radius < right * 1.001, "\(at)")
    }
  }
}

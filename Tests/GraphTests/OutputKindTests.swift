import DitherBasics
import DitherGraph
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// What nodes tell of an output, and the logits behind it.
@Suite("Kinds of outputs")
struct OutputKindTests {
  /// Nodes behind logits z, [batch, 4].
  struct Tail: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var kind: OutputKind?
    var build: @Sendable (GraphBuilder, Value) throws -> Value
    init(_ name: String, _ kind: OutputKind?, _ build: @escaping @Sendable (GraphBuilder, Value) throws -> Value) {
      (testDescription, self.kind, self.build) = (name, kind, build)
    }
  }

  static func op(_ type: String, _ attributes: [String: OnnxAttribute] = [:], inputs: Int = 1, opset: Int = 17) throws
    -> any OnnxOp
  {
    try Catalog<any OnnxOp.Type>.ops.entry(named: type).init(
      OnnxNode(
        name: type, type: type, opset: opset, attributes: attributes,
        presentInputs: [Bool](repeating: true, count: inputs)))
  }

  static func apply(
    _ builder: GraphBuilder, _ type: String, _ inputs: [Value], _ attributes: [String: OnnxAttribute] = [:],
    opset: Int = 17
  ) throws -> Value {
    try builder.apply(op(type, attributes, inputs: inputs.count, opset: opset), inputs)[0]
  }

  private static func number(_ builder: GraphBuilder, _ value: Float) -> Value {
    builder.constant(.float(Tensor([], [value])))
  }
  private static func ints(_ builder: GraphBuilder, _ values: [Int64]) -> Value {
    builder.constant(.int64([values.count], values))
  }
  private static func softmax(_ b: GraphBuilder, _ z: Value) throws -> Value { try apply(b, "Softmax", [z]) }
  /// One number a row.
  private static func sigmoid(_ b: GraphBuilder, _ z: Value) throws -> Value {
    let weight = b.parameter("one", Tensor([4, 1], [1, -1, 0.5, 0]))
    return try apply(b, "Sigmoid", [apply(b, "MatMul", [z, weight])])
  }

  static let tails: [Tail] = [
    Tail("nothing", nil) { _, z in z },
    Tail("Relu", nil) { b, z in try apply(b, "Relu", [z]) },
    Tail("Softmax", .probabilities) { b, z in try softmax(b, z) },
    Tail("LogSoftmax", .logProbabilities) { b, z in try apply(b, "LogSoftmax", [z]) },
    Tail("Softmax of rows", nil) { b, z in try apply(b, "Softmax", [z], ["axis": .int(0)]) },
    Tail("Softmax, Identity", .probabilities) { b, z in try apply(b, "Identity", [softmax(b, z)]) },
    Tail("Softmax, Cast", .probabilities) { b, z in try apply(b, "Cast", [softmax(b, z)], ["to": .int(11)]) },
    Tail("Softmax, Clip", .probabilities) { b, z in
      try apply(b, "Clip", [softmax(b, z), number(b, 1e-7), number(b, 1 - 1e-6)])
    },
    Tail("Softmax, Clip with attributes", .probabilities) { b, z in
      try apply(b, "Clip", [softmax(b, z)], ["min": .float(0), "max": .float(1)], opset: 9)
    },
    Tail("Softmax, Clip to a middle", nil) { b, z in
      try apply(b, "Clip", [softmax(b, z), number(b, 0.2), number(b, 0.8)])
    },
    Tail("Softmax, Max", .probabilities) { b, z in try apply(b, "Max", [softmax(b, z), number(b, 1e-9)]) },
    Tail("Softmax, Dropout", .probabilities) { b, z in try apply(b, "Dropout", [softmax(b, z)]) },
    Tail("Softmax, Reshape", .probabilities) { b, z in
      try apply(b, "Reshape", [softmax(b, z), ints(b, [-1, 4])])
    },
    Tail("Softmax over channels, Squeeze", .probabilities) { b, z in
      let maps = try apply(b, "Unsqueeze", [z, ints(b, [2, 3])])
      return try apply(b, "Squeeze", [apply(b, "Softmax", [maps], ["axis": .int(1)]), ints(b, [2, 3])])
    },
    Tail("Softmax over channels, Flatten", .probabilities) { b, z in
      let maps = try apply(b, "Unsqueeze", [z, ints(b, [2, 3])])
      return try apply(b, "Flatten", [apply(b, "Softmax", [maps], ["axis": .int(1)])])
    },
    Tail("a transposition of nothing", .probabilities) { b, z in
      let maps = try apply(b, "Softmax", [apply(b, "Unsqueeze", [z, ints(b, [1])])], ["axis": .int(2)])
      return try apply(b, "Flatten", [apply(b, "Transpose", [maps], ["perm": .ints([0, 2, 1])])])
    },
    Tail("Softmax times 1", .probabilities) { b, z in try apply(b, "Mul", [softmax(b, z), number(b, 1)]) },
    Tail("Softmax plus 0", .probabilities) { b, z in try apply(b, "Add", [number(b, 0), softmax(b, z)]) },
    Tail("Softmax times 2", .probabilities) { b, z in try apply(b, "Mul", [softmax(b, z), number(b, 2)]) },
    Tail("classes in another order", .probabilities) { b, z in
      try apply(b, "Gather", [softmax(b, z), ints(b, [2, 0, 3, 1])], ["axis": .int(1)])
    },
    Tail("classes backwards", .probabilities) { b, z in
      try apply(
        b, "Slice", [softmax(b, z), ints(b, [3]), ints(b, [-10]), ints(b, [1]), ints(b, [-1])])
    },
    Tail("Exp of LogSoftmax", .probabilities) { b, z in try apply(b, "Exp", [apply(b, "LogSoftmax", [z])]) },
    Tail("Log of Softmax", .logProbabilities) { b, z in try apply(b, "Log", [softmax(b, z)]) },
    Tail("Log of a clipped Softmax", .logProbabilities) { b, z in
      try apply(b, "Log", [apply(b, "Clip", [softmax(b, z), number(b, 1e-12)])])
    },
    Tail("by hand", .probabilities) { b, z in
      let e = try apply(b, "Exp", [z])
      return try apply(b, "Div", [e, apply(b, "ReduceSum", [e, ints(b, [1])])])
    },
    Tail("by hand, less the largest", .probabilities) { b, z in
      let e = try apply(b, "Exp", [apply(b, "Sub", [z, apply(b, "ReduceMax", [z], ["axes": .ints([1])])])])
      return try apply(b, "Div", [e, apply(b, "ReduceSum", [e, ints(b, [1])])])
    },
    Tail("by hand, with a reciprocal", .probabilities) { b, z in
      let e = try apply(b, "Exp", [z])
      return try apply(b, "Mul", [apply(b, "Reciprocal", [apply(b, "ReduceSum", [e, ints(b, [1])])]), e])
    },
    Tail("divided by another sum", nil) { b, z in
      let e = try apply(b, "Exp", [z])
      let other = try apply(b, "ReduceSum", [apply(b, "Abs", [z]), ints(b, [1])])
      return try apply(b, "Div", [e, other])
    },
    Tail("Mean of softmaxes", .probabilities) { b, z in
      try apply(b, "Mean", [softmax(b, z), softmax(b, apply(b, "Neg", [z])), softmax(b, apply(b, "Relu", [z]))])
    },
    Tail("half of a sum of softmaxes", .probabilities) { b, z in
      let sum = try apply(b, "Add", [softmax(b, z), softmax(b, apply(b, "Neg", [z]))])
      return try apply(b, "Div", [sum, number(b, 2)])
    },
    Tail("a weighted sum, clipped", .probabilities) { b, z in
      let first = try apply(b, "Mul", [softmax(b, z), number(b, 0.75)])
      let second = try apply(b, "Mul", [softmax(b, apply(b, "Neg", [z])), number(b, 0.25)])
      return try apply(b, "Clip", [apply(b, "Sum", [first, second]), number(b, 0), number(b, 1)])
    },
    Tail("a sum of softmaxes", .probabilities) { b, z in
      try apply(b, "Sum", [softmax(b, z), softmax(b, apply(b, "Neg", [z]))])
    },
    Tail("mean along an axis of members", .probabilities) { b, z in
      let members = try [z, apply(b, "Neg", [z])].map { try apply(b, "Unsqueeze", [softmax(b, $0), ints(b, [1])]) }
      return try apply(
        b, "ReduceMean", [apply(b, "Concat", members, ["axis": .int(1)])], ["axes": .ints([1]), "keepdims": .int(0)])
    },
    Tail("[1 - p, p]", .probabilities) { b, z in
      let p = try sigmoid(b, z)
      return try apply(b, "Concat", [apply(b, "Sub", [number(b, 1), p]), p], ["axis": .int(1)])
    },
    Tail("[p, 1 - p]", .probabilities) { b, z in
      let p = try sigmoid(b, z)
      return try apply(b, "Concat", [p, apply(b, "Sub", [number(b, 1), p])], ["axis": .int(-1)])
    },
    Tail("[p, 1 - p], stacked and clipped", .probabilities) { b, z in
      let p = try apply(b, "Clip", [apply(b, "Squeeze", [sigmoid(b, z), ints(b, [1])]), number(b, 1e-6)])
      let rest = try apply(b, "Add", [apply(b, "Neg", [p]), number(b, 1)])
      let stacked = try [p, rest].map { try apply(b, "Unsqueeze", [$0, ints(b, [1])]) }
      return try apply(b, "Concat", stacked, ["axis": .int(1)])
    },
    Tail("sigmoids of many classes", .probabilities) { b, z in try apply(b, "Sigmoid", [z]) },
    Tail("sigmoids by their sum", .probabilities) { b, z in
      let s = try apply(b, "Sigmoid", [z])
      return try apply(b, "Div", [s, apply(b, "ReduceSum", [s, ints(b, [1])])])
    },
    Tail("scikit's normalizer", .probabilities) { b, z in
      try apply(b, "Normalizer", [apply(b, "Sigmoid", [z])], ["norm": .string("L1")])
    },
    Tail("a dictionary of probabilities", .probabilities) { b, z in try apply(b, "ZipMap", [softmax(b, z)]) },
  ]

  private func graph(_ tail: Tail) throws -> Graph {
    let builder = GraphBuilder(name: "tail"), x = builder.input("x", [6])
    let z = try Self.apply(builder, "MatMul", [x, builder.parameter("w", .random([6, 4], seed: 4, from: -2, to: 2))])
    return builder.finish(outputs: [("y", try tail.build(builder, z))])
  }

  private static let inputs = Tensor.random([5, 6], seed: 9, from: -1, to: 1)

  @Test("what the nodes tell", arguments: tails)
  func kind(_ tail: Tail) throws {
    let graph = try graph(tail)
    #expect(try graph.outputKind(of: graph.outputs[0].value) == tail.kind)
  }

  @Test("the softmax of the exposed logits is what the output stands for", arguments: tails.filter { $0.kind != nil })
  func logits(_ tail: Tail) throws {
    let graph = try graph(tail), kind = try #require(tail.kind)
    let exposed = try graph.exposingLogits(of: "y", kind: kind)
    let own = try Network(graph).outputs([.float(Self.inputs)])
    let logits = try Network(exposed).outputs([.float(Self.inputs)]), classes = logits.count / 5
    try #require(own.count == logits.count)
    for row in 0..<5 {
      let z = logits[row * classes..<(row + 1) * classes].map(Double.init), top = z.max() ?? 0
      let total = z.reduce(0) { $0 + exp($1 - top) }
      let numbers = own[row * classes..<(row + 1) * classes].map {
        kind == .logProbabilities ? exp(Double($0)) : Double($0)
      }
      let sum = numbers.reduce(0, +)
      for (p, z) in zip(numbers, z) { #expect(abs(p / sum - exp(z - top) / total) < 1e-5) }
    }
    // Where the probabilities have rounded to 0 and 1, logits still differ.
    let far = try Network(exposed).outputs([.float(Self.inputs.map { 100 * $0 })])
    #expect(far.allSatisfy(\.isFinite) && Set(far).count > 2)
  }

  /// Their largest, and the logarithm of their sum of exponentials, tell what is unlike the training data.
  @Test("the exposed logits are the model's own, not less their largest")
  func shift() throws {
    let tail = try #require(Self.tails.first { $0.testDescription == "by hand, less the largest" })
    let exposed = try graph(tail).exposingLogits(of: "y", kind: .probabilities)
    let own = try Network(graph(Tail("none", nil) { _, z in z })).outputs([.float(Self.inputs)])
    #expect(try Network(exposed).outputs([.float(Self.inputs)]) == own)
  }

  @Test("of twelve thousand nodes, on a thread of a small stack", arguments: ["Identity", "Reshape", "Gather"])
  func deep(_ type: String) throws {
    let builder = GraphBuilder(name: "deep"), x = builder.input("x", [4])
    var y = try Self.softmax(builder, x)
    let shape = Self.ints(builder, [-1, 4]), order = Self.ints(builder, [1, 2, 3, 0])
    for _ in 0..<12_000 {
      y =
        switch type {
        case "Reshape": try Self.apply(builder, type, [y, shape])
        case "Gather": try Self.apply(builder, type, [y, order], ["axis": .int(1)])
        default: try Self.apply(builder, type, [y])
        }
    }
    let graph = builder.finish(outputs: [("y", y)])
    let done = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var kind: OutputKind?, exposed: Graph?
    let thread = Thread {
      kind = try? graph.outputKind(of: graph.outputs[0].value)
      exposed = try? graph.exposingLogits(of: "y", kind: .probabilities)
      done.signal()
    }
    thread.stackSize = 512 << 10
    thread.start()
    done.wait()
    #expect(kind == .probabilities && exposed != nil)
  }

  @Test("sums of themselves do not grow the way to the logits without bound")
  func doubling() throws {
    let builder = GraphBuilder(name: "doubling"), x = builder.input("x", [4])
    var y = try Self.softmax(builder, x)
    for _ in 0..<60 { y = try Self.apply(builder, "Mean", [y, y]) }
    let graph = builder.finish(outputs: [("y", y)])
    #expect(try graph.outputKind(of: graph.outputs[0].value) == .probabilities)
    #expect(try graph.exposingLogits(of: "y", kind: .probabilities).nodes.count < graph.nodes.count + 1000)
  }

  @Test("metadata is added to a file without reading it, and the last word counts")
  func metadata() throws {
    let graph = try graph(Self.tails[0]), bytes = try graph.onnx()
    let once = OnnxMetadata.adding("probabilities", for: Graph.outputKindKey, to: bytes)
    let twice = OnnxMetadata.adding("logits", for: Graph.outputKindKey, to: once)
    #expect(try Graph(onnx: once).metadata[Graph.outputKindKey] == "probabilities")
    #expect(try Graph(onnx: twice).metadata[Graph.outputKindKey] == "logits")
    let long = String(repeating: "ä", count: 300)
    #expect(try Graph(onnx: OnnxMetadata.adding(long, for: "note", to: bytes)).metadata["note"] == long)
  }
}

import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Testing

@Suite("Models of several inputs")
struct ModelInputsTests {
  /// x [4] floats and k [1] int64: logits W (x + shift[k]), and a third input of truth values that doubles them.
  private static func mixed() throws -> Model {
    let builder = GraphBuilder(name: "mixed")
    func op(_ type: String, _ inputs: [Value], _ attributes: [String: OnnxAttribute] = [:]) throws -> Value {
      let node = OnnxNode(name: type, type: type, opset: 17, attributes: attributes)
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: type)[0]
    }
    let k = builder.input("k", [], element: .int64), x = builder.input("x", [4])
    let twice = builder.input("twice", [1], element: .bool)
    let shifted = try op("Add", [x, op("Gather", [builder.parameter("shift", .random([6, 4], seed: 1)), k])])
    let factor = try op("Cast", [twice], ["to": .int(1)])
    let scaled = try op(
      "Mul", [shifted, builder.relu(op("Sub", [builder.constant(.float(Tensor([], [2]))), factor]))])
    let logits = try builder.dense(scaled, builder.parameter("w", .random([3, 4], seed: 2)), nil, name: "fc")
    return try Model(builder.finish(outputs: [("logits", logits)]))
  }

  @Test("a signature has each of them, and a row all of their numbers")
  func signature() throws {
    let signature = try Model(onnx: TextNet.onnx()).signature
    #expect(signature.inputs.map(\.name) == ["ids", "mask"] && signature.inputs.allSatisfy { $0.element == .int64 })
    #expect(signature.inputShape == [10] && !signature.takesOneFloat && signature.layout.columns == [0..<5, 5..<10])
    #expect(signature.floatColumns.isEmpty && signature.integerColumns == Array(0..<10))
    let mixed = try Self.mixed().signature
    #expect(mixed.inputShape == [6] && mixed.floatColumns == [1..<5] && mixed.integerColumns == [0, 5])
    #expect(mixed.takes.contains("k []") && mixed.takes.contains("x [4]"))
  }

  @Test("a text classifier answers as its formula does, alone and in batches of any size")
  func texts() throws {
    let model = try Model(onnx: TextNet.onnx()), rows = TextNet.rows(23), (ids, mask) = TextNet.texts(23)
    let outputs = try model.outputs(rows)
    for row in 0..<23 {
      let expected = TextNet.logits(ids[row], mask[row])
      #expect(zip(outputs.row(row), expected).allSatisfy { abs(Double($0) - $1) < 1e-4 }, "\(row)")
    }
    for count in [1, 2, 7, 16, 23] {
      #expect(try model.outputs(rows.rows(0..<count)).isClose(to: outputs.rows(0..<count), absolute: 1e-5))
    }
    // What the mask hides says nothing.
    var hidden = rows
    for row in 0..<23 { for i in 0..<5 where mask[row][i] == 0 { hidden.elements[row * 10 + i] = 7 } }
    #expect(try model.outputs(hidden).isClose(to: outputs, absolute: 1e-5))
    #expect(try model.rowDependence(on: rows) == nil)
  }

  @Test(
    "noise on weights, activations and embeddings is drawn as in any model",
    arguments: ["weights:gaussian,sigma=0.1", "embeddings:gaussian,sigma=0.3"], [NoisePath.fresh, .explicit])
  func noise(_ term: String, _ path: NoisePath) throws {
    let model = try Model(onnx: TextNet.onnx()).drawing([term]), rows = TextNet.rows(9)
    let seeds = (0..<9).map(UInt64.init)
    let all = try model.sampledOutputs(rows, NoiseDraws(0..<4, seeds: seeds, path: path))
    #expect(all.isFinite && Set(all.elements).count > 100)
    for row in 0..<9 {
      let alone = try model.sampledOutputs(rows.rows(row..<row + 1), NoiseDraws(0..<4, seeds: [seeds[row]], path: path))
      for draw in 0..<4 {
        let same = all.elements[(draw * 9 + row) * 3..<(draw * 9 + row + 1) * 3]
        #expect(zip(alone.elements[draw * 3..<(draw + 1) * 3], same).allSatisfy { abs($0 - $1) < 1e-4 })
      }
    }
    #expect(throws: GraphError.self) { try model.drawing(["input:gaussian,sigma=1"]) }
  }

  @Test("gradients are for the float inputs, in their columns, and nought for the others")
  func gradients() throws {
    let model = try Self.mixed()
    let rows = Tensor([2, 6], [3, 0.1, 0.2, 0.3, 0.4, 0, 5, -1, 0.5, 0.25, 2, 1])
    let found = try model.lossGradient(rows, loss: .crossEntropy, targets: [0, 2])
    for row in 0..<2 {
      #expect(found.gradient.elements[row * 6] == 0 && found.gradient.elements[row * 6 + 5] == 0)
      for column in 1..<5 {
        func loss(_ step: Float) throws -> Float {
          var moved = rows
          moved.elements[row * 6 + column] += step
          return try model.lossGradient(moved, loss: .crossEntropy, targets: [0, 2]).losses[row]
        }
        let slope = try (loss(1e-2) - loss(-1e-2)) / 2e-2
        #expect(abs(slope - found.gradient.elements[row * 6 + column]) < 1e-3, "\(row), \(column)")
      }
    }
    // A model of integers alone has none.
    let text = try Model(onnx: TextNet.onnx()).lossGradient(TextNet.rows(3), loss: .crossEntropy, targets: [0, 1, 2])
    #expect(text.gradient == Tensor(zeros: [3, 10]))
  }

  @Test(
    "what is no input is refused by its name",
    arguments: [
      (0, Float(0.5), "input 'k', row 1: expected whole numbers"), (0, 2e7, "input 'k', row 1: expected whole numbers"),
      (3, .nan, "input 'x', row 1: expected finite numbers, got nan at element 2"),
      (5, 2, "input 'twice', row 1: expected 0 or 1"), (0, -.infinity, "input 'k', row 1: expected finite"),
    ])
  func refusals(_ column: Int, _ value: Float, _ words: String) throws {
    let model = try Self.mixed()
    var rows = Tensor(zeros: [2, 6])
    _ = try model.outputs(rows)
    rows.elements[6 + column] = value
    #expect { try model.outputs(rows) } throws: { error in "\(error)".contains(words) }
    #expect(throws: InferenceError.self) { try model.outputs(Tensor(zeros: [2, 5])) }
  }

  @Test("words that a table has not give no answer")
  func strangers() throws {
    let model = try Model(onnx: TextNet.onnx())
    var rows = TextNet.rows(2)
    rows.elements[0] = 1000
    let outputs = try model.outputs(rows)
    #expect(outputs.row(0).allSatisfy(\.isNaN) && outputs.row(1).allSatisfy(\.isFinite))
  }

  @Test("curvatures and ensembles take them")
  func others() throws {
    let graph = try TextNet.graph(), rows = TextNet.rows(12), labels = TextNet.labels(12), model = try Model(graph)
    let curvature = try Curvature(graph, inputs: rows, labels: labels)
    #expect(curvature.evaluate(curvature.start).correct == 12)
    #expect(try GaussNewton(model, inputs: rows).diagonals["w"]?.contains { $0 > 0 } == true)
    let ensemble = try Model(ensemble: [model, model])
    #expect(ensemble.signature.inputs.map(\.name) == ["ids", "mask"])
    #expect(try ensemble.outputs(rows).labels() == labels)
  }

  @Test(
    "a model of words answers the same by their embeddings, with the same draws",
    arguments: [[], ["embeddings:gaussian,sigma=0.3"], ["weights:gaussian,sigma=0.1"]])
  func embedded(_ noise: [String]) throws {
    let own = try Model(onnx: TextNet.onnx()), model = noise.isEmpty ? own : try own.drawing(noise)
    let embedded = try #require(try EmbeddedModel(model)), rows = TextNet.rows(7), moved = embedded.embedded(rows)
    #expect(embedded.model.signature.inputs.map(\.name) == ["ids_rows", "mask"] && embedded.columns == 0..<40)
    #expect(moved.shape == [7, 45] && embedded.table.shape == [12, 8])
    #expect(try embedded.model.outputs(moved).isClose(to: model.outputs(rows), absolute: 1e-6))
    if !noise.isEmpty {
      let draws = NoiseDraws(0..<4, seeds: (0..<7).map(UInt64.init))
      let found = try embedded.model.sampledOutputs(moved, draws)
      #expect(try found.isClose(to: model.sampledOutputs(rows, draws), absolute: 1e-5))
    }
    let gradient = try embedded.model.lossGradient(moved, loss: .crossEntropy, targets: TextNet.labels(7)).gradient
    let (_, mask) = TextNet.texts(7)
    for row in 0..<7 {
      for i in 0..<5 {
        let own = gradient.row(row).dropFirst(8 * i).prefix(8)
        #expect(mask[row][i] == 1 ? own.contains { $0 != 0 } : own.allSatisfy { abs($0) < 1e-6 })
      }
    }
    // One float input has no words.
    #expect(try EmbeddedModel(Self.mixed()).map { _ in true } == nil)
  }

  @Test("rows of named arrays go into any order")
  func layout() {
    let a = RowLayout([.init(name: "a", shape: [2]), .init(name: "b", shape: [1, 2])])
    let b = RowLayout([.init(name: "b", shape: [2]), .init(name: "a", shape: [2])])
    let rows = Tensor([2, 4], [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(a.arranged(rows, as: b) == Tensor([2, 4], [3, 4, 1, 2, 7, 8, 5, 6]))
    #expect(a.arranged(rows, as: a) == rows && a.rows(of: 1, in: rows) == Tensor([2, 1, 2], [3, 4, 7, 8]))
    #expect(a.arranged(rows, as: RowLayout([.init(name: "a", shape: [2]), .init(name: "c", shape: [2])])) == nil)
    #expect(a.place(of: 3)?.part.name == "b" && a.place(of: 3)?.number == 1 && a.place(of: 4) == nil)
  }
}

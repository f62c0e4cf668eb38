import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import DitherTrain
import Foundation
import Testing

/// What holds for every architecture of the catalog.
@Suite("Every architecture")
struct EveryArchitectureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String, input: Shape, classes: Int
    var testDescription: String { "\(name) of \(input) to \(classes)" }
    func graph(seed: UInt64 = 7) throws -> Graph {
      try Catalog.architectures.entry(named: name).init().build(input: input, outputs: classes, seed: seed)
    }
  }

  static let cases = Catalog.architectures.names.flatMap { name in
    [Case(name: name, input: [1, 16, 16], classes: 3), Case(name: name, input: [3, 12, 20], classes: 2)]
  }

  @Test("has one input and logits of the classes", arguments: cases)
  func signature(_ one: Case) throws {
    let graph = try one.graph(), model = try Model(graph)
    #expect(graph.inputs.map(\.name) == ["input"] && graph.outputs.map(\.name) == ["logits"])
    #expect(model.signature.inputShape == one.input && model.signature.classes == one.classes)
  }

  @Test("a seed gives the same weights, another seed others", arguments: cases)
  func seeds(_ one: Case) throws {
    #expect(try one.graph().onnx() == one.graph().onnx())
    #expect(try one.graph().onnx() != one.graph(seed: 8).onnx())
  }

  @Test("answers as its ONNX file does, each row for itself", arguments: cases)
  func file(_ one: Case) throws {
    let graph = try one.graph(), inputs = Tensor.random(Shape([5] + one.input.dimensions), seed: 2, from: 0, to: 1)
    let outputs = try Model(graph).outputs(inputs), again = try Model(onnx: graph.onnx()).outputs(inputs)
    #expect(outputs.elements.allSatisfy(\.isFinite) && outputs == again)
    let alone = try Model(graph).outputs(inputs.rows(3..<4))
    #expect(alone.isClose(to: outputs.rows(3..<4), absolute: 1e-4))
  }

  @Test("every parameter has a gradient", arguments: cases)
  func gradients(_ one: Case) throws {
    let graph = try one.graph(), buffers = ParameterBuffers(graph, moving: true)
    let plan = try Plan(
      graph, parameters: buffers, options: .init(rows: 4, parameterGradients: true, batchStatistics: true))
    let inputs = Tensor.random(Shape([4] + one.input.dimensions), seed: 3, from: 0, to: 1)
    _ = plan.input().update(fromContentsOf: inputs.elements)
    plan.forward()
    for i in plan.cotangent.indices { plan.cotangent[i] = Float(i % 5) - 1.5 }
    plan.backward()
    for id in buffers.trainable {
      let gradient = try #require(plan.parameterGradient(id)), name = buffers.names[id] ?? ""
      #expect(gradient.allSatisfy(\.isFinite) && gradient.contains { $0 != 0 }, "\(name)")
    }
  }

  @Test("one more output is as many numbers more as the last one was, whatever the seed", arguments: cases)
  func count(_ one: Case) throws {
    func count(_ outputs: Int, seed: UInt64 = 7) throws -> Int {
      var one = one
      one = Case(name: one.name, input: one.input, classes: outputs)
      let graph = try one.graph(seed: seed), buffers = ParameterBuffers(graph, moving: true)
      return buffers.trainable.reduce(0) { $0 + (buffers.shapes[$1]?.count ?? 0) }
    }
    let counts = try [2, 3, 4].map { try count($0) }
    #expect(counts[1] > counts[0] && counts[2] - counts[1] == counts[1] - counts[0])
    #expect(try count(3, seed: 8) == counts[1])
  }

  @Test("gradients of its parameters are differences of its loss", arguments: cases)
  func differences(_ one: Case) throws {
    let graph = try one.graph(), buffers = ParameterBuffers(graph, moving: true), floats = buffers.floats
    let plan = try Plan(graph, parameters: buffers, options: .init(rows: 3, parameterGradients: true))
    let inputs = Tensor.random(Shape([3] + one.input.dimensions), seed: 3, from: 0, to: 1)
    _ = plan.input().update(fromContentsOf: inputs.elements)
    let weights = NoiseAddress(seed: 5).normals(3 * one.classes)
    func value() -> Double {
      plan.forward()
      return zip(plan.output(), weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    _ = value()
    for i in plan.cotangent.indices { plan.cotangent[i] = weights[i] }
    plan.backward()
    let gradient = Array(plan.parameterGradients)
    // Along a direction in each parameter: single numbers drown in rounding.
    for (number, id) in buffers.trainable.enumerated() {
      let range = try #require(buffers.ranges[id]), start = Array(floats[range])
      let direction = NoiseAddress(seed: 6, site: UInt32(number)).normals(range.count)
      let length = direction.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      func loss(at step: Double) -> Double {
        for (i, place) in range.enumerated() { floats[place] = start[i] + Float(step / length) * direction[i] }
        return value()
      }
      let step = 2e-3, slope = (loss(at: step) - loss(at: -step)) / (2 * step)
      _ = floats[range].indices.map { floats[$0] = start[$0 - range.lowerBound] }
      let expected = zip(range, direction).reduce(0) { $0 + Double(gradient[$1.0]) * Double($1.1) } / length
      // Kinks of ReLUs between the two points bend the line.
      let scale = zip(range, direction).reduce(0) { $0 + pow(Double(gradient[$1.0]), 2) }.squareRoot()
      #expect(abs(slope - expected) < 0.05 * max(abs(expected), 0.2 * scale) + 2e-3, "\(buffers.names[id] ?? "")")
    }
  }

  @Test("an input that it cannot take is refused, not fatal", arguments: Catalog.architectures.names)
  func refused(_ name: String) throws {
    let architecture = try Catalog.architectures.entry(named: name).init()
    for input: Shape in [[1], [4], [2, 3], [1, 1, 1], [3, 1, 40], [3, 40, 1], [1, 2, 3, 4]] {
      do {
        let graph = try architecture.build(input: input, outputs: 2, seed: 1)
        // What is built must also run.
        let outputs = try Model(graph).outputs(.random(Shape([2] + input.dimensions), seed: 1))
        #expect(outputs.shape == [2, 2])
      } catch let error as TrainError {
        #expect("\(error)".contains("expected"))
      }
    }
  }
}

import DitherGraph
import DitherInference
import DitherTensor
import DitherTestSupport
import Foundation
import Testing

/// The diagonal against closed forms of linear models, and against every example's own Jacobian with the full Hessian
/// of the loss.
@Suite("Gauss–Newton diagonal")
struct GaussNewtonTests {
  /// A net and the name of its task where its file must say it.
  struct Net: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var task: String?
    let shape: [Int]
    let make: @Sendable (GraphBuilder, Value) throws -> Value

    func model() throws -> Model {
      let builder = GraphBuilder(name: "net"), x = builder.input("x", shape)
      var graph = builder.finish(outputs: [("y", try make(builder, x))])
      graph.metadata[ModelSignature.taskKey] = task
      return try Model(graph)
    }
  }

  private static func weights(_ builder: GraphBuilder, _ name: String, _ shape: [Int], _ seed: UInt64) -> Value {
    let numbers = NoiseAddress(seed: seed, site: 0x1AB).normals(shape.reduce(1, *)).map { 0.5 * $0 }
    return builder.parameter(name, Tensor(Shape(shape), numbers))
  }
  private static func dense(_ builder: GraphBuilder, _ x: Value, _ from: Int, _ to: Int, _ seed: UInt64) throws -> Value
  {
    try builder.dense(
      x, weights(builder, "w\(seed)", [to, from], seed), weights(builder, "b\(seed)", [to], seed + 50),
      name: "fc\(seed)")
  }

  static let nets: [Net] = [
    Net(testDescription: "two layers, tanh", shape: [4]) { b, x in
      try dense(b, b.tanh(dense(b, x, 4, 5, 1)), 5, 3, 2)
    },
    Net(testDescription: "three layers, ReLU", shape: [4]) { b, x in
      try dense(b, b.relu(dense(b, b.relu(dense(b, x, 4, 6, 1)), 6, 5, 2)), 5, 4, 3)
    },
    Net(testDescription: "behind a softmax", shape: [4]) { b, x in
      try b.softmax(dense(b, b.tanh(dense(b, x, 4, 5, 1)), 5, 3, 2))
    },
    Net(testDescription: "one score", task: "binary", shape: [4]) { b, x in
      try dense(b, b.tanh(dense(b, x, 4, 5, 1)), 5, 1, 2)
    },
    Net(testDescription: "weights of two layers", shape: [4]) { b, x in
      let shared = weights(b, "shared", [4, 4], 7)
      let y = try b.tanh(b.dense(b.tanh(b.dense(x, shared, nil, name: "one")), shared, nil, name: "two"))
      return try dense(b, y, 4, 3, 2)
    },
    Net(testDescription: "convolution", shape: [2, 5, 5]) { b, x in
      let y = try b.tanh(b.convolution(x, weights(b, "conv", [3, 2, 3, 3], 4), nil, padding: 1, name: "conv"))
      return try dense(b, b.flatten(b.maxPool(y, 2)), 12, 3, 2)
    },
    Net(testDescription: "values", task: "regression", shape: [4]) { b, x in
      try dense(b, b.tanh(dense(b, x, 4, 5, 1)), 5, 2, 2)
    },
    Net(testDescription: "values with variances", task: "gaussian_regression", shape: [4]) { b, x in
      try dense(b, b.tanh(dense(b, x, 4, 5, 1)), 5, 4, 2)
    },
  ]

  /// The Hessian of the loss for a row's output, by its definition.
  private static func hessian(_ z: [Double], _ task: ModelTask) -> [[Double]] {
    func diagonal(_ numbers: [Double]) -> [[Double]] {
      numbers.indices.map { i in numbers.indices.map { $0 == i ? numbers[i] : 0 } }
    }
    switch task {
    case .regression: return diagonal(z.map { _ in 1 })
    case .gaussian(let width): return diagonal(z.indices.map { $0 < width ? exp(-z[$0 + width]) : 0.5 })
    case .classification, .binary:
      let top = z.max() ?? 0, powers = z.map { exp($0 - top) }, p = powers.map { $0 / powers.reduce(0, +) }
      return p.indices.map { i in p.indices.map { (i == $0 ? p[i] : 0) - p[i] * p[$0] } }
    }
  }

  @Test("is that of every example's Jacobian, in one pass or spread over threads", arguments: nets)
  func bruteForce(_ net: Net) throws {
    let model = try net.model(), rows = 9, size = net.shape.reduce(1, *)
    let inputs = Tensor(Shape([rows] + net.shape), NoiseAddress(seed: 5).normals(rows * size))
    let logits = try model.exposingLogits(), width = model.signature.outputWidth
    let buffers = ParameterBuffers(logits.graph, moving: true)
    let plan = try Plan(logits.graph, parameters: buffers, options: .init(rows: 1, parameterGradients: true))
    var wanted: [String: [Double]] = [:]
    for row in 0..<rows {
      _ = plan.input().update(fromContentsOf: inputs.row(row))
      plan.forward()
      let hessian = Self.hessian(plan.output().map(Double.init), model.signature.task)
      var jacobian: [[String: [Double]]] = []
      for c in 0..<width {
        _ = plan.input().update(fromContentsOf: inputs.row(row))
        plan.forward()
        plan.cotangent.update(repeating: 0)
        plan.cotangent[c] = 1
        plan.backward()
        var own: [String: [Double]] = [:]
        for id in buffers.trainable {
          if let name = buffers.names[id], let found = plan.parameterGradient(id) { own[name] = found.map(Double.init) }
        }
        jacobian.append(own)
      }
      for (name, first) in jacobian[0] {
        var sum = wanted[name] ?? [Double](repeating: 0, count: first.count)
        for j in sum.indices {
          for a in 0..<width {
            for b in 0..<width { sum[j] += jacobian[a][name]![j] * hessian[a][b] * jacobian[b][name]![j] }
          }
        }
        wanted[name] = sum
      }
    }
    for threads in [1, 2] {
      let found = try GaussNewton(model, inputs: inputs, threads: threads).diagonals
      #expect(found.count == (net.testDescription == "three layers, ReLU" ? 3 : 2))
      for (name, numbers) in found {
        let exact = try #require(wanted[name]), largest = exact.max() ?? 0
        #expect(zip(numbers, exact).allSatisfy { abs($0 - $1) <= 1e-4 * largest }, "\(name)")
        #expect(largest > 0)
      }
    }
    let last = try GaussNewton(model, inputs: inputs, layers: .last).diagonals
    #expect(last.count == 1 && last.keys.first == (net.testDescription == "three layers, ReLU" ? "w3" : "w2"))
  }

  @Test("of a softmax regression it is Σ p (1 − p) x², of a linear one Σ x², in parts and in all")
  func closedForms() throws {
    let rows = 300, x = Tensor([rows, 4], NoiseAddress(seed: 3).normals(rows * 4))
    let classes = Net(testDescription: "", shape: [4]) { b, x in try Self.dense(b, x, 4, 3, 1) }
    let values = Net(testDescription: "", task: "regression", shape: [4]) { b, x in try Self.dense(b, x, 4, 1, 1) }
    let model = try classes.model(), answers = model.signature.meanProbabilities(try model.outputs(x), rows: rows)
    var exact = [Double](repeating: 0, count: 12), squares = [Double](repeating: 0, count: 4)
    for row in 0..<rows {
      for i in 0..<4 {
        let square = Double(x.row(row)[x.row(row).startIndex + i]) * Double(x.row(row)[x.row(row).startIndex + i])
        squares[i] += square
        for c in 0..<3 { exact[c * 4 + i] += answers[row][c] * (1 - answers[row][c]) * square }
      }
    }
    let parts = try [0..<120, 120..<300].map { try GaussNewton(model, inputs: x.rows($0)) }
    for found in [try GaussNewton(model, inputs: x), GaussNewton.sum(parts)] {
      let own = try #require(found.diagonals["w1"])
      #expect(zip(own, exact).allSatisfy { abs($0 - $1) < 1e-4 * $1 })
    }
    let linear = try #require(GaussNewton(values.model(), inputs: x).diagonals["w1"])
    #expect(zip(linear, squares).allSatisfy { abs($0 - $1) < 1e-5 * $1 })
  }
}

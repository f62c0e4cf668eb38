import DitherGraph
import DitherInference
import DitherTensor
import Foundation
import Testing

/// A softmax regression's Hessian is known in closed form, a ReLU net's by differences in double precision.
@Suite("Curvature")
struct CurvatureTests {
  private static let rows = 12, inputs = 5, classes = 3

  private func model() throws -> (Graph, Tensor, [Int]) {
    let builder = GraphBuilder(name: "regression"), x = builder.input("x", [Self.inputs])
    let w = builder.parameter("w", Tensor([Self.classes, Self.inputs], NoiseAddress(seed: 1).normals(15)))
    let b = builder.parameter("b", Tensor([Self.classes], NoiseAddress(seed: 2).normals(3)))
    let graph = builder.finish(outputs: [("logits", try builder.dense(x, w, b))])
    let data = Tensor([Self.rows, Self.inputs], NoiseAddress(seed: 3).normals(Self.rows * Self.inputs))
    return (graph, data, (0..<Self.rows).map { $0 % Self.classes })
  }

  private static func distance(_ a: [Float], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }.squareRoot()
  }
  private static func length(_ a: [Double]) -> Double { a.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  @Test("products are those of the closed form", arguments: 0..<5 as Range<UInt64>)
  func regression(_ seed: UInt64) throws {
    let (graph, x, labels) = try model()
    let curvature = try Curvature(graph, inputs: x, labels: labels)
    #expect(curvature.count == 18)
    let v = NoiseAddress(seed: seed, site: 9).normals(18), product = try curvature.hessianProduct(v)
    guard case .float(let w)? = graph.literals.first(where: { graph.valueNames[$0.key.index] == "w" })?.value,
      case .float(let b)? = graph.literals.first(where: { graph.valueNames[$0.key.index] == "b" })?.value
    else { return }
    // H v = 1/n Σ (diag p − p pᵀ) (V x + v_b) [x; 1]ᵀ, for V the part of v that moves w.
    var exact = [Double](repeating: 0, count: 18)
    for row in 0..<Self.rows {
      let xr = x.row(row).map(Double.init)
      func affine(_ weight: (Int) -> Double, _ bias: (Int) -> Double) -> [Double] {
        (0..<Self.classes).map { c in
          bias(c) + (0..<Self.inputs).reduce(0) { $0 + weight(c * Self.inputs + $1) * xr[$1] }
        }
      }
      let p = Self.softmax(affine({ Double(w.elements[$0]) }, { Double(b.elements[$0]) }))
      let u = affine({ Double(v[$0]) }, { Double(v[15 + $0]) })
      let mean = zip(p, u).reduce(0) { $0 + $1.0 * $1.1 }
      for c in 0..<Self.classes {
        let share = p[c] * (u[c] - mean) / Double(Self.rows)
        for i in 0..<Self.inputs { exact[c * Self.inputs + i] += share * xr[i] }
        exact[15 + c] += share
      }
    }
    #expect(Self.distance(product, exact) < 1e-5 * Self.length(exact))
  }

  private static func softmax(_ z: [Double]) -> [Double] {
    let top = z.max() ?? 0, e = z.map { exp($0 - top) }, total = e.reduce(0, +)
    return e.map { $0 / total }
  }

  @Test(
    "a softmax behind the logits changes nothing, where its probabilities round to 1 too",
    arguments: [1, 40] as [Float])
  func behindSoftmax(_ scale: Float) throws {
    func curvature(softmax: Bool) throws -> Curvature {
      let builder = GraphBuilder(name: "regression"), x = builder.input("x", [Self.inputs])
      let w = builder.parameter(
        "w", Tensor([Self.classes, Self.inputs], NoiseAddress(seed: 1).normals(15).map { $0 * scale }))
      let z = try builder.dense(x, w, nil)
      let graph = builder.finish(outputs: [("y", softmax ? try builder.softmax(z) : z)])
      let data = Tensor([Self.rows, Self.inputs], NoiseAddress(seed: 3).normals(Self.rows * Self.inputs))
      return try Curvature(graph, inputs: data, labels: (0..<Self.rows).map { $0 % Self.classes })
    }
    let plain = try curvature(softmax: false), behind = try curvature(softmax: true)
    #expect(behind.count == plain.count && behind.start == plain.start)
    let (a, b) = (plain.evaluate(plain.start), behind.evaluate(behind.start))
    #expect(a.loss == b.loss && a.correct == b.correct && a.gradient == b.gradient && a.gradient.contains { $0 != 0 })
    let v = NoiseAddress(seed: 4).normals(15)
    #expect(try plain.hessianProduct(v) == behind.hessianProduct(v))
  }

  @Test("the form is symmetric, and a vector of zeros gives zeros")
  func symmetric() throws {
    let (graph, x, labels) = try model(), curvature = try Curvature(graph, inputs: x, labels: labels)
    let u = NoiseAddress(seed: 5).normals(18), v = NoiseAddress(seed: 6).normals(18)
    func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
    let left = dot(u, try curvature.hessianProduct(v)), right = dot(v, try curvature.hessianProduct(u))
    #expect(abs(left - right) < 1e-5 * max(abs(left), 0.1))
    #expect(try curvature.hessianProduct([Float](repeating: 0, count: 18)).allSatisfy { $0 == 0 })
  }

  /// x (4) → 6 ReLUs → 3 logits, in double precision.
  private struct Net {
    static let count = 6 * 4 + 6 + 3 * 6 + 3
    var x: [[Double]]
    var labels: [Int]

    func gradient(_ w: [Double]) -> [Double] {
      var sum = [Double](repeating: 0, count: Self.count)
      for (row, label) in zip(x, labels) {
        var pre = [Double](), hidden = [Double](), z = [Double]()
        for i in 0..<6 {
          var value = w[24 + i]
          for j in 0..<4 { value += w[4 * i + j] * row[j] }
          pre.append(value)
          hidden.append(max(value, 0))
        }
        for c in 0..<3 {
          var value = w[48 + c]
          for i in 0..<6 { value += w[30 + 6 * c + i] * hidden[i] }
          z.append(value)
        }
        let p = CurvatureTests.softmax(z)
        for c in 0..<3 {
          let hit: Double = c == label ? 1 : 0
          let d: Double = (p[c] - hit) / Double(x.count)
          sum[48 + c] += d
          for i in 0..<6 {
            sum[30 + 6 * c + i] += d * hidden[i]
            guard pre[i] > 0 else { continue }
            let through: Double = d * w[30 + 6 * c + i]
            sum[24 + i] += through
            for j in 0..<4 { sum[4 * i + j] += through * row[j] }
          }
        }
      }
      return sum
    }
  }

  @Test("of a ReLU net products are the Hessian's of its piece", arguments: 0..<6 as Range<UInt64>, [false, true])
  func piecewiseLinear(_ seed: UInt64, _ givesProbabilities: Bool) throws {
    let w = NoiseAddress(seed: seed, site: 1).normals(Net.count), builder = GraphBuilder(name: "relu")
    let rows = 150, x = NoiseAddress(seed: seed, site: 2).normals(rows * 4)
    var y = builder.input("x", [4])
    y = try builder.relu(
      builder.dense(
        y, builder.parameter("w1", Tensor([6, 4], Array(w[..<24]))),
        builder.parameter("b1", Tensor([6], Array(w[24..<30])))))
    y = try builder.dense(
      y, builder.parameter("w2", Tensor([3, 6], Array(w[30..<48]))),
      builder.parameter("b2", Tensor([3], Array(w[48...]))))
    if givesProbabilities { y = try builder.softmax(y) }
    let labels = (0..<rows).map { $0 % 3 }
    let curvature = try Curvature(
      builder.finish(outputs: [("y", y)]), inputs: Tensor([rows, 4], x), labels: labels)
    #expect(curvature.parameters.map(\.name) == ["w1", "b1", "w2", "b2"])
    let v = NoiseAddress(seed: seed, site: 3).normals(Net.count), product = try curvature.hessianProduct(v)
    let net = Net(x: (0..<rows).map { x[4 * $0..<4 * $0 + 4].map(Double.init) }, labels: labels), h = 1e-8
    let above = net.gradient(zip(w, v).map { Double($0) + h * Double($1) })
    let below = net.gradient(zip(w, v).map { Double($0) - h * Double($1) })
    let exact = zip(above, below).map { ($0 - $1) / (2 * h) }
    #expect(Self.distance(product, exact) < 1e-4 * Self.length(exact))
  }

  /// With maxima the form is symmetric; of the smooth net it is that of differences, which would step over their kinks.
  @Test("convolutions, normalization, pooling and a shortcut have products too", arguments: [false, true])
  func convolutional(_ hasMaxima: Bool) throws {
    let builder = GraphBuilder(name: "conv"), x = builder.input("x", [2, 8, 8])
    func parameter(_ name: String, _ shape: Shape, _ seed: UInt64) -> Value {
      builder.parameter(name, Tensor(shape, NoiseAddress(seed: seed).normals(shape.count).map { 0.4 * $0 }))
    }
    var y = try builder.convolution(
      x, parameter("c1", [4, 2, 3, 3], 1), parameter("b1", [4], 2), padding: 1, name: "c1")
    y = try builder.tanh(builder.batchNormalization(y, channels: 4, name: "norm"))
    y = try builder.add(builder.convolution(y, parameter("c2", [4, 4, 3, 3], 3), nil, padding: 1, name: "c2"), y)
    y = try builder.flatten(builder.globalAveragePool(hasMaxima ? builder.maxPool(y, 2) : y))
    y = try builder.dense(y, parameter("fc", [3, 4], 4), nil, name: "fc")
    let rows = 6,
      curvature = try Curvature(
        builder.finish(outputs: [("y", y)]),
        inputs: Tensor([rows, 2, 8, 8], NoiseAddress(seed: 5).normals(rows * 128)),
        labels: (0..<rows).map { $0 % 3 })
    let v = NoiseAddress(seed: 6).normals(curvature.count), product = try curvature.hessianProduct(v), h: Float = 2e-3
    let u = NoiseAddress(seed: 7).normals(curvature.count), other = try curvature.hessianProduct(u)
    func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
    #expect(abs(dot(u, product) - dot(v, other)) < 1e-4 * (1 + abs(dot(u, product))))
    guard !hasMaxima else { return }
    func gradient(_ side: Float) -> [Float] {
      curvature.evaluate(zip(curvature.start, v).map { $0 + side * h * $1 }).gradient
    }
    let numerical = zip(gradient(1), gradient(-1)).map { Double($0 - $1) / Double(2 * h) }
    #expect(Self.distance(product, numerical) < 0.02 * Self.length(numerical))
  }
}

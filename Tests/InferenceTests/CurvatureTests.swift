import DitherGraph
import DitherInference
import DitherTensor
import Foundation
import Testing

/// A softmax regression's Hessian is known in closed form.
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

  @Test("products are those of the closed form, within the error they state", arguments: 0..<5 as Range<UInt64>)
  func regression(_ seed: UInt64) throws {
    let (graph, x, labels) = try model()
    let curvature = try Curvature(graph, inputs: x, labels: labels)
    #expect(curvature.count == 18)
    let v = NoiseAddress(seed: seed, site: 9).normals(18), product = curvature.hessianProduct(v)
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
      let z = affine({ Double(w.elements[$0]) }, { Double(b.elements[$0]) }), top = z.max() ?? 0
      let e = z.map { exp($0 - top) }, total = e.reduce(0, +), p = e.map { $0 / total }
      let u = affine({ Double(v[$0]) }, { Double(v[15 + $0]) })
      let mean = zip(p, u).reduce(0) { $0 + $1.0 * $1.1 }
      for c in 0..<Self.classes {
        let share = p[c] * (u[c] - mean) / Double(Self.rows)
        for i in 0..<Self.inputs { exact[c * Self.inputs + i] += share * xr[i] }
        exact[15 + c] += share
      }
    }
    let size = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let error = zip(product.values, exact).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }.squareRoot()
    #expect(error < 5e-3 * size, "\(error) of \(size)")
    #expect(error < 4 * product.error + 2e-3 * size && product.error < 0.05 * size, "\(error), stated \(product.error)")
  }

  @Test("the form is symmetric, and a vector of zeros gives zeros")
  func symmetric() throws {
    let (graph, x, labels) = try model(), curvature = try Curvature(graph, inputs: x, labels: labels)
    let u = NoiseAddress(seed: 5).normals(18), v = NoiseAddress(seed: 6).normals(18)
    func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
    let left = dot(u, curvature.hessianProduct(v).values), right = dot(v, curvature.hessianProduct(u).values)
    #expect(abs(left - right) < 0.01 * max(abs(left), 0.1))
    #expect(curvature.hessianProduct([Float](repeating: 0, count: 18)).values.allSatisfy { $0 == 0 })
  }
}

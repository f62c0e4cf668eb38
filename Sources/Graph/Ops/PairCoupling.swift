import DitherBasics
import DitherTensor

/// The probabilities of classes that agree best with those of their pairs: [B, pairs], each of a pair's first class, to
/// [B, classes]. It takes the steps of libsvm and stops where that stops, so that its numbers are libsvm's; no gradient
/// passes.
/// - Source: Wu, Lin and Weng 2004, JMLR 5, the second method.
struct PairCoupling: Op {
  let classes: Int
  func trainable(_ input: Int) -> Bool { false }
  func mixes(_ input: Int, along axis: Int, _ types: [TensorType?]) -> Bool { axis == 1 }
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    let x = try inputs.float(0, "pairs", rank: 2...2)
    return [TensorType([x[0], classes])]
  }
  func operations(_ inputs: [TensorType?], _ outputs: [TensorType]) -> Double {
    100 * Double(outputs.first?.shape.count ?? 0) * Double(classes)
  }
  func gradient(_ call: Call, upstream: Value) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], pairs = x.shape[1], rows = x.shape[0], classes = classes
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y)
      return {
        for row in 0..<rows {
          let found = Self.couple(UnsafeBufferPointer(start: from + row * pairs, count: pairs), classes)
          for at in 0..<classes { to[row * classes + at] = Float(found[at]) }
        }
      }
    }
  }

  private static func couple(_ pairs: UnsafeBufferPointer<Float>, _ classes: Int) -> [Double] {
    var q = [Double](repeating: 0, count: classes * classes),
      p = [Double](repeating: 1 / Double(classes), count: classes)
    var pair = 0
    for i in 0..<classes {
      for j in (i + 1)..<max(classes, i + 1) {
        let first = Double(pairs[pair]), second = 1 - first
        pair += 1
        q[i * classes + i] += second * second
        q[j * classes + j] += first * first
        q[i * classes + j] = -second * first
        q[j * classes + i] = -second * first
      }
    }
    var products = p
    for _ in 0..<max(100, classes) {
      for t in 0..<classes { products[t] = (0..<classes).reduce(0) { $0 + q[t * classes + $1] * p[$1] } }
      var total = zip(p, products).reduce(0) { $0 + $1.0 * $1.1 }
      guard products.contains(where: { !(abs($0 - total) < 0.005 / Double(classes)) }) else { break }
      for t in 0..<classes {
        let own = q[t * classes + t], step = (total - products[t]) / own
        p[t] += step
        total = (total + step * (step * own + 2 * products[t])) / ((1 + step) * (1 + step))
        for j in 0..<classes {
          products[j] = (products[j] + step * q[t * classes + j]) / (1 + step)
          p[j] /= 1 + step
        }
      }
    }
    return p
  }
}

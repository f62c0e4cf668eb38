import DitherBasics
import DitherGraph
import DitherTensor
import Testing

/// Few of many, most of many and all: the same elements in the same order as of the whole line sorted.
@Suite("TopK")
struct TopKTests {
  /// Small whole numbers, so that many tie, and some that are no numbers.
  private static func line(_ count: Int, seed: UInt64) -> [Float] {
    NoiseAddress(seed: seed).uniforms(count).map { $0 < 0.1 ? .nan : ($0 * 8).rounded() }
  }

  /// The places of a line in order: NaN last, of equal ones the first first.
  private static func order(_ line: [Float], largest: Bool) -> [Int] {
    line.indices.sorted { i, j in
      let a = line[i], b = line[j]
      if a.isNaN || b.isNaN { return a.isNaN && b.isNaN ? i < j : b.isNaN }
      return a == b ? i < j : largest ? a > b : a < b
    }
  }

  @Test("elements, their places and ties", arguments: [1, 2, 7, 24, 25, 26, 99, 100], [true, false])
  func first(_ k: Int, _ largest: Bool) throws {
    let builder = GraphBuilder(rows: 3), x = builder.input("x", [100, 2])
    let op = try Catalog<any OnnxOp.Type>.ops.entry(named: "TopK").init(
      OnnxNode(
        name: "top", type: "TopK", opset: 21,
        attributes: ["axis": .int(1), "largest": .int(largest ? 1 : 0), "sorted": .int(1)],
        presentInputs: [true, true]))
    let found = try builder.apply(op, [x, builder.constant(.int64([1], [Int64(k)]))], outputs: ["values", "places"])
    let graph = builder.finish(outputs: [("values", found[0]), ("places", found[1])])
    let plan = try Plan(graph, parameters: ParameterBuffers(graph), options: .init(rows: 3))
    // [3, 100, 2]: lines lie apart.
    let lines = (0..<6).map { Self.line(100, seed: UInt64($0)) }
    for row in 0..<3 {
      for i in 0..<100 { for c in 0..<2 { plan.input()[(row * 100 + i) * 2 + c] = lines[2 * row + c][i] } }
    }
    plan.forward()
    let places = plan.outputs[1].bindMemory(to: Int64.self)
    for row in 0..<3 {
      for c in 0..<2 {
        let line = lines[2 * row + c], expected = Self.order(line, largest: largest).prefix(k)
        let own = (0..<k).map { Int(places[(row * k + $0) * 2 + c]) }
        #expect(own == Array(expected))
        for (step, place) in own.enumerated() {
          let value = plan.output()[(row * k + step) * 2 + c]
          #expect(value == line[place] || value.isNaN && line[place].isNaN)
        }
      }
    }
  }
}

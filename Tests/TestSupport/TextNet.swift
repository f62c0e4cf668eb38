import DitherBasics
import DitherGraph
import DitherTensor
import Foundation

/// A small classifier of texts as exporters write them: the numbers of words `ids` [B, T] and a mask [B, T], both int64;
/// embeddings, one head of attention with a residual, the mean over what the mask leaves, a dense layer.
public enum TextNet {
  /// Words in its table, numbers of a text, classes.
  public static let words = 12, length = 5, classes = 3
  static let width = 8

  /// A model's file.
  public static func onnx(noise: NoiseModel? = nil) throws -> [UInt8] {
    var graph = try graph()
    graph.noise = noise
    return try graph.onnx()
  }

  /// The same without a file.
  public static func graph() throws -> Graph {
    let builder = GraphBuilder(name: "texts")
    func op(
      _ type: String, _ inputs: [Value], _ name: String, _ attributes: [String: OnnxAttribute] = [:]
    ) throws -> Value {
      let node = OnnxNode(name: name, type: type, opset: 17, attributes: attributes)
      return try builder.apply(Catalog<any OnnxOp.Type>.ops.entry(named: type).init(node), inputs, name: name)[0]
    }
    func integers(_ values: [Int64]) -> Value { builder.constant(.int64([values.count], values)) }
    func number(_ value: Float) -> Value { builder.constant(.float(Tensor([], [value]))) }
    let ids = builder.input("ids", [length], element: .int64), mask = builder.input("mask", [length], element: .int64)
    let embedded = try op("Gather", [builder.parameter("words", weights[0]), ids], "embed")
    let kept = try op("Cast", [mask], "kept", ["to": .int(1)])
    let (q, k, v) = (
      try op("MatMul", [embedded, builder.parameter("wq", weights[1])], "q"),
      try op("MatMul", [embedded, builder.parameter("wk", weights[2])], "k"),
      try op("MatMul", [embedded, builder.parameter("wv", weights[3])], "v")
    )
    let scores = try op("MatMul", [q, op("Transpose", [k], "kt", ["perm": .ints([0, 2, 1])])], "scores")
    let shut = try op("Mul", [op("Sub", [kept, number(1)], "off"), number(1e4)], "shut")
    let masked = try op("Add", [scores, op("Unsqueeze", [shut, integers([1])], "shut_rows")], "masked")
    let attention = try op("Softmax", [masked], "attention", ["axis": .int(-1)])
    let hidden = try op("Add", [embedded, op("MatMul", [attention, v], "mixed")], "hidden")
    let weighed = try op("Mul", [hidden, op("Unsqueeze", [kept, integers([2])], "kept_columns")], "weighed")
    let sum = try op("ReduceSum", [weighed, integers([1])], "sum", ["keepdims": .int(0)])
    let count = try op("ReduceSum", [kept, integers([1])], "count", ["keepdims": .int(1)])
    let mean = try op("Div", [sum, op("Add", [count, number(1e-6)], "some")], "mean")
    let logits = try builder.dense(
      mean, builder.parameter("w", weights[4]), builder.parameter("b", weights[5]), name: "fc")
    return builder.finish(outputs: [("logits", logits)])
  }

  private static let shapes: [Shape] = [
    [words, width], [width, width], [width, width], [width, width], [classes, width], [classes],
  ]
  private static let weights = shapes.enumerated().map { seed, shape in Tensor.random(shape, seed: UInt64(seed) + 11) }

  /// The logits of one text, in double precision.
  public static func logits(_ ids: [Int], _ mask: [Int]) -> [Double] {
    let w = weights.map { $0.elements.map(Double.init) }
    func product(_ x: [Double], _ matrix: [Double]) -> [Double] {
      (0..<width).map { column -> Double in
        var sum = 0.0
        for i in 0..<width { sum += x[i] * matrix[i * width + column] }
        return sum
      }
    }
    let e = ids.map { Array(w[0][$0 * width..<($0 + 1) * width]) }
    let (q, k, v) = (e.map { product($0, w[1]) }, e.map { product($0, w[2]) }, e.map { product($0, w[3]) })
    var sum = [Double](repeating: 0, count: width)
    for row in e.indices where mask[row] == 1 {
      let scores: [Double] = k.map { key in zip(q[row], key).reduce(0.0) { $0 + $1.0 * $1.1 } }
      let powers: [Double] = scores.indices.map { mask[$0] == 1 ? exp(scores[$0]) : 0 }
      let total = powers.reduce(0, +)
      for i in 0..<width {
        var mean = 0.0
        for (power, value) in zip(powers, v) { mean += power / total * value[i] }
        sum[i] += e[row][i] + mean
      }
    }
    let count = Double(mask.reduce(0, +)) + 1e-6
    return (0..<classes).map { c -> Double in
      var logit = w[5][c]
      for i in 0..<width { logit += w[4][c * width + i] * sum[i] / count }
      return logit
    }
  }

  /// Texts of one to five words, padded with 0.
  public static func texts(_ count: Int) -> (ids: [[Int]], mask: [[Int]]) {
    let numbers = NoiseAddress(seed: 21).uniforms(count * (length + 1))
    let rows = (0..<count).map { row in Array(numbers[row * (length + 1)..<(row + 1) * (length + 1)]) }
    let lengths = rows.map { 1 + Int($0[length] * Float(length)) % length }
    let ids = zip(rows, lengths).map { row, own in
      (0..<length).map { $0 < own ? 1 + Int(row[$0] * Float(words - 1)) % (words - 1) : 0 }
    }
    return (ids, lengths.map { own in (0..<length).map { $0 < own ? 1 : 0 } })
  }

  /// The same as rows of numbers: [N, 10].
  public static func rows(_ count: Int) -> Tensor {
    let (ids, mask) = texts(count)
    return Tensor([count, 2 * length], zip(ids, mask).flatMap { $0 + $1 }.map(Float.init))
  }

  /// The class that the model gives each text.
  public static func labels(_ count: Int) -> [Int] {
    let (ids, mask) = texts(count)
    return zip(ids, mask).map { text in
      let z = logits(text.0, text.1)
      return z.indices.max { z[$0] < z[$1] } ?? 0
    }
  }
}

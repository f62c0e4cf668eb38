import DitherBasics
import DitherGraph
import DitherInference
import DitherTensor

/// The mean of the targets of the k training examples that are nearest in Euclidean distance: nothing is trained, and
/// the model has all examples. Of classes it answers with ln((n + 1) / (k + classes)), n of the k being of a class.
/// Distances are compared as 2 x·p − |p|² in fp32: what differs less than its rounding may change places. Source: Cover
/// and Hart 1967, IEEE Transactions on Information Theory 13.
public struct Neighbors: Architecture {
  public static let name = "neighbors"
  /// The neighbors that are asked, or all where there are fewer.
  public var k = 8
  public init() {}
  public func check() throws(CatalogError) { try require((1...1024).contains(k), "k", "1 to 1024", k) }

  public var frozen: [String] { ["neighbors.*"] }

  /// The network of one example at 0; ``adapt(_:to:_:)`` makes that of all.
  public func build(input: Shape, outputs: Int, seed: UInt64) throws -> Graph {
    try network(
      of: Tensor(zeros: Shape([1] + input.dimensions)), answers: Tensor(zeros: [1, outputs]), ofClasses: false)
  }

  public func adapt(_ graph: inout Graph, to inputs: Tensor, _ targets: Targets) throws {
    let answers: Tensor
    let outputs =
      graph.literals.first { graph.valueNames[$0.key.index] == "neighbors.targets" }?.value.type.shape[1] ?? 0
    switch targets {
    case .values(let rows), .shares(let rows): answers = rows
    case .classes(let labels, let count):
      answers = Tensor([labels.count, count]) { out in
        out.update(repeating: 0)
        for (row, label) in labels.enumerated() { out[row * count + label] = 1 }
      }
    }
    guard answers.rowLength == outputs else {
      throw TrainError(
        .recipe, at: "model \(Self.name)", expected: "a task with one number for each class or value",
        got: "\(outputs) outputs for \(answers.rowLength)", advice: "say 'task: classification' or 'task: regression'")
    }
    guard inputs.count <= Initializer.mostWeights else {
      throw TrainError(
        .data, at: "model \(Self.name)", expected: "at most \(Initializer.mostWeights) numbers of examples",
        got: "\(inputs.count)", advice: "say 'examples'")
    }
    let isOfClasses = if case .values = targets { false } else { true }
    graph = try network(of: inputs, answers: answers, ofClasses: isOfClasses)
  }

  private func network(of inputs: Tensor, answers: Tensor, ofClasses: Bool) throws -> Graph {
    let builder = GraphBuilder(name: Self.name), width = inputs.rowLength, count = inputs.rowCount, k = min(k, count)
    var x = builder.input("input", inputs.shape.row.dimensions)
    if inputs.shape.rank > 2 { x = try builder.flatten(x, name: "flatten") }
    let squares = inputs.elements.withUnsafeBufferPointer { elements in
      (0..<count).map { row in
        -(row * width..<(row + 1) * width).reduce(Float(0)) { $0 + elements[$1] * elements[$1] }
      }
    }
    let points = builder.constant(
      .float(Tensor([count, width], inputs.elements.map { 2 * $0 })), "neighbors.points")
    let near = try builder.dense(
      x, points, builder.constant(.float(Tensor([count], squares)), "neighbors.squares"), name: "nearness")
    let values = builder.constant(
      .float(Tensor([count, answers.rowLength], Array(answers.elements))), "neighbors.targets")
    var y = try builder.meanOfLargest(k, of: near, among: values, name: "mean")
    if ofClasses {
      let classes = Float(answers.rowLength)
      func constant(_ number: Float, _ name: String) -> Value { builder.constant(.float(Tensor([], [number])), name) }
      y = try builder.multiply(y, constant(Float(k) / (Float(k) + classes), "neighbors.share"))
      y = try builder.log(builder.add(y, constant(1 / (Float(k) + classes), "neighbors.rest")), name: "logits")
    }
    return builder.finish(outputs: [("logits", y)])
  }
}

import DitherTensor
import Foundation

/// Appends to a graph what its logits are computed by.
struct LogitsTail {
  private(set) var graph: Graph
  /// The types of the values that it had, for one row.
  private let types: [TensorType?]
  init(_ graph: Graph) {
    self.graph = graph
    types = (try? graph.types(rows: 1)) ?? []
  }

  mutating func expose(_ form: LogarithmForm) { graph.outputs[0].value = matrix(form.tree) }

  /// The fallback: ln of the output itself, held above the least normal float so that it is finite.
  mutating func exposeLogarithm(of value: ValueID) {
    let least = constant(.float(Tensor([], [.leastNormalMagnitude])))
    graph.outputs[0].value = apply(Log(), [apply(Max(), [value, least])])
  }

  /// [0, z] of a score z, or of its negative.
  mutating func exposePair(_ score: ValueID, negated: Bool = false) {
    let z = flat(score)
    // Constants of rank 0 are numbers of a formula, not weights of the model.
    let none = apply(Mul(), [z, constant(.float(Tensor([], [0])))])
    graph.outputs[0].value = apply(Concat(axis: 1), [none, negated ? apply(Neg(), [z]) : z])
  }

  /// [0, z] of what is z, p or ln p.
  mutating func exposePair(of value: ValueID, _ kind: OutputKind) {
    guard kind != .logits else { return exposePair(value) }
    let scores = flat(value)
    let least = constant(.float(Tensor([], [.leastNormalMagnitude]))), one = constant(.float(Tensor([], [1])))
    let p = kind == .logProbabilities ? apply(Exp(), [scores]) : scores
    let logarithms = [p, apply(Sub(), [one, p])].map { apply(Log(), [apply(Max(), [$0, least])]) }
    exposePair(apply(Sub(), logarithms))
  }

  /// [batch, numbers of a row].
  private mutating func matrix(_ tree: LogarithmForm.Tree) -> ValueID {
    switch tree {
    case .value(let value): return flat(value)
    case .sigmoid(let value, let negated):
      let z = flat(value)
      return apply(Neg(), [apply(Softplus(), [negated ? z : apply(Neg(), [z])])])
    case .picked(let inner, let places):
      let numbers = constant(.int64([places.count], places.map(Int64.init)))
      return apply(Gather(axis: 1), [matrix(inner), numbers])
    case .joined(let parts):
      var values: [ValueID] = []
      for part in parts { values.append(matrix(part)) }
      return apply(Concat(axis: 1), values)
    case .mixture(let members):
      var logarithms: [ValueID] = []
      for (weight, member) in members {
        let own = apply(LogSoftmax(), [matrix(member)])
        logarithms.append(apply(Add(), [own, constant(.float(Tensor([], [Float(log(weight))])))]))
      }
      let top = apply(Max(), logarithms)
      let terms = logarithms.map { apply(Exp(), [apply(Sub(), [$0, top])]) }
      return apply(Add(), [top, apply(Log(), [apply(Sum(), terms)])])
    }
  }

  /// [batch, numbers of a row], also where the axis of one row was squeezed away.
  private mutating func flat(_ value: ValueID) -> ValueID {
    guard types.indices.contains(value.index), let shape = types[value.index]?.shape, shape.rank < 2,
      shape.dimensions.first != 1
    else { return apply(Flatten(), [value]) }
    return apply(Reshape(), [value, constant(.int64([2], [-1, Int64(shape.count)]))])
  }

  private mutating func apply(_ op: any Op, _ inputs: [ValueID]) -> ValueID {
    let output = newValue("logits_\(graph.valueNames.count)")
    graph.nodes.append(Node(name: "\(type(of: op))_\(graph.nodes.count)", op: op, inputs: inputs, outputs: [output]))
    return output
  }

  private mutating func constant(_ literal: Literal) -> ValueID {
    let value = newValue("logits_constant_\(graph.valueNames.count)")
    graph.literals[value] = literal
    return value
  }

  private mutating func newValue(_ name: String) -> ValueID {
    graph.valueNames.append(name)
    return ValueID(graph.valueNames.count - 1)
  }
}

import DitherBasics
import DitherTensor

/// The members' numbers of one parameter, in a model that is one of several networks for each draw: a constant
/// `<parameter>.samples` of shape [members, …] that no node reads. Without noise the model is the parameter itself.
///
/// Draw number s of a seed is member (s + o) mod K, with o a function of the seed: one draw is any member alike, K
/// draws that follow each other are each member once, and all parameters are of the same one.
public struct ParameterSamples: Sendable {
  /// How many members there may be.
  public static let counts = 2...1024
  /// Behind the parameter's name.
  static let suffix = ".samples"

  let parameter: ValueID
  let samples: ValueID

  /// - Returns: in the graph's order.
  /// - Throws: where a constant is of another shape, and where there are none.
  static func all(of noise: NoiseModel, in graph: Graph) throws(GraphError) -> [ParameterSamples] {
    guard let members = noise.members else { return [] }
    let names = graph.constantNames
    var found: [ParameterSamples] = []
    for (name, id) in names where name.hasSuffix(suffix) {
      guard let parameter = names[String(name.dropLast(suffix.count))], let own = graph.literals[parameter]?.type.shape,
        let literal = graph.literals[id]
      else { continue }
      let wanted = Shape([members] + own.dimensions)
      guard case .float(let tensor) = literal, tensor.shape == wanted, case .float? = graph.literals[parameter] else {
        throw GraphError(
          .noise, at: "noise, 'members', initializer '\(name.clipped())'", expected: "numbers of shape \(wanted)",
          got: "\(literal.type)")
      }
      guard tensor.elements.allSatisfy(\.isFinite) else {
        throw GraphError(
          .notFinite, at: "noise, 'members', initializer '\(name.clipped())'", expected: "finite numbers",
          got: "others")
      }
      found.append(ParameterSamples(parameter: parameter, samples: id))
    }
    guard !found.isEmpty else {
      throw GraphError(
        .noise, at: "noise, 'members'", expected: "an initializer '<name>\(suffix)' beside one '<name>'", got: "none")
    }
    return found.sorted { $0.parameter.index < $1.parameter.index }
  }
}

/// One of the rows of [members, …]: that of the run's draw.
struct PickMember: Op {
  func types(_ inputs: [TensorType?]) throws(GraphError) -> [TensorType] {
    [TensorType(try inputs.float(0, "samples", rank: 1...8).row)]
  }
  /// None: members are not trained.
  func gradient(_ call: Call, upstream: Value) throws(GraphError) -> [Value?] { [nil] }
  func lower(_ call: Call, into plan: inout PlanBuilder) {
    let x = call.inputs[0], y = call.outputs[0], members = x.shape[0], count = y.shape.count
    plan.step([x, y]) { memory in
      let from = memory.floats(x), to = memory.floats(y), state = memory.state
      return { to.update(from: from + state.member(of: members) * count, count: count) }
    }
  }
}

extension RunState {
  /// The member of the run's first draw.
  func member(of count: Int) -> Int {
    let offset = mixSeed(seeds[0], 0xE45E) % UInt64(count)
    return Int((offset + UInt64(firstSample)) % UInt64(count))
  }
}

extension Graph {
  /// Serves as one of several networks for each draw.
  /// - Parameter members: by parameter, [members, …]; those that are not here are the same in all.
  public mutating func serve(members: [ValueID: Tensor]) {
    guard let count = members.values.first?.rowCount else { return }
    for (id, tensor) in members.sorted(by: { $0.key.index < $1.key.index }) {
      _ = add(tensor, as: valueNames[id.index] + ParameterSamples.suffix)
    }
    noise = NoiseModel(noise?.terms ?? [], members: count)
  }
}

import DitherBasics
import DitherTensor

/// An op that drops values in training and at inference hands on what it gets.
protocol Dropping: Op {
  /// The probability with which training dropped a value; nil where it is no constant.
  /// - Parameter constants: the operands, nil of those that are not known or not given.
  func rate(_ constants: [Literal?]) -> Float?
}

extension NoiseSite {
  /// Behind every Dropout node of a file: where its training dropped values. Source: Gal and Ghahramani 2016, arXiv
  /// 1506.02142, who keep it on for answers.
  public static let dropout = NoiseSite("dropout") { graph in
    graph.outputPlaces(kind: 4) { $0.op is any Dropping }
  }
}

extension Graph {
  /// The file's own dropout as noise: a term for each Dropout node with the node's rate, or one for all where these are
  /// the same. Nodes with a rate of 0 are left as they are.
  /// - Throws: where there is no node that drops anything, a node's rate is no constant, or names do not tell nodes of
  ///   several rates from each other.
  public func ownDropout() throws(GraphError) -> [NoiseTerm] {
    var rates: [(name: String, rate: Float)] = []
    for node in nodes {
      guard let op = node.op as? any Dropping else { continue }
      guard let rate = op.rate(node.inputs.map { $0.flatMap { literals[$0] } }) else {
        throw GraphError(
          .noise, at: "node '\(node.name.clipped())'", expected: "a ratio that is a constant", got: "another operand",
          advice: "say dropout:dropout,rate=…")
      }
      if rate != 0 { rates.append((node.name, rate)) }
    }
    guard let first = rates.first else {
      throw GraphError(
        .noise, at: "noise 'dropout'", expected: "a file with Dropout nodes", got: "none that drops anything",
        advice: "exporters leave them out in evaluation mode; say activations:dropout,rate=0.1 for dropout of your own")
    }
    let isOne = rates.allSatisfy { $0.rate == first.rate } && rates.count == NoiseSite.dropout.places(self).count
    guard !isOne else { return [.dropout(.dropout, rate: first.rate)] }
    return try rates.map { name, rate throws(GraphError) in
      var term = NoiseTerm.dropout(.dropout, rate: rate)
      term.layers = name
      guard NoiseSite.dropout.places(self).filter({ term.reaches($0.names) }).count == 1 else {
        throw GraphError(
          .noise, at: "node '\(name.clipped())'", expected: "Dropout nodes of names of their own", got: "several",
          advice: "say dropout:dropout,rate=… for one rate in all of them")
      }
      return term
    }
  }
}

import DitherBasics
import DitherTensor

extension GraphBuilder {
  /// ln of the mean of several classifiers' probabilities, [batch, classes]: logits of the mixture. Its gradient does not vanish where
  /// a probability rounds to 0.
  /// - Parameter members: logits, or probabilities.
  package func mixture(of members: [(outputs: Value, areProbabilities: Bool)]) throws(GraphError) -> Value {
    var logarithms: [Value] = []
    for member in members {
      logarithms.append(
        member.areProbabilities
          ? member.outputs.apply(Binary(.maximum), scalar(.leastNormalMagnitude)).map(.log)
          : try apply(LogSoftmax(), [member.outputs])[0])
    }
    let top = try fold(logarithms, .maximum)
    var sum: Value?
    for value in logarithms {
      let term = (value - top).map(.exp)
      sum = sum.map { $0 + term } ?? term
    }
    guard let sum else {
      throw GraphError(.missing, at: "mixture", expected: "at least one member", got: "none")
    }
    return top + ((1 / Float(members.count)) * sum).map(.log)
  }
}

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
          ? try member.outputs.apply(Binary(.maximum), scalar(.leastNormalMagnitude)).map(.log)
          : try apply(LogSoftmax(), [member.outputs])[0])
    }
    let top = try fold(logarithms, .maximum)
    var sum: Value?
    for value in logarithms {
      let term = try (value - top).map(.exp)
      if let before = sum { sum = try before + term } else { sum = term }
    }
    guard let sum else {
      throw GraphError(.missing, at: "mixture", expected: "at least one member", got: "none")
    }
    return try top + ((1 / Float(members.count)) * sum).map(.log)
  }
}

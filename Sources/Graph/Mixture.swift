import DitherBasics
import DitherTensor

extension GraphBuilder {
  /// ln of the mean of several classifiers' probabilities, [batch, classes]: logits of the mixture. Its gradient does
  /// not vanish where a probability rounds to 0.
  /// - Parameter members: their logits.
  package func mixture(of members: [Value]) throws(GraphError) -> Value {
    var logarithms: [Value] = []
    for member in members { logarithms.append(try apply(LogSoftmax(), [member])[0]) }
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

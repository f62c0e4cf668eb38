import DitherTensor

/// The class that a model answers with.
public enum Label {
  /// In place of a class where the outputs are no answer: they hold NaN or +∞, or nothing but −∞, and no probabilities
  /// can be made of them. It is never the right one.
  public static let none = -1

  /// - Parameter outputs: of one example: logits or probabilities.
  /// - Returns: the first class of the largest, or ``none``.
  @inlinable
  public static func of<C: RandomAccessCollection>(_ outputs: C) -> Int
  where C.Element: BinaryFloatingPoint, C.Index == Int {
    var best = outputs.startIndex
    for i in outputs.indices {
      // False of NaN too.
      guard outputs[i] < .infinity else { return none }
      if outputs[i] > outputs[best] { best = i }
    }
    return outputs.isEmpty || outputs[best] == -.infinity ? none : best - outputs.startIndex
  }
}

extension Tensor {
  /// [B] of outputs [B, classes].
  public func labels() -> [Int] { (0..<rowCount).map { Label.of(row($0)) } }
}

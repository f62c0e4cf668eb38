import DitherBasics
import DitherTensor

/// start, start + delta, … below limit; all three are known before anything runs.
/// - Source: ONNX `Range`, opsets 11–28.
struct NumberRange: Composite {
  static let onnx = OnnxName("Range", since: 11)
  /// As long as any sequence that models take; each is memory that no input pays for.
  private static let most = 1 << 17
  init(_ node: OnnxNode) throws(GraphError) { try node.allow("stash_type") }
  func write(to node: inout OnnxNode) {}
  func trainable(_ input: Int) -> Bool { false }

  func expand(_ inputs: [Value?], in builder: GraphBuilder) throws(GraphError) -> [Value] {
    var types: [TensorType] = []
    for (position, name) in ["start", "limit", "delta"].enumerated() {
      let type = try inputs.types.required(position, name)
      guard type.shape.count == 1, let number = type.knownNumbers?.first, number.isFinite else {
        throw GraphError(
          .shape, at: "input '\(name)'", expected: "one finite number that is known beforehand", got: "\(type)")
      }
      types.append(type)
    }
    let whole = types.compactMap { $0.known?.first }
    if types[0].element == .int64, whole.count == 3 {
      // Wider than the numbers: any two of them have a difference, and any step is taken without overflow.
      let (start, delta) = (Int128(whole[0]), Int128(whole[2])), span = Int128(whole[1]) - start
      let count = try steps(whole) { delta == 0 ? nil : (span / delta, span % delta != 0 && (span < 0) == (delta < 0)) }
      return [
        builder.constant(.int64([count], (0..<count).map { Int64(truncatingIfNeeded: start + Int128($0) * delta) }))
      ]
    }
    let numbers = types.compactMap { $0.knownNumbers?.first }
    let count = try steps(numbers) {
      let length = ((numbers[1] - numbers[0]) / numbers[2]).rounded(.up)
      guard numbers[2] != 0, !length.isNaN else { return nil }
      return (Int128(Swift.min(Swift.max(length, -1), Double(Self.most + 1))), false)
    }
    return [builder.constant(.float(Tensor([count], (0..<count).map { Float(numbers[0] + Double($0) * numbers[2]) })))]
  }

  /// - Parameter length: whole steps, and whether a part of one is left; nil: there is no end.
  private func steps<Number>(
    _ numbers: [Number], _ length: () -> (whole: Int128, isMore: Bool)?
  ) throws(GraphError) -> Int {
    guard let found = length() else {
      throw GraphError(.attribute, at: "input 'delta'", expected: "a number other than 0", got: "\(numbers[2])")
    }
    guard found.whole + (found.isMore ? 1 : 0) <= Int128(Self.most) else {
      throw GraphError(
        .tooLarge, at: "input 'delta'", expected: "at most \(Self.most) steps",
        got: "\(numbers[0]) to \(numbers[1]) by \(numbers[2])")
    }
    return Int(Swift.max(found.whole + (found.isMore ? 1 : 0), 0))
  }
}

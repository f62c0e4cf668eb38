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
    var numbers: [Double] = []
    for (position, name) in ["start", "limit", "delta"].enumerated() {
      let type = try inputs.types.required(position, name)
      guard type.shape.count == 1, let number = type.knownNumbers?.first, number.isFinite else {
        throw GraphError(
          .shape, at: "input '\(name)'", expected: "one finite number that is known beforehand", got: "\(type)")
      }
      numbers.append(number)
    }
    let length = ((numbers[1] - numbers[0]) / numbers[2]).rounded(.up)
    guard numbers[2] != 0, length <= Double(Self.most) else {
      throw GraphError(
        .tooLarge, at: "input 'delta'", expected: "at most \(Self.most) steps, none of them 0",
        got: "\(numbers[0]) to \(numbers[1]) by \(numbers[2])")
    }
    let count = Int(Swift.max(length, 0))
    if try inputs.types.required(0, "start").element == .int64 {
      let (start, delta) = (Int64(numbers[0]), Int64(numbers[2]))
      return [builder.constant(.int64([count], (0..<count).map { start &+ Int64($0) &* delta }))]
    }
    return [builder.constant(.float(Tensor([count], (0..<count).map { Float(numbers[0] + Double($0) * numbers[2]) })))]
  }
}

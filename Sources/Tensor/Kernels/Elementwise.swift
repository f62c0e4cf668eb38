import CKernels

extension Kernels {
  /// A function of every element.
  package enum Unary: Sendable {
    case relu, tanh, sigmoid, exp, log, squareRoot, abs, negate, erf, sign, reciprocal, square, softplus, floor, ceil
    case round

    fileprivate var code: dk_unary {
      switch self {
      case .relu: DK_RELU
      case .tanh: DK_TANH
      case .sigmoid: DK_SIGMOID
      case .exp: DK_EXP
      case .log: DK_LOG
      case .squareRoot: DK_SQRT
      case .abs: DK_ABS
      case .negate: DK_NEG
      case .erf: DK_ERF
      case .sign: DK_SIGN
      case .reciprocal: DK_RECIPROCAL
      case .square: DK_SQUARE
      case .softplus: DK_SOFTPLUS
      case .floor: DK_FLOOR
      case .ceil: DK_CEIL
      case .round: DK_ROUND
      }
    }
  }

  /// A function of two elements.
  package enum Binary: Sendable {
    case add, subtract, multiply, divide, maximum, minimum, power, less, greaterOrEqual
    /// a where b > 0, else 0.
    case reluGradient

    fileprivate var code: dk_binary {
      switch self {
      case .add: DK_ADD
      case .subtract: DK_SUB
      case .multiply: DK_MUL
      case .divide: DK_DIV
      case .maximum: DK_MAX
      case .minimum: DK_MIN
      case .power: DK_POW
      case .less: DK_LESS
      case .greaterOrEqual: DK_GREATER_EQUAL
      case .reluGradient: DK_RELU_GRAD
      }
    }
  }

  package static func unary(
    _ function: Unary, _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ count: Int
  ) {
    dk_unary(function.code, out, x, count)
  }
  package static func parallelUnary(
    _ function: Unary, _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ count: Int
  ) {
    dk_unary_parallel(function.code, out, x, count)
  }
  /// On bf16 numbers: a ReLU only.
  package static func parallelUnary(
    _ function: Unary, _ out: UnsafeMutablePointer<UInt16>, _ x: UnsafePointer<UInt16>, _ count: Int
  ) {
    dk_unary_bf16_parallel(function.code, out, x, count)
  }

  /// On arrays of one shape.
  package static func binary(
    _ function: Binary, _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ count: Int
  ) {
    dk_binary(function.code, out, a, b, count)
  }
  package static func parallelBinary(
    _ function: Binary, _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ count: Int
  ) {
    dk_binary_parallel(function.code, out, a, b, count)
  }
  /// On bf16 numbers: sums and a ReLU's gradient only.
  package static func parallelBinary(
    _ function: Binary, _ out: UnsafeMutablePointer<UInt16>, _ a: UnsafePointer<UInt16>, _ b: UnsafePointer<UInt16>,
    _ count: Int
  ) {
    dk_binary_bf16_parallel(function.code, out, a, b, count)
  }
  /// b is one number.
  package static func binary(
    _ function: Binary, _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, number b: Float, _ count: Int
  ) {
    dk_binary_scalar(function.code, out, a, b, count)
  }
  /// Any broadcast: the result has `dims`, at most eight; strides are 0 where an operand is broadcast.
  package static func binary(
    _ function: Binary, _ out: UnsafeMutablePointer<Float>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ dims: [Int64], _ aStrides: [Int64], _ bStrides: [Int64]
  ) {
    dk_binary_strided(function.code, out, a, b, Int32(dims.count), dims, aStrides, bStrides)
  }

  /// Each number moved into [low, high].
  package static func clip(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ low: Float, _ high: Float, _ count: Int
  ) {
    dk_clip(out, x, low, high, count)
  }
  /// y += alpha · x
  package static func axpy(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ alpha: Float, _ count: Int
  ) {
    dk_axpy(y, x, alpha, count)
  }
  /// y *= alpha
  package static func scale(_ y: UnsafeMutablePointer<Float>, _ alpha: Float, _ count: Int) {
    dk_scale(y, alpha, count)
  }
  package static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Double { dk_sum(x, count) }
  package static func sumOfSquares(_ x: UnsafePointer<Float>, _ count: Int) -> Double { dk_sum_squares(x, count) }
}

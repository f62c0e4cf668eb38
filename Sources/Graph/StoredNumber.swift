import DitherTensor

/// Numbers as ONNX files store them, where a graph holds them in a wider type: integers as int64, narrow floats as
/// float32.
public enum StoredNumber: Sendable, CaseIterable {
  case uint4, int4, uint8, int8, uint16, int16, int32, uint32, uint64
  case bfloat16
  /// Floats of 8 bits, with so many bits of exponent and of mantissa: `fn` has no infinities, `uz` no negative zero.
  case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz

  /// The number of the element type in files.
  var onnx: Int {
    switch self {
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    case .uint32: 12
    case .uint64: 13
    case .bfloat16: 16
    case .float8e4m3fn: 17
    case .float8e4m3fnuz: 18
    case .float8e5m2: 19
    case .float8e5m2fnuz: 20
    case .uint4: 21
    case .int4: 22
    }
  }
  init?(onnx number: Int) {
    guard let found = Self.allCases.first(where: { $0.onnx == number }) else { return nil }
    self = found
  }

  /// The type that holds them in a graph.
  var element: ElementType { integers == nil ? .float32 : .int64 }

  /// The integers that it has; nil of floats.
  var integers: ClosedRange<Int64>? {
    switch self {
    case .uint4: 0...15
    case .int4: -8...7
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65_535
    case .int16: -32_768...32_767
    case .int32: -2_147_483_648...2_147_483_647
    case .uint32: 0...4_294_967_295
    case .uint64: 0...Int64.max
    case .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz: nil
    }
  }

  /// The format of floats of 8 bits; nil of other numbers.
  var float8: Float8? {
    switch self {
    case .float8e4m3fn: Float8(mantissaBits: 3, bias: 7, isFinite: true, isUnsignedZero: false)
    case .float8e4m3fnuz: Float8(mantissaBits: 3, bias: 8, isFinite: true, isUnsignedZero: true)
    case .float8e5m2: Float8(mantissaBits: 2, bias: 15, isFinite: false, isUnsignedZero: false)
    case .float8e5m2fnuz: Float8(mantissaBits: 2, bias: 16, isFinite: true, isUnsignedZero: true)
    default: nil
    }
  }

  /// Whether numbers are brought to its range or rounded to it, where a file asks for it: other types are held in the
  /// wider one with what they cannot hold.
  var isNarrow: Bool { float8 != nil || integers.map { $0.upperBound <= 65_535 } == true }

  /// The lower bits of an integer, as two's complement where it has signs.
  func wrapped(_ x: Int64) -> Int64 {
    guard let integers, !integers.contains(x), integers.upperBound < 1 << 32 else { return x }
    let count = integers.upperBound - integers.lowerBound + 1
    return ((x &- integers.lowerBound) & (count - 1)) + integers.lowerBound
  }

  /// The first opset whose ops take it.
  var since: Int { float8 != nil ? 19 : self == .uint4 || self == .int4 ? 21 : 1 }
}

/// A format of floats in 8 bits.
/// - Source: ONNX 1.20, "Float stored in 8 bits"; Micikevicius et al. 2022, arXiv 2209.05433; Noune et al. 2022, arXiv
///   2206.02915.
struct Float8: Sendable {
  let mantissaBits: Int
  let bias: Int
  /// Whether it has no infinities: the largest exponent is that of numbers too.
  let isFinite: Bool
  /// Whether 0 has no sign; what would be −0 is then NaN.
  let isUnsignedZero: Bool

  /// The number that 8 bits stand for.
  func value(_ bits: UInt8) -> Float {
    let sign: Float = bits & 0x80 == 0 ? 1 : -1, places = 1 << mantissaBits
    let magnitude = Int(bits & 0x7F), exponent = magnitude / places, mantissa = magnitude % places
    if isUnsignedZero {
      if bits == 0x80 { return .nan }
    } else if isFinite {
      if magnitude == 0x7F { return .nan }
    } else if exponent == 0x7F / places {
      return mantissa == 0 ? sign * .infinity : .nan
    }
    let step = Float(sign: .plus, exponent: max(exponent, 1) - bias - mantissaBits, significand: 1)
    return sign * Float(exponent > 0 ? places + mantissa : mantissa) * step
  }

  private var largest: Float { value(isUnsignedZero ? 0x7F : isFinite ? 0x7E : 0x7B) }

  /// The nearest number of the format, halves to even.
  /// - Parameter saturating: whether what is too large becomes the largest number; else infinity or, where there is
  ///   none, NaN.
  func rounded(_ x: Float, saturating: Bool) -> Float {
    guard !x.isNaN else { return x }
    let beyond: Float = saturating ? largest : isFinite ? .nan : .infinity
    guard x.isFinite else { return x < 0 ? -beyond : beyond }
    guard x != 0 else { return isUnsignedZero ? 0 : x }
    let step = Float(sign: .plus, exponent: max(Int(x.exponent), 1 - bias) - mantissaBits, significand: 1)
    let near = (x / step).rounded(.toNearestOrEven) * step
    if abs(near) > largest { return x < 0 ? -beyond : beyond }
    return near == 0 && isUnsignedZero ? 0 : near
  }

  /// The bits of one of its numbers.
  func bits(_ x: Float) -> UInt8 {
    let found = (UInt8.min...UInt8.max).first { value($0).bitPattern == x.bitPattern }
    return found ?? (isUnsignedZero ? 0x80 : 0x7F)
  }
}

extension ElementType {
  /// The type that holds numbers of ONNX's type of that number; nil: none does.
  init?(onnx number: Int) {
    switch number {
    case 1, 10, 11: self = .float32
    case 7: self = .int64
    case 9: self = .bool
    default:
      guard let stored = StoredNumber(onnx: number) else { return nil }
      self = stored.element
    }
  }
  /// The types of files that are held, for refusals.
  static let taken = "float, double, float16, bfloat16, float8, bool or integers of 4 to 64 bits"
}

import DitherTensor

// Facts that ops tell of themselves to those who fuse, fold, bound and train graphs.

/// A function of one element or of two.
public struct ElementFunction: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    case unary(Kernels.Unary)
    case binary(Kernels.Binary)
  }
  let kind: Kind
  static func unary(_ function: Kernels.Unary) -> ElementFunction { ElementFunction(kind: .unary(function)) }
  static func binary(_ function: Kernels.Binary) -> ElementFunction { ElementFunction(kind: .binary(function)) }
}

/// A normalization by the batch's own statistics: what stands in for one by stored statistics while a model is trained.
public struct StatisticsVariant: Sendable {
  /// Its operands are those before `mean`; its results are the value, the batch's mean and its biased variance.
  let op: any Op
  /// The operands of the stored statistics.
  let mean: Int, variance: Int
}

/// y = (x − center) · factor + shift, by channel.
public struct ChannelAffine: Sendable {
  let factor: Tensor, center: Tensor, shift: Tensor
}

/// A dense layer with constant weights.
public struct DenseLayer: Sendable {
  /// The operand that it is of.
  let input: Int
  /// [classes, features].
  let weights: Tensor
  /// [classes]; nil: none.
  let bias: [Float]?
}

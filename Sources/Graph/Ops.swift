import DitherBasics
import Foundation

extension Catalog where Entry == any OnnxOp.Type {
  /// Every op that a model may have.
  public static let ops = Catalog(
    "op",
    [
      Abs.self, Add.self, AveragePool.self, BatchNormalization.self, Cast.self, Ceil.self, Clip.self, Concat.self,
      Conv.self, Div.self, Dropout.self, Elu.self, Erf.self, Exp.self, Flatten.self, Floor.self, Gather.self, Gelu.self,
      Gemm.self, GlobalAveragePool.self, HardSigmoid.self, HardSwish.self, Identity.self, InstanceNormalization.self,
      LayerNormalization.self, LeakyRelu.self, Log.self, LogSoftmax.self, MatMul.self, Max.self, MaxPool.self, Min.self,
      Mul.self, Neg.self, Pad.self, Pow.self, PRelu.self, Reciprocal.self, ReduceMax.self, ReduceMean.self,
      ReduceSum.self, Relu.self, Reshape.self, Round.self, Selu.self, ShapeOf.self, Sigmoid.self, Sign.self, Slice.self,
      Softmax.self, Softplus.self, Sqrt.self, Squeeze.self, Sub.self, Tanh.self, Transpose.self, Unsqueeze.self,
    ], name: { $0.onnx.type })
}

func gelu(_ x: Float, _ byTanh: Bool) -> Float {
  byTanh
    ? 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
    : 0.5 * x * (1 + erf(x * 0.7071067811865476))
}

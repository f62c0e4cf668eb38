import DitherBasics

extension Catalog where Entry == any OnnxOp.Type {
  /// Every op that a model may have.
  public static let ops = Catalog(
    "op",
    [
      Abs.self, Add.self, And.self, ArgMax.self, ArrayFeatureExtractor.self, AveragePool.self, BatchNormalization.self,
      Cast.self, Ceil.self, Celu.self, Clip.self, Concat.self, ConstantOfShape.self, Conv.self, ConvTranspose.self,
      DepthToSpace.self, Div.self, Dropout.self, Elu.self, Equal.self, Erf.self, Exp.self, Expand.self, Flatten.self,
      Floor.self, Gather.self, Gelu.self, Gemm.self, GlobalAveragePool.self, GlobalMaxPool.self, Greater.self,
      GreaterOrEqual.self, GroupNormalization.self, HardSigmoid.self, HardSwish.self, Identity.self,
      InstanceNormalization.self, LayerNormalization.self, LeakyRelu.self, Less.self, LessOrEqual.self, Log.self,
      LogSoftmax.self, LRN.self, MatMul.self, Max.self, MaxPool.self, Mean.self, Min.self, Mish.self, Mul.self,
      Neg.self, Normalizer.self, Not.self, NumberRange.self, Or.self, Pad.self, Pow.self, PRelu.self, Reciprocal.self,
      ReduceL2.self, ReduceMax.self, ReduceMean.self, ReduceMin.self, ReduceProd.self, ReduceSum.self,
      ReduceSumSquare.self, Relu.self, Reshape.self, Resize.self, Round.self, Scaler.self, Selu.self, ShapeOf.self,
      Sigmoid.self, Sign.self, Size.self, Slice.self, Softmax.self, Softplus.self, SpaceToDepth.self, Split.self,
      Sqrt.self, Squeeze.self, Sub.self, Sum.self, Tanh.self, Tile.self, Transpose.self, Unsqueeze.self, Upsample.self,
      Where.self, Xor.self, ZipMap.self,
    ], name: { $0.onnx.type })
}

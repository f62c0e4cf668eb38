import DitherBasics

extension Catalog where Entry == any OnnxOp.Type {
  /// Every op that a model may have.
  public static let ops = Catalog(
    "op",
    [
      Abs.self, Acos.self, Acosh.self, Add.self, AffineGrid.self, And.self, ArgMax.self, ArgMin.self,
      ArrayFeatureExtractor.self, Asin.self, Asinh.self, Atan.self, Atanh.self, AveragePool.self,
      BatchNormalization.self, Binarizer.self, Cast.self, Ceil.self, Celu.self, Clip.self, Concat.self,
      ConstantOfShape.self, Conv.self, ConvTranspose.self, Cos.self, Cosh.self, CumSum.self, DepthToSpace.self,
      DequantizeLinear.self, Div.self, Dropout.self, Einsum.self, Elu.self, Equal.self, Erf.self, Exp.self, Expand.self,
      Flatten.self, Floor.self, Gather.self, GatherElements.self, GatherND.self, Gelu.self, Gemm.self,
      GlobalAveragePool.self, GlobalLpPool.self, GlobalMaxPool.self, Greater.self, GreaterOrEqual.self, GridSample.self,
      GroupNormalization.self, GRU.self, Hardmax.self, HardSigmoid.self, HardSwish.self, Identity.self, Imputer.self,
      InstanceNormalization.self, IsInf.self, IsNaN.self, LabelEncoder.self, LayerNormalization.self, LeakyRelu.self,
      Less.self, LessOrEqual.self, LinearClassifier.self, LinearRegressor.self, Log.self, LogSoftmax.self,
      LpNormalization.self, LpPool.self, LRN.self, LSTM.self, MatMul.self, Max.self, MaxPool.self, Mean.self, Min.self,
      Mish.self, Mod.self, Mul.self, Neg.self, Normalizer.self, Not.self, NumberRange.self, OneHot.self,
      OneHotEncoder.self, Or.self, Pad.self, Pow.self, PRelu.self, QuantizeLinear.self, Reciprocal.self, ReduceL1.self,
      ReduceL2.self, ReduceLogSum.self, ReduceLogSumExp.self, ReduceMax.self, ReduceMean.self, ReduceMin.self,
      ReduceProd.self, ReduceSum.self, ReduceSumSquare.self, Relu.self, Reshape.self, Resize.self, RNN.self, Round.self,
      Scaler.self, ScatterElements.self, ScatterND.self, Selu.self, ShapeOf.self, Shrink.self, Sigmoid.self, Sign.self,
      Sin.self, Sinh.self, Size.self, Slice.self, Softmax.self, Softplus.self, Softsign.self, SpaceToDepth.self,
      Split.self, Sqrt.self, Squeeze.self, Sub.self, Sum.self, SVMClassifier.self, SVMRegressor.self, Tan.self,
      Tanh.self, ThresholdedRelu.self, Tile.self, TopK.self, Transpose.self, TreeEnsembleClassifier.self,
      TreeEnsembleRegressor.self, Trilu.self, Unsqueeze.self, Upsample.self, Where.self, Xor.self, ZipMap.self,
    ], name: { $0.onnx.type })
}

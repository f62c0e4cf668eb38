extension Dither_V1_Prediction {
  /// The values of a measure by its name, one or one for each class; nil where the answer does not have it.
  public func values(of measure: String) -> [Double]? {
    measures.first { $0.name == measure }?.values
  }
}

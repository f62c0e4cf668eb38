extension Collection where Element: BinaryFloatingPoint {
  /// The middle of the values in their order, of an even number the mean of the middle two, as NumPy has it; nil of
  /// none. Infinity is beyond every number.
  public var median: Element? {
    let rising = sorted(), middle = rising.count / 2
    guard !rising.isEmpty else { return nil }
    return rising.count % 2 == 1 ? rising[middle] : (rising[middle - 1] + rising[middle]) / 2
  }
}

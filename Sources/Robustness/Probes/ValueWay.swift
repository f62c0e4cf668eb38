/// A way to lead a regression's answers off the true values: an attack searches along each of them.
enum ValueWay {
  /// All values, to the side where each is (1) or to the other (−1).
  case together(Float)
  /// One of them to a side.
  case one(value: Int, Float)

  /// Values that are led by themselves, at most: each takes two searches.
  private static let mostLed = 8

  /// - Parameter width: values of an answer.
  static func all(width: Int) -> [ValueWay] {
    let together: [ValueWay] = [.together(1), .together(-1)]
    guard width > 1 else { return together }
    return together + (0..<min(width, mostLed)).flatMap { [.one(value: $0, 1), .one(value: $0, -1)] }
  }

  /// - Parameter clean: the answer to the example as it is.
  func leading(_ values: TrueValues, from clean: ArraySlice<Float>) -> TrueValues {
    switch self {
    case .together(let sign): values.leading(to: zip(clean, values.values).map { $0 >= $1 ? sign : -sign })
    case .one(let value, let side): values.leading(value: value, to: side)
    }
  }
}

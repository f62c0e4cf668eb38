import DitherBasics

/// The true classes of examples, by their numbers, with the names that the model has for classes.
public struct ClassLabels: RandomAccessCollection, Sendable {
  /// One for each example.
  public let numbers: [Int]
  /// One for each class, or none.
  private let names: [String]

  public init(_ numbers: [Int], names: [String] = []) {
    self.numbers = numbers
    self.names = names
  }

  /// The labels of some examples, by their places.
  func only(_ places: some Sequence<Int>) -> ClassLabels { ClassLabels(places.map { numbers[$0] }, names: names) }

  /// The first example's place.
  public var startIndex: Int { numbers.startIndex }
  /// The place behind the last example.
  public var endIndex: Int { numbers.endIndex }
  /// The number of an example's class.
  public subscript(position: Int) -> Int { numbers[position] }

  /// A class for readers: by its name where it has one, "cat", else "class 3".
  public func name(of label: Int) -> String {
    names.indices.contains(label) ? "'\(names[label].clipped())'" : "class \(label)"
  }
}

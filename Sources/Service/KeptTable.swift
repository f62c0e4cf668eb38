/// Values by keys that come and go elsewhere, as versions do: when they have become twice as many as were left the last
/// time, those whose keys are gone are forgotten.
package struct KeptTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  /// So many are kept without asking.
  package static var few: Int { 64 }

  package private(set) var values: [Key: Value] = [:]
  private var most = Self.few

  package init() {}

  package subscript(_ key: Key) -> Value? { values[key] }

  /// - Parameters:
  ///   - key: of a value that may be new.
  ///   - fallback: the value of a new one.
  ///   - known: the keys that are there; asked now and then.
  package mutating func change<Result>(
    _ key: Key, default fallback: @autoclosure () -> Value, among known: () -> Set<Key>,
    _ body: (inout Value) -> Result
  ) -> Result {
    if values[key] == nil, values.count >= most {
      let known = known()
      values = values.filter { known.contains($0.key) }
      most = max(Self.few, 2 * values.count)
    }
    return body(&values[key, default: fallback()])
  }

  /// Changes a value that is there.
  package mutating func update(_ key: Key, _ body: (inout Value) -> Void) {
    if let index = values.index(forKey: key) { body(&values.values[index]) }
  }
}

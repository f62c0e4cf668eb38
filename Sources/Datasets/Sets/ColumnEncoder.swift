import DitherBasics

/// A column of a table as numbers: one that is standardized by the training part, or one for each word.
enum ColumnEncoder {
  case number(ColumnScale)
  case words([String])

  init(_ fields: [String]) {
    let numbers = fields.compactMap(Double.init)
    guard numbers.count == fields.count else {
      self = .words(Set(fields).sorted())
      return
    }
    self = .number(ColumnScale(numbers.filter(\.isFinite)))
  }
  /// Which columns of the encoded rows are standardized.
  static func standardized(_ encoders: [ColumnEncoder]) -> Set<Int> {
    var found: Set<Int> = [], at = 0
    for encoder in encoders {
      if case .number = encoder { found.insert(at) }
      at += encoder.width
    }
    return found
  }
  /// How the numbers of a row are made, in words.
  /// - Parameter names: of the columns.
  static func features(_ encoders: [ColumnEncoder], _ names: [String]) -> [String] {
    zip(encoders, names).flatMap { encoder, name -> [String] in
      switch encoder {
      case .number(let scale): [scale.words(for: name)]
      case .words(let words): words.map { "\(name) is \($0.clipped()): 1, else 0" }
      }
    }
  }
  /// Words that the training part has not are no word of a column of words; a column of numbers has numbers alone.
  func takes(_ field: String) -> Bool {
    guard case .number(let scale) = self else { return true }
    return Double(field).map { $0.isFinite && scale.standardized($0).isFinite } ?? false
  }
  var width: Int { if case .words(let words) = self { words.count } else { 1 } }
  func encode(_ field: String) -> [Float] {
    switch self {
    case .number(let scale): [scale.standardized(Double(field) ?? .nan)]
    case .words(let words): words.map { $0 == field ? 1 : 0 }
    }
  }
}

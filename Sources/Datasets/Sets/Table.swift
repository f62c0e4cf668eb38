import DitherBasics
import DitherTensor

/// A table of the UCI repository: features in columns, the class in one of them.
protocol Table: DatasetSource {
  static var classNames: [String] { get }
  /// Counted from the front, or, if negative, from the end.
  static var classColumn: Int { get }
  static var ignoredColumns: Set<Int> { get }
  /// The file that is the test part; nil: every fifth row of a fixed shuffle is.
  static var testFile: String? { get }
  static func className(_ field: String) -> String
}

extension Table {
  static var classColumn: Int { -1 }
  static var ignoredColumns: Set<Int> { [] }
  static var testFile: String? { nil }
  static func className(_ field: String) -> String { field }

  /// Columns of numbers are standardized by the training part's mean and deviation; columns of words become one column
  /// for each word that the training part has.
  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    var train: [[String]] = [], test: [[String]] = []
    for file in files {
      let rows = try Csv(root.read(file, of: name).droppingComments, at: file.path).rows
      if let testFile, file.path.hasSuffix(testFile) { test += rows } else { train += rows }
    }
    if testFile == nil {
      let all = train, holdout = Holdout(count: all.count)
      (train, test) = (holdout.train.map { all[$0] }, holdout.test.map { all[$0] })
    }
    guard let width = train.first?.count, width > 1, test.allSatisfy({ $0.count == width }) else {
      throw DatasetError(.malformed, at: "data set '\(name)'", expected: "rows of one width", got: "others, or none")
    }
    let labelColumn = classColumn < 0 ? classColumn + width : classColumn
    let columns = (0..<width).filter { $0 != labelColumn && !ignoredColumns.contains($0) }
    let encoders = columns.map { column in ColumnEncoder(train.map { $0[column] }) }
    for (column, encoder) in zip(columns, encoders) {
      for (number, row) in (train + test).enumerated() where !encoder.takes(row[column]) {
        let isTest = number >= train.count, place = isTest ? number - train.count : number
        throw DatasetError(
          .malformed, at: "data set '\(name)', row \(place + 1) of the \(isTest ? "test" : "training") part",
          expected: "a finite number in column \(column + 1)", got: "'\(row[column].clipped())'")
      }
    }
    let rows = split == .train ? train : test
    var elements: [Float] = [], labels: [Int] = []
    for (number, row) in rows.enumerated() {
      for (column, encoder) in zip(columns, encoders) { elements += encoder.encode(row[column]) }
      guard let label = classNames.firstIndex(of: className(row[labelColumn])) else {
        throw DatasetError(
          .malformed, at: "data set '\(name)', row \(number + 1)", expected: "one of \(classNames)",
          got: "'\(row[labelColumn].clipped())'")
      }
      labels.append(label)
    }
    var set = Dataset(
      name: name, inputs: Tensor([rows.count, encoders.reduce(0) { $0 + $1.width }], elements), labels: labels,
      classNames: classNames)
    set.standardizedColumns = ColumnEncoder.standardized(encoders)
    set.features = ColumnEncoder.features(encoders, columns.map { "column \($0 + 1)" })
    return set
  }
}

extension [UInt8] {
  /// Without lines that begin with a bar, UCI's comments.
  fileprivate var droppingComments: [UInt8] {
    guard first == UInt8(ascii: "|") else { return self }
    return Array(drop { $0 != UInt8(ascii: "\n") }.dropFirst())
  }
}

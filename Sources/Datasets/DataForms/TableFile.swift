import DitherBasics
import DitherTensor

/// A table of one's own: a row an example, features in columns, the target in one of them.
struct TableFile: DataForm {
  static let name = "table"
  static let summary = "a table: FILE.csv or FILE.tsv, the target in its last column or ?target=COLUMN"
  static func takes(_ files: OwnFiles) -> Bool { files.endings == ["csv"] || files.endings == ["tsv"] }

  /// The target's column, by its name or its number from 1; nil: the last.
  var target: String?
  /// Columns that are no features, by names or numbers with commas between.
  var ignore: String?
  /// Whether the first row has names; nil: by what it holds.
  var header: Bool?
  /// nil: words are classes; numbers are, where they are few and whole.
  var task: TargetKind?

  /// Whole numbers of a target that are classes where nobody says: at most so many, and each so often on the mean.
  private static let mostNumberClasses = 20, leastRowsOfClass = 5
  /// Classes of a target.
  static let mostClasses = 10_000
  /// Words of a column that become columns.
  private static let mostWords = 1000
  /// Bytes of the file, which is held as rows of words.
  private static let mostBytes = 1 << 29
  /// Numbers of all rows.
  private static let mostNumbers = 1 << 30

  func load(_ split: Split, from files: inout OwnFiles) throws -> Dataset {
    let csv = try Csv(files.content(most: Self.mostBytes), at: files.path.clipped()).rows
    let hasHeader = header ?? Self.isHeader(csv)
    let columns = Columns(file: files.path.clipped(), names: hasHeader ? csv.first : nil, first: hasHeader ? 2 : 1)
    let rows = Array(csv.dropFirst(hasHeader ? 1 : 0)), width = csv.first?.count ?? 0
    guard rows.count >= 2, width >= 2 else {
      throw DatasetError(
        .malformed, at: columns.file, expected: "at least two rows of two columns, one of them the target",
        got: "\(rows.count) rows of \(width)")
    }
    let targetColumn = try target.map { try columns.index($0, option: "target", of: width) } ?? width - 1
    let ignored = try (ignore ?? "").split(separator: ",").map {
      try columns.index(String($0), option: "ignore", of: width)
    }
    let features = (0..<width).filter { $0 != targetColumn && !ignored.contains($0) }
    guard !features.isEmpty else {
      throw DatasetError(.malformed, at: columns.file, expected: "a column beside the target", got: "all are ignored")
    }
    let holdout = Holdout(count: rows.count)
    let encoders = try features.map { try Self.encoder($0, rows, holdout, columns) }
    let chosen = holdout.rows(split), length = encoders.reduce(0) { $0 + $1.width }
    guard chosen.count <= Self.mostNumbers / max(length, 1) else {
      throw DatasetError(
        .tooLarge, at: columns.file, expected: "at most \(Self.mostNumbers) numbers",
        got: "\(chosen.count) rows of \(length)")
    }
    let inputs = chosen.flatMap { row in zip(features, encoders).flatMap { $1.encode(rows[row][$0]) } }
    let (targets, names) = try targets(rows, targetColumn, columns)
    var set = Dataset(
      name: files.path, inputs: Tensor([chosen.count, length], inputs), targets: targets.rows(chosen),
      targetNames: names)
    set.standardizedColumns = ColumnEncoder.standardized(encoders)
    set.features = ColumnEncoder.features(encoders, features.map { columns.words($0) })
    set.undividedCount = rows.count
    return set
  }

  /// A first row without a number is one of names, where no word of it comes again in its column.
  private static func isHeader(_ rows: [[String]]) -> Bool {
    guard let first = rows.first, rows.count > 1 else { return false }
    return first.allSatisfy { Double($0) == nil && !$0.isEmpty }
      && first.indices.allSatisfy { column in !rows.dropFirst().contains { $0[column] == first[column] } }
  }

  /// A column most of whose fields are numbers is one of numbers.
  private static func encoder(
    _ column: Int, _ rows: [[String]], _ holdout: Holdout, _ columns: Columns
  ) throws(DatasetError) -> ColumnEncoder {
    let training = holdout.train.map { rows[$0][column] }
    if rows.count(where: { Double($0[column]) != nil }) * 2 > rows.count {
      if let row = rows.firstIndex(where: { !(Double($0[column])?.isFinite ?? false) }) {
        throw columns.refuse(
          rows[row][column], row, column, "a finite number, as most of the column are",
          "mend or remove the row, or leave the column out with ?ignore=\(columns.name(column))")
      }
      let encoder = ColumnEncoder(training)
      if let row = rows.firstIndex(where: { !encoder.takes($0[column]) }) {
        throw columns.refuse(rows[row][column], row, column, "a number near those of the training part", nil)
      }
      return encoder
    }
    if let row = rows.firstIndex(where: { $0[column].isEmpty }) {
      throw columns.refuse("", row, column, "a word", "mend or remove the row")
    }
    let words = Set(training)
    guard words.count <= Self.mostWords else {
      throw DatasetError(
        .tooLarge, at: "\(columns.file), \(columns.words(column))",
        expected: "numbers, or at most \(Self.mostWords) words", got: "\(words.count) words",
        advice: "leave it out with ?ignore=\(columns.name(column))")
    }
    return .words(words.sorted())
  }

  private func targets(
    _ rows: [[String]], _ column: Int, _ columns: Columns
  ) throws(DatasetError) -> (targets: Targets, names: [String]) {
    let fields = rows.map { $0[column] }, numbers = fields.map { Double($0).flatMap { $0.isFinite ? $0 : nil } }
    if let row = fields.firstIndex(where: \.isEmpty) {
      throw columns.refuse("", row, column, "a target", "mend or remove the row")
    }
    let known = numbers.compactMap { $0 }, distinct = Set(known)
    let areNumbers = known.count * 2 > fields.count
    let areFew = distinct.count <= Self.mostNumberClasses && distinct.count * Self.leastRowsOfClass <= fields.count
    let kind =
      task ?? (areNumbers && !(areFew && known.allSatisfy { $0.rounded() == $0 }) ? .regression : .classification)
    if kind == .regression || (areNumbers && task == nil), let row = numbers.firstIndex(of: nil) {
      throw columns.refuse(
        fields[row], row, column, "a number, as the target's are",
        "say ?task=classification where the numbers are names of classes")
    }
    if kind == .regression {
      return (
        .values(Tensor([known.count, 1], known.map { Float($0) })), [columns.name(column)]
      )
    }
    let names = known.count == fields.count ? distinct.sorted().map(Self.text) : Set(fields).sorted()
    guard (2...Self.mostClasses).contains(names.count) else {
      throw DatasetError(
        .malformed, at: "\(columns.file), \(columns.words(column))",
        expected: "2 to \(Self.mostClasses) classes", got: "\(names.count)",
        advice: "name the target's column with ?target=, or say ?task=regression")
    }
    let byName = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let labels = zip(fields, numbers).map { field, number in
      byName[known.count == fields.count ? number.map(Self.text) ?? field : field] ?? 0
    }
    return (.classes(labels, count: names.count), names)
  }

  /// 3 and 3.0 are one class.
  private static func text(_ number: Double) -> String {
    number.rounded() == number && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
  }
}

/// How columns are named in options and in messages.
private struct Columns {
  var file: String
  /// nil: they have no names.
  var names: [String]?
  /// The number of the first row of data, from 1.
  var first: Int

  func name(_ column: Int) -> String { names?[column] ?? "\(column + 1)" }
  func words(_ column: Int) -> String { names.map { "column '\($0[column].clipped())'" } ?? "column \(column + 1)" }

  func index(_ word: String, option: String, of width: Int) throws(DatasetError) -> Int {
    let found = (names ?? []).indices.filter { names?[$0] == word }
    if found.count == 1 { return found[0] }
    if found.isEmpty, let number = Int(word), (1...width).contains(number) { return number - 1 }
    throw DatasetError(
      .malformed, at: "\(file), option '\(option)'",
      expected: found.count > 1
        ? "a name that one column has, or a number from 1 to \(width)"
        : (names.map { "one of \($0.joined(separator: ", ").clipped(to: 300)), or " } ?? "")
          + "a number from 1 to \(width)",
      got: "'\(word.clipped())'", advice: nearest(to: word, among: names ?? []).map { "did you mean '\($0)'?" })
  }

  func refuse(
    _ field: String, _ row: Int, _ column: Int, _ expected: String, _ advice: String?
  ) -> DatasetError {
    DatasetError(
      .malformed, at: "\(file), row \(row + first), \(words(column))", expected: expected,
      got: field.isEmpty ? "nothing" : "'\(field.clipped())'", advice: advice)
  }
}

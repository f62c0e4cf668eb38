import DitherBasics

/// A published set of texts with classes: a line an example, the label in front.
protocol TextSet: DatasetSource {
  /// As lines name them, in the order of their numbers.
  static var labels: [String] { get }
  /// As people call them.
  static var classNames: [String] { get }
  /// Between label and text.
  static var separator: Character { get }
  /// The file that is the test part; nil: every fifth line of a fixed shuffle is.
  static var testFile: String? { get }
}

extension TextSet {
  static var labels: [String] { (0..<classNames.count).map(String.init) }
  static var separator: Character { " " }
  static var testFile: String? { nil }

  static func load(_ split: Split, from root: DataRoot) throws(DatasetError) -> Dataset {
    try load(split, TextOptions(), from: root)
  }
  static func load(_ split: Split, options: [String: String], from root: DataRoot) throws -> Dataset {
    try load(split, Parameters.overlay(options, on: TextOptions(), of: "data set '\(name)', option"), from: root)
  }

  private static func load(_ split: Split, _ options: TextOptions, from root: DataRoot) throws(DatasetError) -> Dataset
  {
    var texts = LabeledTexts(classNames: classNames), trained = 0
    for file in files.sorted(by: { a, _ in !isTest(a) }) {
      let lines = LabeledTexts.lines(try root.read(file, of: name))
      for (at, line) in lines.enumerated() {
        guard let end = line.firstIndex(of: separator), let label = labels.firstIndex(of: String(line[..<end])) else {
          throw DatasetError(
            .malformed, at: "\(file.path), line \(at + 1)",
            expected: "one of \(labels.joined(separator: ", ")), then a text", got: "'\(String(line).clipped())'")
        }
        texts.add(line[line.index(after: end)...], label: label)
      }
      if !isTest(file) { trained = texts.labels.count }
    }
    let all = Array(texts.labels.indices), holdout = Holdout(count: all.count)
    let train = testFile == nil ? holdout.train : Array(all[..<trained])
    let test = testFile == nil ? holdout.test : Array(all[trained...])
    return try texts.dataset(split == .train ? train : test, train: train, options, name: name)
  }

  private static func isTest(_ file: DataFile) -> Bool { testFile.map { file.path.hasSuffix($0) } ?? false }
}

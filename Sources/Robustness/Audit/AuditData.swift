import DitherBasics
import DitherInference
import DitherTensor

/// Labeled examples, and how a report names them.
public struct AuditData: Sendable {
  public var name: String
  /// [N, …]: pictures in [0, 1], or rows of a table, or of several inputs.
  public var inputs: Tensor
  /// How several named inputs lie in a row; nil: the rows are as the models take them.
  public var layout: RowLayout?
  /// The inputs that came as bytes and are divided by 255, by their numbers in `layout`, 0 of one alone: models that
  /// take integers have them as they came.
  public var byteInputs: Set<Int> = []
  /// Columns that the models take as integers, which attacks leave.
  package private(set) var integerColumns = 0
  /// [N]: class numbers; ``Label/none`` each where there are values.
  public var labels: [Int]
  /// [N, D]: the right answers of a regression; nil: they are the labels.
  public private(set) var values: Tensor?
  /// How far an answer of a regression may be from its value and still count as right; nil: half the standard deviation
  /// of the examples' values.
  public var tolerance: Double?
  /// By value, as it is in force; none of classes.
  package private(set) var tolerances: [Double] = []
  /// The first example's number: what is random about an example follows from its number.
  public var start: Int
  /// Where the labels came from a file of their own.
  public var labelsName: String?
  /// For a table: bounds of its features, and which of them stay; nil: for inputs that leave [0, 1], the bounds of the
  /// data.
  public var features: Features?
  /// How a command names the features' file.
  public var featuresName: String?
  /// [N]: the class to which each example is to be led, for attacks with `target=given`.
  public var targets: [Int]?
  /// How a command names the targets' file.
  public var targetsName: String?
  /// How a command names the inputs, where that is not their name.
  public var path: String?

  public init(
    name: String, inputs: Tensor, labels: [Int], start: Int = 0, labelsName: String? = nil, path: String? = nil
  ) {
    self.name = name
    self.start = start
    self.labelsName = labelsName
    self.path = path
    self.inputs = inputs
    self.labels = labels
  }

  /// - Parameter values: [N, D]: the right answers of a regression.
  public init(
    name: String, inputs: Tensor, values: Tensor, start: Int = 0, labelsName: String? = nil, path: String? = nil
  ) {
    self.init(
      name: name, inputs: inputs, labels: [Int](repeating: Label.none, count: values.rowCount), start: start,
      labelsName: labelsName, path: path)
    self.values = values
  }

  /// - Parameter targets: a class each, or values.
  /// - Throws: of shares of classes.
  public init(
    name: String, inputs: Tensor, targets: Targets, start: Int = 0, labelsName: String? = nil, path: String? = nil
  ) throws(RobustnessError) {
    switch targets {
    case .classes(let labels, _):
      self.init(name: name, inputs: inputs, labels: labels, start: start, labelsName: labelsName, path: path)
    case .values(let values):
      self.init(name: name, inputs: inputs, values: values, start: start, labelsName: labelsName, path: path)
    case .shares:
      throw RobustnessError(
        .data, at: "data '\(name.clipped())'", expected: "a class or values for each example", got: "shares of classes")
    }
  }

  /// The first of them, at most so many.
  public func prefix(_ count: Int) -> AuditData {
    guard count < labels.count, inputs.shape.rank > 0, count <= inputs.rowCount else { return self }
    var part = self
    part.inputs = inputs.rows(0..<count)
    part.labels = Array(labels.prefix(count))
    part.values = values.map { $0.rows(0..<min(count, $0.rowCount)) }
    part.targets = targets.map { Array($0.prefix(count)) }
    return part
  }

  /// The same with rows in the order of the inputs that all models have.
  /// - Throws: where they are rows of other inputs.
  private func arranged(for subjects: [AuditSubject]) throws(RobustnessError) -> AuditData {
    guard let own = subjects.first?.model.signature else { return self }
    // One input may have any name.
    let isOne = subjects.allSatisfy { $0.model.signature.inputs.count == 1 }
    if !isOne, let other = subjects.first(where: { $0.model.signature.layout != own.layout }) {
      throw RobustnessError(
        .data, at: "model '\(other.name.clipped())'",
        expected: "the inputs of '\(subjects[0].name.clipped())', in their order: \(own.takes)",
        got: other.model.signature.takes)
    }
    guard let layout else { return self }
    var data = self
    do { data.inputs = try own.arranged(inputs, as: layout) } catch {
      throw RobustnessError(
        .data, at: "data '\(name.clipped())'",
        expected: "the inputs of '\(subjects[0].name.clipped())': \(error.expected)", got: error.got)
    }
    data.layout = layout.parts.count > 1 ? own.layout : nil
    return data
  }

  /// The rows by the names of their inputs, whichever order a model or an archive has.
  private var byName: Tensor {
    guard let layout else { return inputs }
    guard layout.parts.count > 1 else { return layout.rows(of: 0, in: inputs) }
    return layout.arranged(inputs, as: RowLayout(layout.parts.sorted { $0.name < $1.name })) ?? inputs
  }

  /// SHA-256 of the examples' shape, numbers and labels or values, little-endian.
  public var digest: String {
    let inputs = byName
    var hash = Sha256()
    for extent in inputs.shape.dimensions { hash.update(withUnsafeBytes(of: UInt64(extent).littleEndian, Array.init)) }
    inputs.elements.withUnsafeBytes { hash.update($0) }
    if let values {
      values.elements.withUnsafeBytes { hash.update($0) }
    } else {
      for label in labels { hash.update(withUnsafeBytes(of: Int64(label).littleEndian, Array.init)) }
    }
    return hash.finish().description
  }
}

extension AuditData {
  /// Rows of numbers, for models that take such rows as they are.
  private func isTable(for subjects: [AuditSubject]) -> Bool {
    inputs.shape.rank == 2
      && subjects.allSatisfy { $0.model.signature.inputShape.rank == 1 && $0.model.signature.normalization.isIdentity }
  }

  /// The first `count` examples. A table without given bounds has those of these examples; so have several inputs, and
  /// integers, which are fixed.
  /// - Throws: when they are fewer, or not what the models take, or lie outside of their bounds: of pictures [0, 1].
  package func checked(for subjects: [AuditSubject], count: Int) throws -> AuditData {
    func refuse(_ place: String, _ expected: String, _ got: String, _ advice: String? = nil) -> RobustnessError {
      RobustnessError(.data, at: place, expected: expected, got: got, advice: advice)
    }
    let rows = inputs.shape.rank == 0 ? 0 : inputs.rowCount
    guard labels.count == rows else {
      let wanted = subjects.first?.model.signature.task.isRegression ?? false ? "values" : "labels"
      throw refuse(wanted, "\(rows), one an example", "\(labels.count)")
    }
    guard rows >= count, rows > 0 else {
      throw refuse("data '\(name.clipped())'", "at least \(max(count, 1)) examples", "\(rows)")
    }
    guard targets == nil || targets?.count == rows else {
      throw refuse("targets", "\(rows), one an example", "\(targets?.count ?? 0)")
    }
    var data = try withWholeBytes(for: subjects).arranged(for: subjects).prefix(count)
    if let at = data.inputs.elements.firstIndex(where: { !$0.isFinite }) {
      throw refuse(
        "data '\(name.clipped())', example \(start + at / data.inputs.rowLength)", "finite numbers",
        "\(data.inputs.elements[at])")
    }
    let outside = data.inputs.elements.firstIndex { !(0...1).contains($0) }
    let whole = subjects.reduce(into: Set<Int>()) { $0.formUnion($1.model.signature.integerColumns) }
    if let features {
      try features.check(data.inputs, first: start)
    } else if !subjects.allSatisfy(\.model.signature.takesOneFloat) {
      data.features = Features(of: data.inputs)
    } else if let at = outside {
      guard isTable(for: subjects) else {
        throw refuse(
          "data '\(name.clipped())', example \(start + at / data.inputs.rowLength)", "numbers from 0 to 1",
          "\(data.inputs.elements[at])", "divide bytes by 255; the model's own normalization is applied behind that")
      }
      data.features = Features(of: data.inputs)
    }
    data.features?.fixed.formUnion(whole)
    data.integerColumns = whole.count
    for subject in subjects {
      let signature = subject.model.signature
      guard data.inputs.shape.row.isReadable(as: signature.inputShape) else {
        throw refuse(
          "data '\(name.clipped())'",
          signature.inputs.count == 1
            ? "examples of shape \(signature.inputShape) for '\(subject.name.clipped())'"
            : "the inputs of '\(subject.name.clipped())' by name, or one after the other: \(signature.takes)",
          "\(data.inputs.shape.row)", Self.advice(data.inputs.shape.row, for: signature.inputShape))
      }
      do {
        try signature.check(data.answers, rows: count)
        if let targets = data.targets { try signature.check(labels: targets, rows: count, "targets") }
      } catch {
        throw refuse("\(error.place) for '\(subject.name.clipped())'", error.expected, error.got, error.advice)
      }
    }
    try data.checkWhole(whole, for: subjects)
    return data
  }

  /// The same, which says when an answer of a regression is right.
  /// - Throws: for a tolerance that is none, and where there is none and the values do not differ.
  package func judging() throws(RobustnessError) -> AuditData {
    var data = self
    data.tolerances = try tolerancesInForce
    return data
  }

  /// How far a tolerance may be from the deviation of the values, as a factor: beyond that single precision tells no
  /// errors apart.
  private static let toleranceRange = 1e-4...1e4

  /// By value.
  private var tolerancesInForce: [Double] {
    get throws(RobustnessError) {
      guard let values, values.shape.rank == 2, values.rowCount > 0 else {
        guard let tolerance else { return [] }
        throw RobustnessError(
          .data, at: "tolerance", expected: "none, as the examples have classes", got: "\(tolerance)")
      }
      return try Self.deviations(of: values).enumerated().map { i, deviation throws(RobustnessError) in
        guard let tolerance else {
          guard deviation > 0, deviation.isFinite else {
            throw RobustnessError(
              .data, at: "tolerance", expected: "one that is said, as value \(i) is the same in all examples",
              got: "none", advice: "say how far an answer may be off: --tolerance")
          }
          return deviation / 2
        }
        let low = Self.toleranceRange.lowerBound * deviation, high = Self.toleranceRange.upperBound * deviation
        guard tolerance.isFinite, tolerance > 0, deviation == 0 || (low...high).contains(tolerance) else {
          throw RobustnessError(
            .data, at: "tolerance",
            expected:
              "a number above 0, of the order of the values: their standard deviation is \(Written.number(deviation))",
            got: "\(tolerance)")
        }
        return tolerance
      }
    }
  }

  /// By value: the standard deviation over the examples.
  private static func deviations(of values: Tensor) -> [Double] {
    let width = values.rowLength, count = Double(values.rowCount)
    return (0..<width).map { i in
      let column = stride(from: i, to: values.count, by: width).map { Double(values.elements[$0]) }
      let mean = column.reduce(0, +) / count
      let squares = column.reduce(0.0) { sum, value in sum + (value - mean) * (value - mean) }
      return (squares / count).squareRoot()
    }
  }

  /// The right answers of some examples of a regression, with their tolerances; nil of classes.
  func truths(of range: Range<Int>) -> [TrueValues]? {
    values.map { values in range.map { TrueValues(Array(values.row($0)), tolerance: tolerances) } }
  }

  /// The right answers.
  package var answers: Targets { values.map(Targets.values) ?? .classes(labels, count: 0) }

  /// Where channels come last in one of them and first in the other.
  static func advice(_ shape: Shape, for wanted: Shape) -> String? {
    guard shape.rank == 3, wanted.rank == 3 else { return nil }
    let (d, w) = (shape.dimensions, wanted.dimensions)
    if [d[2], d[0], d[1]] == w { return "bring the channels to the front: x.transpose(0, 3, 1, 2)" }
    return [d[1], d[2], d[0]] == w ? "bring the channels to the end: x.transpose(0, 2, 3, 1)" : nil
  }
}
